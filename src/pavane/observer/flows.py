"""Hand-written choreographies: what handlers told of messages, put together by correlation id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from pavane.core.model import status as st
from pavane.core.model.journal import EventNote
from pavane.core.model.rows import Header, TaskRow
from pavane.engine.views.assembled import Assembled
from pavane.engine.views.shapes import AttentionView, ExecutionView
from pavane.engine.views.steps import step_views
from pavane.observer.fold import Flow, Handling, Picture, Told

RECEIVED: Final = "received"
DONE: Final = "done"
RETRYING: Final = "retrying"
PARKED: Final = "parked"
QUARANTINED: Final = "quarantined"
DEAD: Final = "dead"

FOR_A_PERSON: Final = frozenset({QUARANTINED, DEAD})
_UNDER_WAY: Final = frozenset({RECEIVED, RETRYING, PARKED})
_TASK_STATUS: Final = {
    RECEIVED: st.IN_PROGRESS,
    DONE: st.COMPLETED,
    RETRYING: st.FAILED,  # this attempt; the next one is scheduled
    PARKED: st.SCHEDULED,
    QUARANTINED: st.FAILED_WITH_TERMINAL_ERROR,
    DEAD: st.FAILED,
}


class Edge(msgspec.Struct, frozen=True, order=True, rename="camel"):
    """A message that led to another one; `by` names the handler, as in the steps.

    `inferred`: the cause was told by whoever got the effect, not by whoever emitted it.
    """

    cause: str
    effect: str
    type: str  # of the effect
    by: str = ""
    inferred: bool = False


class Unhandled(NamedTuple):
    """A message that a handler which is known to take its type has not yet told about."""

    handling: Handling
    type: str
    since: int


def flow_view(picture: Picture, flow: Flow) -> ExecutionView:
    """A flow as an execution: its steps are the handlers that dealt with its messages."""
    refs = step_refs(picture, flow)
    return structs.replace(
        msgspec.convert(header(picture, flow), ExecutionView, from_attributes=True),
        style="choreographed",
        steps=step_views(list(_rows(picture, flow)), Assembled({})),
        attention=[
            AttentionView(refs[handling], told.note.type, told.note.reason, ["redrive"])
            for handling, told in newest(flow)
            if told.note.status in FOR_A_PERSON
        ],
    )


def header(picture: Picture, flow: Flow) -> Header:
    """What a flow is as a whole; its workflow is the type of its first event."""
    all_told = [each for attempts in flow.handlings.values() for each in attempts.values()]
    refs = step_refs(picture, flow)
    status = status_of(picture, flow)
    updated_at = max(each.note.time for each in all_told)
    stopped = next(
        (
            (refs[h], told.note.reason)
            for h, told in newest(flow)
            if told.note.status in FOR_A_PERSON
        ),
        ("", ""),
    )
    return Header(
        id=flow.id,
        workflow=_first_type(flow),
        version=0,
        definition="",
        status=status,
        reason=stopped[1],
        failed_ref=stopped[0],
        correlation_id=flow.id,
        created_at=min(each.began for each in all_told),
        updated_at=updated_at,
        ended_at=updated_at if status == st.COMPLETED else 0,
    )


def status_of(picture: Picture, flow: Flow) -> str:
    """NEEDS_ATTENTION, RUNNING, or COMPLETED: everything was handled by everybody who does."""
    statuses = {told.note.status for _, told in newest(flow)}
    if statuses & FOR_A_PERSON:
        return st.NEEDS_ATTENTION
    if statuses & _UNDER_WAY or any(unhandled(picture, flow)):
        return st.RUNNING
    return st.COMPLETED


def newest(flow: Flow) -> Iterator[tuple[Handling, Told[EventNote]]]:
    """The newest note of each handler about each message, in the order in which they began."""
    began = {h: min(each.began for each in a.values()) for h, a in flow.handlings.items()}
    for handling in sorted(flow.handlings, key=lambda each: (began[each], each)):
        attempts = flow.handlings[handling]
        yield handling, max(attempts.values(), key=lambda told: told.order)


def unhandled(picture: Picture, flow: Flow) -> Iterator[Unhandled]:
    """The messages that somebody who is known to handle their type has not told about."""
    messages: dict[str, tuple[int, str]] = {}  # id -> first time, type
    for handling, told in newest(flow):
        known = [(handling.message, told.note.type, told.began)] if handling.message else []
        known += [(id, type, told.note.time) for id, type in told.note.emitted]
        for id, type, time in known:
            messages[id] = min(messages.get(id, (time, type)), (time, type))
    for id, (time, type) in sorted(messages.items(), key=lambda each: (each[1], each[0])):
        for service, handler in sorted(picture.handlers.get(type, ())):
            handling = Handling(id, service, handler)
            if handling not in flow.handlings:
                yield Unhandled(handling, type, time)


def edges(picture: Picture, flow: Flow) -> list[Edge]:
    """Which message led to which, as far as it was told or can be inferred."""
    refs = step_refs(picture, flow)
    found: dict[tuple[str, str], Edge] = {}
    for handling, told in newest(flow):
        for id, type in told.note.emitted:
            edge = Edge(handling.message, id, type, refs.get(handling, ""))
            found[edge.cause, id] = min(edge, found.get((edge.cause, id), edge))
    for handling, told in newest(flow):
        cause = told.note.causation
        if cause and (cause, handling.message) not in found:
            edge = Edge(cause, handling.message, told.note.type, inferred=True)
            found[cause, handling.message] = edge
    return sorted(found.values())


def step_refs(picture: Picture, flow: Flow) -> dict[Handling, str]:
    """A name for each step: the handler's, with a number from the second on."""
    refs: dict[Handling, str] = {}
    used: dict[str, int] = {}
    handled = [(handling, told.note.type) for handling, told in newest(flow)]
    waiting = [(each.handling, each.type) for each in unhandled(picture, flow)]
    for handling, type in [*handled, *waiting]:
        if not _is_step(flow, handling):
            continue
        name = handling.handler or type
        used[name] = used.get(name, 0) + 1
        refs[handling] = name if used[name] == 1 else f"{name}__{used[name]}"
    return refs


