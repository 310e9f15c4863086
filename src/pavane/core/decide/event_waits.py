"""Which event a WAIT waits for: its type and equal fields find it, a filter may refuse it.

Type and fields together name a queue, so that an event finds the steps that wait for it, and a
step the events that came before it, without looking through all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from pavane.core.decide.plan import all_steps
from pavane.core.decide.times import duration_ms
from pavane.core.expressions.evaluator import Expression, compile_expression
from pavane.core.model.event import fault_in_type
from pavane.core.model.workflow import Step, Workflow
from pavane.errors import ExpressionError

PREFIX: Final = "event:"
EARLY_MS: Final = 3_600_000  # an event may come so long before the step that waits for it

Fields = tuple[str, ...]
"""The fields of an event that must be equal, by name."""
Heard = dict[str, dict[Fields, int]]
"""What may be waited for: by type and fields, how long before it an event may come (ms)."""


def waits_for_event(step: Step) -> bool:
    """Whether a step is a WAIT for an event."""
    return step.type == "WAIT" and bool(step.input_parameters.get("event"))


def needs_bus(workflow: Workflow) -> bool:
    """Whether it publishes events, waits for some, or is started by one."""
    steps = steps_of(workflow)
    return workflow.started_by is not None or any(
        step.type == "EVENT" or waits_for_event(step) for step in steps
    )


def heard_in(workflows: Iterable[Workflow]) -> Heard:
    """What the steps of workflows, and of the scopes in place in them, may wait for."""
    found: Heard = {}
    for workflow in workflows:
        for step in steps_of(workflow):
            if waits_for_event(step):
                given = step.input_parameters
                fields = found.setdefault(str(given["event"]), {})
                names = tuple(sorted(given.get("match") or ()))
                fields[names] = max(fields.get(names, 0), early_ms(step))
    return found


def steps_of(workflow: Workflow) -> Iterator[Step]:
    """Every step of a workflow, and of the scopes in place in it."""
    for step in all_steps(workflow.tasks):
        yield step
        param = step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            yield from steps_of(param.workflow_definition)


def early_ms(step: Step) -> int:
    """How long before the step an event may come."""
    text = step.input_parameters.get("early")
    return duration_ms(text) if isinstance(text, str) and text else EARLY_MS


def queue_of_wait(task_input: Mapping[str, Any]) -> str:
    """The queue of a step that waits, by its input; "" when it waits for no event."""
    event, match = task_input.get("event"), task_input.get("match")
    if not event or not isinstance(match, dict):
        return ""
    return _queue(str(event), cast("dict[str, Any]", match))


def queues_of_event(type: str, data: Any, heard: Heard) -> dict[str, int]:
    """The queues that an event belongs to, and how long it has to be kept in each (ms)."""
    return {
        _queue(type, {field: _member(data, field) for field in fields}): keep_ms
        for fields, keep_ms in heard.get(type, {}).items()
    }


def _queue(type: str, match: dict[str, Any]) -> str:
    values = sorted([name, _plain(value)] for name, value in match.items())
    body = msgspec.json.encode(values, order="deterministic")
    return f"{PREFIX}{type}:{hashlib.blake2b(body, digest_size=16).hexdigest()}"


def _plain(value: Any) -> Any:
    """Numbers that are equal are written alike."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[Any]", value)]
    return value


def _member(data: Any, path: str) -> Any:
    for name in path.split("."):
        data = cast("dict[str, Any]", data).get(name) if isinstance(data, dict) else None
    return data


# --- what can be wrong --------------------------------------------------------------------------

_OWN = frozenset({"event", "match", "filter", "early"})


def findings(step: Step) -> Iterator[str]:
    """What is wrong with the event that a WAIT waits for, in words."""
    given = step.input_parameters
    event, match = given.get("event"), given.get("match")
    if not event:
        named = sorted(name for name in _OWN if given.get(name))
        if named:
            yield f"a WAIT has `{named[0]}` and no `event`; write the type of the event"
        return
    if not isinstance(event, str) or "${" in event:
        yield "a WAIT computes its `event`; write the type, so that everybody knows who listens"
    elif wrong := fault_in_type(event):
        yield f"a WAIT waits for the event type {event!r}, which {wrong}"
    if not isinstance(match, dict) or not match:
        yield (
            "a WAIT for an event needs `match`, an object with at least one field of the event and "
            "the value that it must have, so that an event finds its execution without a scan"
        )
    if given.get("until"):
        yield "a WAIT for an event has `until`; bound it with `duration`"
    early = given.get("early")
    if early:
        try:
            duration_ms(early if isinstance(early, str) else "")
        except ValueError as error:
            yield f"a WAIT has an unreadable `early`: {error}"
    yield from _of_filter(given)


def _of_filter(given: Mapping[str, Any]) -> Iterator[str]:
    text = given.get("filter")
    if not text:
        return
    if not isinstance(text, str) or "${" in text:
        yield (
            "a WAIT computes its `filter`; write an expression over `event`, and give it other "
            "values as inputs of the step"
        )
        return
    try:
        names = compile_expression(text, where="filter").names
    except ExpressionError as error:
        yield f"a WAIT has an unreadable `filter`: {error.message.removesuffix('.')}"
        return
    for name in names:
        if name != "event" and name not in given:
            yield (
                f"the `filter` of a WAIT reads {name!r}, which is neither `event` nor an input of "
                "the step"
            )


# --- the filter -------------------------------------------------------------------------------


class _Seen:
    """What a filter sees: the event, and the step's own inputs by name."""

    def __init__(self, task_input: Mapping[str, Any], data: Any) -> None:
        self._values = {**task_input, "event": data}

    def root(self, name: str) -> object:
        return self._values[name]


def passes(task_input: Mapping[str, Any], data: Any) -> bool:
    """Whether the filter lets an event pass; one that it cannot judge does not."""
    text = task_input.get("filter")
    if not text:
        return True
    try:
        return bool(_compiled(str(text)).evaluate(_Seen(task_input, data)))
    except ExpressionError:
        return False


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Expression:
    return compile_expression(text, where="filter")


def output_of(data: Any) -> dict[str, Any]:
    """What the step gives when the event has come."""
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {"result": data}
