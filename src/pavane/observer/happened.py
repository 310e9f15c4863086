"""What happened in an execution, oldest first, as far as journals tell: each status once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from pavane.core.model.journal import EventNote
from pavane.engine.views.shapes import HistoryEntry
from pavane.observer.flows import newest
from pavane.observer.fold import Flow, Instance, Order, Picture, Place, Told
from pavane.observer.steps import shown_ref


class _Moment(NamedTuple):
    at: int
    order: Order
    what: dict[str, Any]


def history(picture: Picture, id: str) -> list[HistoryEntry]:
    """What was told of an execution, scope or flow; [] where nothing was told.

    Of a status that was left again the journals keep when, and no longer why. Positions count from
    1 and grow with the time that the services gave, whose clocks need not agree.
    """
    found: list[_Moment] = []
    if (instance := picture.instances.get(id)) is not None:
        found += _instance(instance)
    elif (flow := picture.flows.get(id)) is not None:
        found += _flow(flow)
    found.sort(key=lambda each: (each.at, each.order))
    return [
        HistoryEntry(position, each.at, msgspec.Raw(msgspec.json.encode([each.what])))
        for position, each in enumerate(found, 1)
    ]


def _instance(instance: Instance) -> Iterator[_Moment]:
    if instance.told is not None:
        scope = instance.told.note
        yield from _moments(instance.told, {"note": "scope", "home": scope.home})
    for place, attempts in instance.steps.items():
        ref = shown_ref(place, instance.generation)
        for number, told in attempts.items():
            note = told.note
            if note.iteration:
                loop = shown_ref(Place(note.ref, note.at[:-1]), instance.generation)
                what = {"note": "iteration", "ref": loop, "number": note.iteration}
                yield from _moments(told, what)
                continue
            what = {"note": "step", "ref": ref, "type": note.type, "task": note.task}
            yield from _moments(told, {**what, "service": note.service, "attempt": number + 1})


def _flow(flow: Flow) -> Iterator[_Moment]:
    for handling, _ in newest(flow):
        for number, told in flow.handlings[handling].items():
            note: EventNote = told.note
            what = {"note": "event", "type": note.type, "message": note.message}
            by = {"handler": note.handler, "service": note.service, "attempt": number + 1}
            emitted = [{"id": id, "type": type} for id, type in note.emitted]
            caused = {"causation": note.causation, "emitted": emitted}
            yield from _moments(told, {**what, **by, **caused})


def _moments(told: Told[Any], what: dict[str, Any]) -> Iterator[_Moment]:
    for status, span in told.spans.items():
        reason = told.note.reason if status == told.note.status else ""
        yield _Moment(span.time, span.first, {**what, "status": status, "reason": reason})