def _is_step(flow: Flow, handling: Handling) -> bool:
    """What was only published, outside any handler, is no step."""
    if handling.handler or handling not in flow.handlings:
        return True
    return any(told.note.status != DONE for told in flow.handlings[handling].values())


def _rows(picture: Picture, flow: Flow) -> Iterator[TaskRow]:
    refs = step_refs(picture, flow)
    for handling, last in newest(flow):
        if handling in refs:
            yield from _attempts(flow, handling, refs[handling], last)
    for message in unhandled(picture, flow):
        ref, service = refs[message.handling], message.handling.service
        yield _row(flow, ref, 0, message.type, st.SCHEDULED, service, message.since)


def _attempts(flow: Flow, handling: Handling, ref: str, last: Told[EventNote]) -> Iterator[TaskRow]:
    """By position, not by number: after a redrive a handler may count from the start again."""
    attempts = sorted(flow.handlings[handling].values(), key=lambda told: told.order)
    for number, told in enumerate(attempts):
        note = told.note
        status = _TASK_STATUS.get(note.status, st.IN_PROGRESS)
        if told is not last and status in st.OPEN:
            status = st.FAILED  # its end was never told: its process died
        row = _row(flow, ref, number, note.type, status, note.service, told.began)
        ended_at = note.time if status not in st.OPEN else 0
        started_at = told.since(RECEIVED) or told.began
        yield structs.replace(row, reason=note.reason, started_at=started_at, ended_at=ended_at)
    if last.note.status == RETRYING:
        note, number = last.note, len(attempts)
        yield _row(flow, ref, number, note.type, st.SCHEDULED, note.service, note.time)


def _row(
    flow: Flow, ref: str, attempt: int, type: str, status: str, service: str, at: int
) -> TaskRow:
    return TaskRow(
        execution_id=flow.id,
        ref=ref,
        attempt=attempt,
        type="HANDLER",
        name=type,
        status=status,
        seq=0,
        service=service,
        scheduled_at=at,
        first_scheduled_at=at,
    )


def _first_type(flow: Flow) -> str:
    """The type of the earliest event that no other one of the flow led to."""
    notes = [told.note for _, told in newest(flow)]
    caused = {id for note in notes if note.message for id, _ in note.emitted}
    events = [(note.message, note.type) for note in notes if note.message]
    published = [each for note in notes if not note.message for each in note.emitted]
    firsts = [type for id, type in [*published, *events] if id not in caused]
    return firsts[0] if firsts else notes[0].type
