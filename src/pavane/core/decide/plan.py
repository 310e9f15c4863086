"""A workflow compiled for look-up: what follows what, both ways, and what each step reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pavane.core.decide.retries import NO_POLICY, Policy, policy_of
from pavane.core.decide.roots import View, views_of
from pavane.core.expressions.evaluator import Expression, compile_expression
from pavane.core.expressions.template import Read, Template, compile_template
from pavane.core.model.rows import Key
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Workflow, content_hash
from pavane.errors import DefinitionError

UNDO = "undo:"
_AHEAD_MAX = 100  # keys of one step that others look ahead to
# A task that nobody defined gets Conductor's ad-hoc definition; of other step types only an
# explicit retryCount is tried again.
_AD_HOC = TaskDefinition()
WORKER_TYPE = "SIMPLE"
BUILT_IN_TYPES = frozenset({"HTTP"})  # tasks of that name, which Pavane itself carries out
RETRIED_TYPES = frozenset({WORKER_TYPE, "SUB_WORKFLOW"}) | BUILT_IN_TYPES


class UndoPlan(msgspec.Struct, frozen=True):
    """The undo of a step: the task, its input and its policy."""

    name: str
    service: str
    template: Template
    policy: Policy


class Node(msgspec.Struct):
    """A step and its place in the graph. Filled once, when the plan is made."""

    step: Step
    ref: str
    type: str
    template: Template
    policy: Policy
    service: str = ""
    fallbacks: Mapping[str, Template] = {}  # for inputs that turn out to be null
    expression: Expression | None = None
    undo: UndoPlan | None = None
    reversible: bool = False  # it has an undo, or is an execution that may have
    next: str = ""  # what follows; "" at the end of a branch or of the workflow
    fork: str = ""  # innermost FORK_JOIN around it
    joins: tuple[str, ...] = ()  # the JOINs that wait for it
    before: str = ""  # the step in front of it; "" when it is the first of its list
    inside: str = ""  # then: the SWITCH or FORK_JOIN whose list it begins; "" for the workflow
    cases: Mapping[str, tuple[str, str]] = {}  # SWITCH: case to first and last step
    default: tuple[str, str] = ("", "")
    branches: tuple[tuple[str, str], ...] = ()  # FORK_JOIN: first and last of each branch
    join: str = ""  # FORK_JOIN: the JOIN that follows
    join_on: tuple[str, ...] = ()
    of_fork: str = ""  # JOIN: its FORK_JOIN
    keys: frozenset[Key] = frozenset()  # what beginning it reads
    views: Mapping[str, View] | None = None  # the same, as its template sees it
    after: frozenset[Key] = frozenset()  # what completing it reads, as far as it is known


class Plan(msgspec.Struct):
    """A workflow ready to be decided upon."""

    workflow: Workflow
    hash: str
    nodes: dict[str, Node]
    first: str
    last: str
    output: Template
    output_keys: frozenset[Key]
    output_views: Mapping[str, View] | None
    variables: tuple[str, ...]
    inline: dict[str, Workflow] = {}  # content hash to definitions that stand in place

    def node(self, ref: str) -> Node:
        """The node of a reference name, also of its undo."""
        return self.nodes[ref.removeprefix(UNDO)]


def compile_plan(workflow: Workflow, tasks: Mapping[str, TaskDefinition]) -> Plan:
    """The plan of a valid workflow; DefinitionError or ExpressionError on one that is not."""
    nodes: dict[str, Node] = {}
    inline: dict[str, Workflow] = {}
    for step in all_steps(workflow.tasks):
        if step.ref in nodes:
            raise DefinitionError(
                f"Workflow {workflow.name!r}: two steps are named {step.ref!r}.",
                "Give each step its own taskReferenceName.",
            )
        nodes[step.ref] = _node(step, tasks)
        param = step.sub_workflow_param
        if param and param.workflow_definition:
            inline[content_hash(param.workflow_definition)] = param.workflow_definition
    first, last = _link(workflow.tasks, nodes, after="", fork="", inside="")
    for node in nodes.values():
        for ref in node.join_on:
            if ref in nodes:
                nodes[ref].joins += (node.ref,)
    variables = {*workflow.variables}
    for node in nodes.values():
        if node.type == "SET_VARIABLE":
            variables.update(node.step.input_parameters)
    output = compile_template(workflow.output_parameters, where="outputParameters")
    plan = Plan(
        workflow=workflow,
        hash=content_hash(workflow),
        nodes=nodes,
        first=first,
        last=last,
        output=output,
        output_keys=frozenset(),
        output_views=views_of(output),
        variables=tuple(sorted(variables)),
        inline=inline,
    )
    plan.output_keys = keys_of(plan, output.reads)
    for node in nodes.values():
        node.keys = keys_of(plan, node.template.reads)
        node.views = views_of(node.template)
    for node in nodes.values():
        node.after = _after(plan, node)
    return plan


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """Every step of the lists, nested ones behind the one that holds them."""
    for step in steps:
        yield step
        for inner in [*step.decision_cases.values(), step.default_case, *step.fork_tasks]:
            yield from all_steps(inner)


def keys_of(plan: Plan, reads: Iterable[Read]) -> frozenset[Key]:
    """The rows that reads of a template touch, views of joins resolved to what they show."""
    found: set[Key] = set()
    for read in reads:
        if read.root == "workflow":
            found.update(_workflow_keys(plan, read.path))
        elif read.root in plan.nodes:
            found.add(("task", read.root))
            node = plan.nodes[read.root]
            if node.type == "JOIN":
                shown = read.path[1:2]
                refs = shown if shown and shown[0] in node.join_on else node.join_on
                found.update(("task", str(ref)) for ref in refs)
    return frozenset(found)


def _workflow_keys(plan: Plan, path: tuple[str | int, ...]) -> Iterator[Key]:
    head = path[0] if path else ""
    if head in ("input", ""):
        yield ("value", "input")
    if head == "variables" and len(path) > 1:
        yield ("value", f"var:{path[1]}")
    elif head in ("variables", ""):
        for name in plan.variables:
            yield ("value", f"var:{name}")


def _node(step: Step, tasks: Mapping[str, TaskDefinition]) -> Node:
    definition = step.task_definition or tasks.get(step.name)
    where = f"{step.ref}.inputParameters"
    parameters: dict[str, Any] = step.input_parameters
    fallbacks: dict[str, Template] = {}
    if definition and definition.input_template:
        for name, value in definition.input_template.items():
            if name in parameters:
                fallbacks[name] = compile_template(value, where=f"inputTemplate.{name}")
        parameters = {**definition.input_template, **parameters}
    if step.type in BUILT_IN_TYPES and step.async_complete:
        parameters = {"asyncComplete": True, **parameters}
    policy = NO_POLICY
    if step.type in RETRIED_TYPES or definition:
        ad_hoc = _AD_HOC if step.type == WORKER_TYPE else TaskDefinition(retry_count=0)
        policy = policy_of(definition or ad_hoc, step.retry_count)
    node = Node(
        step=step,
        ref=step.ref,
        type=step.type,
        template=compile_template(parameters, where=where),
        fallbacks=fallbacks,
        policy=policy,
        service=step.service or (definition.service if definition else ""),
        reversible=step.undo is not None or step.type == "SUB_WORKFLOW",
        join_on=tuple(step.join_on),
    )
    if step.evaluator_type == "pavane":
        node.expression = compile_expression(step.expression, where=f"{step.ref}.expression")
    if step.undo:
        undo = step.undo.task_definition or tasks.get(step.undo.name) or _AD_HOC
        node.undo = UndoPlan(
            name=step.undo.name,
            service=step.undo.service or undo.service or node.service,
            template=compile_template(step.undo.input_parameters, where=f"{step.ref}.undo"),
            policy=policy_of(undo),
        )
    return node


def _link(
    steps: list[Step], nodes: dict[str, Node], *, after: str, fork: str, inside: str
) -> tuple[str, str]:
    """Sets what is next to what along a list; returns its first and last step."""
    for i, step in enumerate(steps):
        node = nodes[step.ref]
        node.fork = fork
        node.next = steps[i + 1].ref if i + 1 < len(steps) else after
        node.before = steps[i - 1].ref if i else ""
        node.inside = "" if i else inside
        if step.type == "SWITCH":
            node.cases = {
                case: _link(inner, nodes, after=node.next, fork=fork, inside=step.ref)
                for case, inner in step.decision_cases.items()
            }
            node.default = _link(
                step.default_case, nodes, after=node.next, fork=fork, inside=step.ref
            )
        elif step.type == "FORK_JOIN":
            join = steps[i + 1] if i + 1 < len(steps) else None
            if join is None or join.type != "JOIN":
                raise DefinitionError(
                    f"FORK_JOIN {step.ref!r} is not followed by a JOIN.",
                    "Put a JOIN directly behind it.",
                )
            node.join = join.ref
            nodes[join.ref].of_fork = step.ref
            node.branches = tuple(
                _link(branch, nodes, after="", fork=step.ref, inside=step.ref)
                for branch in step.fork_tasks
                if branch
            )
    return (steps[0].ref, steps[-1].ref) if steps else ("", "")


def _after(plan: Plan, node: Node) -> frozenset[Key]:
    """Rows that completing the node will read: its joins, and what directly follows."""
    found: set[Key] = {("task", join) for join in node.joins}
    # Only a look-ahead: what is left out here is asked for when it is needed.
    output_keys = plan.output_keys if len(plan.output_keys) <= _AHEAD_MAX else frozenset[Key]()
    seen: set[str] = set()
    ahead = [node.next, *(plan.nodes[join].next for join in node.joins)]
    while ahead:
        ref = ahead.pop()
        if ref in seen:
            continue
        seen.add(ref)
        if not ref:
            found |= output_keys if not node.fork or node.joins else frozenset()
            continue
        following = plan.nodes[ref]
        found |= following.keys if len(following.keys) <= _AHEAD_MAX else frozenset()
        if following.type == "SWITCH":
            ahead += [first for first, _ in (*following.cases.values(), following.default)]
            ahead.append(following.next)
        elif following.type in ("NOOP", "SET_VARIABLE", "INLINE"):
            ahead.append(following.next)
        elif following.type == "FORK_JOIN":
            ahead += [first for first, _ in following.branches[:8]]
    return frozenset(found)
