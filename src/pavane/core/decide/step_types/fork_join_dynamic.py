"""FORK_JOIN_DYNAMIC: branches side by side, as many and of the kinds that its input says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pavane.core.decide import fans, flow
from pavane.core.decide.branches import made_node
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.fan_forms import BRANCHES_MAX, Fan, FanError, fan_of, kept_out
from pavane.core.decide.nodes import AGAIN, UNDO, Node, numbered
from pavane.core.decide.plan import keys_of, node_for
from pavane.core.decide.roots import Roots
from pavane.core.decide.step_types.fork_join import ForkJoin
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.expressions.template import Template, compile_template
from pavane.core.model.rows import PAGE, TaskRow
from pavane.core.model.workflow import Step
from pavane.errors import ExpressionError

_REF_MAX = 200


class ForkJoinDynamic(ForkJoin):
    """What is to begin is worked out and kept once, a page in each value; then as a FORK_JOIN.

    `kinds` are the step types that a branch may have: those that hold no steps themselves.
    """

    def __init__(self, kinds: Mapping[str, StepType]) -> None:
        self._kinds = kinds

    def findings(self, step: Step) -> Iterator[str]:
        """One of the three forms, and not two of them."""
        listed, joined = step.dynamic_fork_tasks_param, step.dynamic_fork_join_tasks_param
        simple = "forkTaskInputs" in step.input_parameters
        if listed and joined:
            yield (
                "a FORK_JOIN_DYNAMIC has both `dynamicForkTasksParam` and "
                "`dynamicForkJoinTasksParam`; give one of them"
            )
        elif not (listed or joined or simple):
            yield (
                "a FORK_JOIN_DYNAMIC needs the input `forkTaskInputs`, or `dynamicForkTasksParam`: "
                "the input that lists its branches"
            )
        if listed and not step.dynamic_fork_tasks_input_param_name:
            yield (
                "a FORK_JOIN_DYNAMIC with `dynamicForkTasksParam` needs "
                "`dynamicForkTasksInputParamName`: the input that holds what each branch begins "
                "with"
            )
        names = (listed, joined, step.dynamic_fork_tasks_input_param_name)
        for name in names:
            if name and name not in step.input_parameters and not simple:
                yield (
                    f"a FORK_JOIN_DYNAMIC names the input {name!r}, which is not among its "
                    "inputParameters"
                )
        kind = step.input_parameters.get("forkTaskType")
        if isinstance(kind, str) and "${" not in kind and kind not in self._kinds:
            yield f"its branches are to be of type {kind!r}; {self._possible()}"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Work out all branches, keep them, and begin the first page."""
        given = kept_out(node.step, task_input)
        try:
            fan = fan_of(node, task_input, first=draft.plan.fans[:1] == (node.step.ref,))
            planned = self._planned(draft, node, fan)
        except (FanError, ExpressionError) as error:
            flow.reject(draft, node, str(error), encode(given))
            return
        fans.write(draft, node.ref, planned, fan.step)
        names = [each.ref for each in planned[:PAGE]]
        shown = {**given, "forkedTasks": names}
        self.open_both(draft, node, shown, names, fans.of_width(len(planned)))

    def width(self, node: Node, row: TaskRow) -> int:
        """As it was worked out when it began."""
        return fans.width_of(row) or 0

    def begin_branches(self, draft: Draft, node: Node, start: int, stop: int) -> str:
        """Refused where a step of that name is there already."""
        page = fans.planned(draft, node.ref, start, stop)
        draft.require([("task", ref) for ref, _, _ in page])
        for ref, branch, given in page:
            if draft.task(ref) is not None:
                return f"its branch {ref!r} bears the name of a step that has begun before"
            draft.beginning[ref] = made_node(draft.plan, ref, branch)
            draft.inputs[ref] = given
        draft.agenda += [ref for ref, _, _ in page]
        return ""

    def _planned(self, draft: Draft, node: Node, fan: Fan) -> list[fans.Planned]:
        width = len(fan.branches)
        if width > BRANCHES_MAX:
            raise FanError(f"it is to have {width:,} branches; {BRANCHES_MAX:,} are most")
        names = [numbered(branch.ref, node.path) for branch in fan.branches]
        # Before all else, as whoever lacks rows begins anew.
        draft.require([("task", name) for name in names[:PAGE]])
        self._check(draft, names, fan)
        inputs = _inputs(draft, node, fan)
        return [
            fans.Planned(name, msgspec.Raw(encode(given)), branch.step)
            for name, branch, given in zip(names, fan.branches, inputs, strict=True)
        ]

    def _check(self, draft: Draft, names: list[str], fan: Fan) -> None:
        seen: set[str] = set()
        for name, branch in zip(names, fan.branches, strict=True):
            ref = branch.ref
            if wrong := _wrong_name(ref):
                raise FanError(f"its branch {ref[:80]!r} {wrong}")
            if ref in seen:
                raise FanError(f"two of its branches are named {ref!r}")
            seen.add(ref)
            find = draft.plan.nodes.find
            if find(ref) or (name != ref and find(name)):
                raise FanError(f"its branch {ref!r} bears the name of a step of the workflow")
            if branch.step is not None:
                self._check_step(ref, branch.step, branch.input)
                node_for(branch.step, draft.plan.tasks)  # its expressions, before any begins
        if fan.step is not None and fan.branches:
            self._check_step(fan.branches[0].ref, fan.step, fan.branches[0].input)

    def _check_step(self, ref: str, step: Step, given: dict[str, Any]) -> None:
        kind = self._kinds.get(step.type)
        if kind is None:
            raise FanError(f"its branch {ref!r} is of type {step.type!r}; {self._possible()}")
        if step.pivot:
            raise FanError(f"its branch {ref!r} is a pivot, which nothing can run beside")
        if step.undo is not None and not step.undo.name:
            raise FanError(f"the `undo` of its branch {ref!r} names no task")
        param = step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            raise FanError(
                f"its branch {ref!r} has a definition in place; register that, and give its name"
            )
        shown = msgspec.structs.replace(step, input_parameters={**step.input_parameters, **given})
        if wrong := next(kind.findings(shown), ""):
            raise FanError(f"its branch {ref!r}: {wrong}")

    def _possible(self) -> str:
        return f"possible are {', '.join(sorted(self._kinds))}, and a sub-workflow for the rest"


