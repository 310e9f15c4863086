"""From a definition to its choreography: what each step type is to dancers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import structs

from pavane.core.decide.fan_forms import branch_step, stem_of
from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.decide.looped import is_listed
from pavane.core.decide.nodes import Node as PlanNode
from pavane.core.decide.plan import Plan, all_steps, compile_plan, node_for
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import CHOICES, Step, Workflow, content_hash
from pavane.core.projection.choreography import (
    EACH_ITEM,
    EACH_ITERATION,
    ITERATION_ENDS,
    Choreography,
    Guard,
    Source,
)
from pavane.core.projection.reading import blocks as b
from pavane.core.projection.reading.data import route
from pavane.core.projection.reading.graph import build
from pavane.errors import DefinitionError

Find = Callable[[str, int | None], Workflow | None]
"""Looks a workflow up by name and version, for sub-workflows that do not stand in place."""

_INSTANT: Mapping[str, b.StepKind] = {
    "EVENT": "publish",
    "EXCLUSIVE_JOIN": "meet",
    "INLINE": "instant",
    "NOOP": "instant",
    "SET_VARIABLE": "instant",
}


def read_choreography(
    workflow: Workflow, tasks: Mapping[str, TaskDefinition], find: Find | None = None
) -> Choreography:
    """The choreography of a workflow. DefinitionError where it lies outside the profile."""
    reader = _Reader(tasks, find)
    root = reader.sub(workflow, "", None, workflow.home)
    source = reader.source(workflow)
    choreography = build(root, version=workflow.version, hash=_hash(source))
    choreography.source = source
    nobody = [node.id for node in choreography.nodes.values() if not node.role]
    if nobody:
        raise DefinitionError(
            f"Workflow {workflow.name!r}: nobody owns the step {nobody[0]!r}.",
            "Name a service in the step or its task definition, or a `home` for the workflow.",
        )
    route(choreography, reader.inside)
    return choreography


def read_source(source: Source) -> Choreography:
    """The choreography that a source was kept of. DefinitionError where it cannot be read here."""
    by_name = {each.name: each for each in source.workflows[1:]}
    return read_choreography(source.workflows[0], source.tasks, lambda name, _: by_name.get(name))


def _hash(source: Source) -> str:
    """Of the content alone where that is all; else also of what it takes from elsewhere."""
    root, *others = source.workflows
    owners = {name: task.service for name, task in source.tasks.items() if task.service}
    owned = {
        step.name for each in source.workflows for step in _steps(each.tasks) if not step.service
    }
    elsewhere = [content_hash(each) for each in others]
    elsewhere += [f"{name} {owners[name]}" for name in sorted(owned & owners.keys())]
    if not elsewhere:
        return content_hash(root)
    body = "\0".join([content_hash(root), *elsewhere]).encode()
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _steps(steps: Sequence[Step]) -> Iterator[Step]:
    """All steps, those of scopes in place too; of a for-each, what is done for each item."""
    for step in all_steps(steps):
        yield branch_step(step) or step
        if step.sub_workflow_param and step.sub_workflow_param.workflow_definition:
            yield from _steps(step.sub_workflow_param.workflow_definition.tasks)


class _Reader:
    """Reads one workflow with all its scopes."""

    def __init__(self, tasks: Mapping[str, TaskDefinition], find: Find | None) -> None:
        self._tasks = tasks
        self._find = find
        self.inside: dict[str, tuple[Guard, ...]] = {}  # by node: the choices around it
        self._found: dict[str, Workflow] = {}  # by name: what it starts

    def source(self, workflow: Workflow) -> Source:
        """What was read, once it was."""
        others = [self._found[name] for name in sorted(self._found)]
        names: set[str] = set()
        for each in [workflow, *others]:
            for step in _steps(each.tasks):
                names |= {step.name, step.undo.name if step.undo else ""}
        tasks = {name: self._tasks[name] for name in sorted(names & self._tasks.keys())}
        return Source([workflow, *others], tasks)

    def sub(self, workflow: Workflow, path: str, step: Step | None, home: str) -> b.Sub:
        """A workflow as a scope."""
        plan = compile_plan(workflow, self._tasks)
        param = step.sub_workflow_param if step is not None else None
        return b.Sub(
            ref=step.ref if step is not None else workflow.name,
            body=self._list(workflow.tasks, plan, path, ()),
            home=home or workflow.home,
            caught=step is not None and step.optional,
            style=(param.style if param else None) or workflow.style or "choreographed",
            name=workflow.name,
            workflow=workflow,
            inner=plan,
        )

    def _list(
        self, steps: Sequence[Step], plan: Plan, path: str, inside: tuple[Guard, ...]
    ) -> list[b.Block]:
        found: list[b.Block] = []
        for i, step in enumerate(steps):
            node = plan.nodes[step.ref]
            self.inside[_id(path, step.ref)] = inside
            if step.type == "FORK_JOIN" and steps[i + 1].join_count is not None:
                found.append(self._race(step, steps[i + 1], plan, path, inside))
            elif step.type == "FORK_JOIN":
                found.append(self._fork(step, steps[i + 1], plan, path, inside))
            elif step.type == DYNAMIC_FORK:
                found.append(self._each(step, steps[i + 1], plan, path, inside))
            elif step.type in CHOICES:
                found.append(self._choice(step, node, plan, path, inside))
            elif step.type == "DO_WHILE":
                found.append(self._loop(step, node, plan, path, inside))
            elif step.type == "SUB_WORKFLOW":
                found.append(self._scope(step, node, path))
            elif step.type != "JOIN":
                found.append(self._step(step, node))
        return found

    def _step(self, step: Step, node: PlanNode) -> b.Step:
        policy = node.policy
        definition = step.task_definition or self._tasks.get(step.name)
        timed = bool(policy.timeout_ms or policy.total_timeout_ms)
        if step.type == "SIMPLE":
            tried_on = definition is not None and definition.retriable and step.retry_count is None
            return b.Step(
                step.ref,
                node.service,
                "step",
                step.type,
                task=step.name,
                fallible=not tried_on,
                late=not tried_on and (timed or policy.response_timeout_ms > 0),
                undo=step.undo is not None,
                pivot=step.pivot,
                optional=step.optional,
                harmless=definition is not None and definition.read_only,
                plan=node,
            )
        if step.type in ("WAIT", "HUMAN"):
            return b.Step(
                step.ref,
                step.service,
                "wait",
                step.type,
                task=step.name if step.type == "HUMAN" else "",
                fallible=timed or step.type == "HUMAN",  # somebody may refuse, or nobody answer
                undo=False,
                optional=step.optional,
                plan=node,
            )
        if step.type == "TERMINATE":
            kind = "finish" if _status(step) == "COMPLETED" else "break"
            return b.Step(step.ref, step.service, kind, step.type, undo=False, plan=node)
        if kind := _INSTANT.get(step.type):
            return b.Step(
                step.ref,
                step.service,
                kind,
                step.type,
                undo=False,
                optional=step.optional,
                plan=node,
            )
        raise DefinitionError(
            f"Step {step.ref!r}: a {step.type} cannot be choreographed.",
            "Let its scope be orchestrated.",
        )

    def _choice(
        self, step: Step, node: PlanNode, plan: Plan, path: str, inside: tuple[Guard, ...]
    ) -> b.Choice:
        id = _id(path, step.ref)
        cases = {
            case: self._list(steps, plan, path, (*inside, Guard(id, case)))
            for case, steps in step.decision_cases.items()
            if steps or step.type == "SWITCH"
        }
        default = self._list(step.default_case, plan, path, (*inside, Guard(id, "")))
        return b.Choice(step.ref, cases, default, step.service, step.type, node)

    def _fork(
        self, step: Step, join: Step, plan: Plan, path: str, inside: tuple[Guard, ...]
    ) -> b.Fork:
        self.inside[_id(path, join.ref)] = inside
        branches = [branch for branch in step.fork_tasks if branch]
        last = {branch[-1].ref for branch in branches}
        if set(join.join_on) != last:
            raise DefinitionError(
                f"Step {join.ref!r}: choreographed, a JOIN waits for the last step of each branch.",
                f"Let its joinOn be {sorted(last)}, or its scope be orchestrated.",
            )
        return b.Fork(
            step.ref,
            [self._list(branch, plan, path, inside) for branch in branches],
            join.ref,
            step.service,
            join.service,
            plan.nodes[step.ref],
            plan.nodes[join.ref],
        )

    def _race(
        self, step: Step, join: Step, plan: Plan, path: str, inside: tuple[Guard, ...]
    ) -> b.Some:
        """Each branch is a scope, so that it can be called off alone."""
        gate = _id(path, join.ref)
        self.inside[gate] = inside
        branches: list[b.Sub] = []
        for first in (branch[0] for branch in step.fork_tasks if branch):
            node = plan.nodes[first.ref]
            self.inside[_id(path, first.ref)] = (*inside, Guard(gate, first.ref))
            if first.type == "SUB_WORKFLOW":
                branches.append(self._scope(first, node, path))
            else:
                body = [self._step(first, node)]
                branches.append(b.Sub(first.ref, body, name=first.name, alone=True, plan=node))
        return b.Some(
            step.ref,
            branches,
            join.join_count or 0,
            join.ref,
            step.service,
            join.service,
            plan.nodes[step.ref],
            plan.nodes[join.ref],
        )

    def _each(
        self, step: Step, join: Step, plan: Plan, path: str, inside: tuple[Guard, ...]
    ) -> b.Each:
        branch = branch_step(step)
        if branch is None:
            raise DefinitionError(
                f"Step {step.ref!r}: choreographed, a FORK_JOIN_DYNAMIC has one task for all.",
                "Let its scope be orchestrated.",
            )
        item = step.ref + EACH_ITEM
        for ref in (join.ref, item):
            self.inside[_id(path, ref)] = inside
        branch = structs.replace(branch, task_reference_name=item)
        return b.Each(
            step.ref,
            [self._step(branch, node_for(branch, self._tasks))],
            join=join.ref,
            join_role=join.service,
            stem=stem_of(step, branch.name, first=plan.fans[:1] == (step.ref,)),
            plan=plan.nodes[step.ref],
            join_plan=plan.nodes[join.ref],
        )

    def _loop(
        self, step: Step, node: PlanNode, plan: Plan, path: str, inside: tuple[Guard, ...]
    ) -> b.Loop:
        for made in (EACH_ITERATION, ITERATION_ENDS):
            self.inside[_id(path, step.ref + made)] = inside
        return b.Loop(
            step.ref,
            self._list(step.loop_over, plan, path, inside),
            role=step.service,
            listed=is_listed(step),
            plan=node,
        )

    def _scope(self, step: Step, node: PlanNode, path: str) -> b.Sub:
        param = step.sub_workflow_param
        assert param is not None
        inner = param.workflow_definition
        if inner is None and self._find is not None:
            inner = self._find(param.name, param.version)
            if inner is not None:
                self._found[param.name] = inner
        if inner is None:
            raise DefinitionError(
                f"Step {step.ref!r}: the workflow {param.name!r} that it starts is not known.",
                "Register it first, or put its definition in place.",
            )
        found = self.sub(inner, _id(path, step.ref), step, param.home)
        return b.Sub(
            ref=found.ref,
            body=found.body,
            home=found.home,
            caught=found.caught,
            style=found.style,
            name=found.name,
            workflow=found.workflow,
            inner=found.inner,
            plan=node,
        )


def _id(path: str, ref: str) -> str:
    return f"{path}/{ref}" if path else ref


def _status(step: Step) -> object:
    return step.input_parameters.get("terminationStatus")
