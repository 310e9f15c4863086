"""The three forms in which the input of a FORK_JOIN_DYNAMIC says what its branches are."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast

import msgspec
from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.decide.nodes import Node
from pavane.core.model.workflow import Step, SubWorkflow

BRANCHES_MAX: Final = 10_000
_ALIKE: Final = frozenset({"SIMPLE", "SUB_WORKFLOW"})  # types whose steps need no fields of theirs


class FanError(Exception):
    """The input of a fork says nothing that could be made; its text says why."""


class Branch(NamedTuple):
    """One branch: its name, what it begins with, and its step where not all have the same."""

    ref: str
    input: dict[str, Any]
    step: Step | None = None


class Fan(NamedTuple):
    """All branches, and the step that those without one of their own have."""

    branches: list[Branch]
    step: Step | None = None


class _Legacy(msgspec.Struct, rename="camel"):
    task_name: str = ""
    reference_name: str = ""
    type: str = "SIMPLE"
    input: dict[str, Any] | None = None


class _LegacyList(msgspec.Struct, rename="camel"):
    dynamic_tasks: list[_Legacy]


def fan_of(node: Node, task_input: dict[str, Any], *, first: bool) -> Fan:
    """The branches that an input describes; FanError where it describes none.

    `first`: the fork is the first of its kind in the workflow, so that the names of its branches
    need not hold its own.
    """
    step = node.step
    if isinstance(task_input.get("forkTaskInputs"), list):
        return _simple(node, task_input, first=first)
    if step.dynamic_fork_tasks_param:
        return _listed(step, task_input)
    if step.dynamic_fork_join_tasks_param:
        return _legacy(step, task_input)
    raise FanError(f"its forkTaskInputs are {_shown(task_input.get('forkTaskInputs'))}, no list")


def branch_step(step: Step) -> Step | None:
    """The step of each branch, where all are of one task whose name stands in the definition.

    It bears the name of the fork; None in the other forms, and for any other step.
    """
    given = step.input_parameters
    name = given.get("forkTaskName") or step.ref
    plain = given.get("forkTaskType") in (None, "SIMPLE") and not given.get("forkTaskWorkflow")
    listed = step.dynamic_fork_tasks_param or step.dynamic_fork_join_tasks_param
    if step.type != DYNAMIC_FORK or "forkTaskInputs" not in given or listed or not plain:
        return None
    if not isinstance(name, str) or "${" in name:
        return None
    return Step(
        name=name,
        task_reference_name=step.ref,
        undo=step.undo,
        pivot=step.pivot,
        optional=step.optional,
        permissive=step.permissive,
        retry_count=step.retry_count,
        start_delay=step.start_delay,
        service=step.service,
        task_definition=step.task_definition,
        metadata=step.metadata,
    )


def stem_of(step: Step, name: str, *, first: bool) -> str:
    """What the names of the branches of a task begin with; behind it stands their place."""
    return f"_{name}_" if first else f"_{step.ref}_{name}_"


def kept_out(step: Step, task_input: dict[str, Any]) -> dict[str, Any]:
    """An input without what becomes that of the branches: a record of constant size."""
    long = {
        "forkTaskInputs",
        step.dynamic_fork_tasks_param,
        step.dynamic_fork_tasks_input_param_name,
        step.dynamic_fork_join_tasks_param,
    }
    return {name: value for name, value in task_input.items() if name not in long}


def _simple(node: Node, task_input: dict[str, Any], *, first: bool) -> Fan:
    workflow, kind = task_input.get("forkTaskWorkflow"), task_input.get("forkTaskType")
    name = task_input.get("forkTaskName")
    for field, value in (("Workflow", workflow), ("Type", kind), ("Name", name)):
        if value is not None and not isinstance(value, str):
            raise FanError(f"its forkTask{field} is {_shown(value)}, no name")
    kind = "SUB_WORKFLOW" if workflow else kind or "SIMPLE"
    name = name or (node.step.ref if kind in _ALIKE else kind)
    step = Step(name=workflow or name, type=kind)
    if workflow:
        version = _version(task_input.get("forkTaskWorkflowVersion"))
        step = structs.replace(step, sub_workflow_param=SubWorkflow(workflow, version))
    stem = stem_of(node.step, name, first=first)
    made: list[Branch] = []
    for index, item in enumerate(cast("list[Any]", task_input["forkTaskInputs"])):
        fields = cast("dict[str, Any]", item) if isinstance(item, dict) else None
        given: dict[str, Any] = {"input": item} if fields is None else fields
        own = None if kind in _ALIKE else _own_step(node, step, fields)
        made.append(Branch(f"{stem}{index}", {**given, "__index": index}, own))
    return Fan(made, step if kind in _ALIKE else None)


def _own_step(node: Node, step: Step, fields: dict[str, Any] | None) -> Step:
    """A step whose fields stand among its inputs, such as the `expression` of an INLINE."""
    try:
        own = msgspec.convert(fields or {}, Step)
    except msgspec.ValidationError:
        own = Step()
    options = node.options
    assert options is not None
    return structs.replace(
        own,
        name=step.name,
        type=step.type,
        input_parameters={},
        undo=options.undo,
        optional=options.optional,
        permissive=options.permissive,
    )


def _listed(step: Step, task_input: dict[str, Any]) -> Fan:
    param, inputs_param = step.dynamic_fork_tasks_param, step.dynamic_fork_tasks_input_param_name
    inputs = task_input.get(inputs_param)
    if not isinstance(inputs, dict):
        raise FanError(f"its input {inputs_param!r} is {_shown(inputs)}, no object")
    try:
        steps = msgspec.convert(task_input.get(param), list[Step])
    except msgspec.ValidationError as error:
        raise FanError(f"its input {param!r} is no list of steps: {error}") from error
    by_name = cast("dict[str, Any]", inputs)
    return Fan([Branch(each.ref, _given(each.ref, by_name.get(each.ref)), each) for each in steps])


def _legacy(step: Step, task_input: dict[str, Any]) -> Fan:
    param = step.dynamic_fork_join_tasks_param
    try:
        listed = msgspec.convert(task_input.get(param), _LegacyList)
    except msgspec.ValidationError as error:
        raise FanError(f"its input {param!r} lists no dynamicTasks: {error}") from error
    return Fan(
        [
            Branch(
                each.reference_name,
                each.input or {},
                Step(name=each.task_name, task_reference_name=each.reference_name, type=each.type),
            )
            for each in listed.dynamic_tasks
        ]
    )


def _given(ref: str, value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FanError(f"the input of its branch {ref!r} is {_shown(value)}, no object")
    return cast("dict[str, Any]", value)


def _version(value: object) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(str(value))
    except ValueError:
        raise FanError(f"its forkTaskWorkflowVersion is {_shown(value)}, no number") from None


def _shown(value: object) -> str:
    return encode(value)[:80].decode(errors="replace")