def _wrong_name(ref: str) -> str:
    if not ref:
        return "has no taskReferenceName"
    if ref.startswith((UNDO, AGAIN)) or ref == "workflow" or not ref.isprintable():
        return "has a name that means something else"
    return f"has a name of more than {_REF_MAX} characters" if len(ref) > _REF_MAX else ""


def _inputs(draft: Draft, node: Node, fan: Fan) -> list[dict[str, Any]]:
    """What each branch begins with: its own inputs over those of its step and its task."""
    alike: tuple[Template, ...] = ()
    if fan.step is not None:
        definition = node.options.task_definition if node.options is not None else None
        step = msgspec.structs.replace(fan.step, task_definition=definition)
        alike = _templates(draft, step, node.ref)
    filled = [
        alike if branch.step is None else _templates(draft, branch.step, branch.ref)
        for branch in fan.branches
    ]
    reads = {read for pair in filled for template in pair for read in template.reads}
    draft.require(keys_of(draft.plan, reads, node))
    found: list[dict[str, Any]] = []
    for branch, pair in zip(fan.branches, filled, strict=True):
        given = branch.input
        if pair:
            defaults, own = (each.render(Roots(draft, None, node)) for each in pair)
            made = {**defaults, **own, **given}
            given = {k: defaults.get(k) if value is None else value for k, value in made.items()}
        found.append(given)
    return found


def _templates(draft: Draft, step: Step, ref: str) -> tuple[Template, ...]:
    """The defaults of the task and the inputs of the step; none where there is neither."""
    definition = step.task_definition or draft.plan.tasks.get(step.name)
    defaults = definition.input_template if definition is not None else {}
    if not defaults and not step.input_parameters:
        return ()
    where = f"{ref}.inputParameters"
    parts = (defaults, step.input_parameters)
    return tuple(compile_template(part, where=where) for part in parts)
