"""Definitions from and to Conductor's JSON: what is not honoured is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, cast

import msgspec

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.doors.rest.conductor.errors import InvalidError

T = TypeVar("T", bound=msgspec.Struct)
Fields = dict[str, Any]

_NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {})
_DATA = frozenset(
    {
        "inputParameters",
        "outputParameters",
        "variables",
        "inputTemplate",
        "metadata",
        "inputSchema",
        "outputSchema",
    }
)
"""Fields in which null is a value of the author's."""

_WORKFLOW_NOT_BUILT = (
    "failureWorkflowVersion",
    "workflowStatusListenerEnabled",
    "workflowStatusListenerSink",
    "cacheConfig",
    "maskedFields",
    "accessPolicy",
)
_STEP_NOT_BUILT = (
    "caseExpression",
    "scriptExpression",
    "rateLimited",
    "onStateChange",
    "joinStatus",
    "cacheConfig",
)
_TASK_NOT_BUILT = (
    "isolationGroupId",
    "executionNameSpace",
    "runtimeMetadata",
)
_SUB_WORKFLOW_NOT_BUILT = ("taskToDomain", "idempotencyKey")


def read_workflow(given: Fields) -> Workflow:
    """A WorkflowDef as ours; InvalidError names every field that cannot be honoured."""
    wrong = [*_workflow_names(given), *_in_workflow(given, "")]
    if wrong:
        raise InvalidError(*wrong)
    return _convert(given, Workflow, "")


def read_task(given: Fields, place: str = "") -> TaskDefinition:
    """A TaskDef as ours; InvalidError names every field that cannot be honoured."""
    wrong = list(_in_task(given, place))
    if not given.get("name"):
        wrong.append((f"{place}name", "TaskDef name cannot be null or empty"))
    if wrong:
        raise InvalidError(*wrong)
    return _convert(given, TaskDefinition, place)


def spelled_out(value: Any) -> Any:
    """A definition with its defaults, as Conductor writes them; what has no value is left out."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        fields = ((name, getattr(value, field)) for field, name in names)
        return {
            name: item if name in _DATA else spelled_out(item)
            for name, item in fields
            if item is not None
        }
    if isinstance(value, list):
        return [spelled_out(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: spelled_out(item) for key, item in cast("Fields", value).items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _convert(given: Fields, kind: type[T], place: str) -> T:
    try:
        return msgspec.convert(without_nulls(given), kind)
    except msgspec.ValidationError as error:
        raise InvalidError((place, str(error))) from error


def without_nulls(value: Any) -> Any:
    """Null stands for a default everywhere but inside what the author named."""
    if isinstance(value, dict):
        fields = cast("Fields", value)
        return {
            key: item if key in _DATA else without_nulls(item)
            for key, item in fields.items()
            if item is not None
        }
    if isinstance(value, list):
        return [without_nulls(item) for item in cast("list[Any]", value)]
    return value


def _workflow_names(given: Fields) -> Iterator[tuple[str, str]]:
    if not given.get("name"):
        yield "name", "WorkflowDef name cannot be null or empty"
    if not given.get("tasks"):
        yield "tasks", "WorkflowTask list cannot be empty"


def _in_workflow(given: Fields, place: str) -> Iterator[tuple[str, str]]:
    yield from _not_built(given, _WORKFLOW_NOT_BUILT, place)
    yield from _schemas(given, place)
    for number, step in enumerate(_list(given.get("tasks"))):
        yield from _in_step(step, f"{place}tasks[{number}].")


def _in_step(given: Any, place: str) -> Iterator[tuple[str, str]]:
    step = _object(given)
    yield from _not_built(step, _STEP_NOT_BUILT, place)
    cases = _object(step.get("decisionCases"))
    lists = [(f"decisionCases.{name}", inner) for name, inner in cases.items()]
    lists.append(("defaultCase", step.get("defaultCase")))
    lists += ((f"forkTasks[{i}]", each) for i, each in enumerate(_list(step.get("forkTasks"))))
    lists.append(("loopOver", step.get("loopOver")))
    for name, inner in lists:
        for number, each in enumerate(_list(inner)):
            yield from _in_step(each, f"{place}{name}[{number}].")
    param = _object(step.get("subWorkflowParam"))
    yield from _not_built(param, _SUB_WORKFLOW_NOT_BUILT, f"{place}subWorkflowParam.")
    scope = param.get("workflowDefinition")
    if isinstance(scope, str):
        yield f"{place}subWorkflowParam.workflowDefinition", "A computed definition is not built"
    yield from _in_workflow(_object(scope), f"{place}subWorkflowParam.workflowDefinition.")
    for holder, at in ((step, place), (_object(step.get("undo")), f"{place}undo.")):
        yield from _in_task(_object(holder.get("taskDefinition")), f"{at}taskDefinition.")


def _in_task(given: Fields, place: str) -> Iterator[tuple[str, str]]:
    yield from _not_built(given, _TASK_NOT_BUILT, place)
    yield from _schemas(given, place)


def _schemas(given: Fields, place: str) -> Iterator[tuple[str, str]]:
    """Schemas are kept and not enforced; who asks for it must know."""
    if given.get("enforceSchema") is True:
        for name in ("inputSchema", "outputSchema"):
            if given.get(name):
                yield (
                    f"{place}{name}",
                    "Pavane does not enforce schemas yet; set enforceSchema false",
                )


def _not_built(given: Fields, names: tuple[str, ...], place: str) -> Iterator[tuple[str, str]]:
    for name in names:
        if name in given and given[name] not in _NOTHING:
            yield f"{place}{name}", f"Pavane does not have `{name}` yet; leave it out"


def _object(value: Any) -> Fields:
    return cast("Fields", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
