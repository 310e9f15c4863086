"""Why an execution does not go on: who holds it, at which step, since when, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import structs

from pavane.core.model import status as st
from pavane.core.model.journal import ScopeNote, StepNote
from pavane.engine.views.steps import UNDO_PREFIX
from pavane.observer import flows, words
from pavane.observer.fold import Flow, Instance, Picture, Told
from pavane.observer.steps import child_of, given_up, newest
from pavane.observer.stops import letter_id


class Held(msgspec.Struct, frozen=True, rename="camel"):
    """One place where an execution stands."""

    role: str  # who holds it
    execution: str  # the execution, scope or flow in which the step is
    step: str  # as in the view; "" where it is the scope as a whole
    since: int  # ms
    why: str
    due: int = 0  # it goes on by itself then (ms), 0 = nobody knows
    outside: bool = False  # somebody outside decides when it goes on, so it is never overdue


class Stuck(msgspec.Struct, frozen=True, rename="camel"):
    """An execution that should have moved by now."""

    id: str
    workflow: str
    status: str
    since: int  # nothing has moved since then, there or in the oldest place of `held`
    held: list[Held]  # the places that are overdue; none: nobody is known to hold it
    why: str


def frontier(picture: Picture, id: str) -> list[Held]:
    """Where an execution, scope or flow stands, scopes within it included; oldest first."""
    found: list[Held] = []
    instance, flow = picture.instances.get(id), picture.flows.get(id)
    if instance is not None:
        found += _of_scope(picture, instance, set())
        if not _ended(instance):
            found += _of_stops(picture, instance)
        if flow is not None and not _ended(instance):
            found += _of_messages(flow, declared=True)
    elif flow is not None:
        found += _of_messages(flow)
        found += _of_unhandled(picture, flow)
    return sorted(found, key=lambda each: (each.since, each.role, each.execution, each.step))


def stuck(picture: Picture, now: int, patience_ms: int) -> list[Stuck]:
    """Executions that have not ended and have an overdue place, or none; longest first."""
    found = [
        *(_stuck_scope(picture, each, now - patience_ms) for each in picture.instances.values()),
        *(_stuck_flow(picture, each, now - patience_ms) for each in picture.flows.values()),
    ]
    return sorted((each for each in found if each), key=lambda each: (each.since, each.id))


# --- declared -----------------------------------------------------------------------------------


def _of_scope(picture: Picture, instance: Instance, seen: set[str]) -> Iterator[Held]:
    if _ended(instance) or instance.id in seen:  # seen: notes that contradict each other
        return
    seen.add(instance.id)
    parked = dict(given_up(instance))
    for ref, told in newest(instance):
        child = picture.instances.get(child_of(instance, told.note))
        if ref in parked:
            yield _gave_up(instance, ref, told)
        elif told.note.status not in st.OPEN:
            continue
        elif child is not None and not _ended(child):
            yield from _of_scope(picture, child, seen)
        else:
            yield _at_step(instance, ref, told)
    if instance.told is not None:
        yield from _at_home(instance, instance.told, bool(parked))


def _at_home(instance: Instance, told: Told[ScopeNote], parked: bool) -> Iterator[Held]:
    note = told.note
    home = note.home or told.source

    def held(why: str, step: str = "") -> Held:
        return Held(home, instance.id, step, note.time, why)

    if note.waits_for:
        yield held(f"home {home} waits for {words.listed(note.waits_for)}")
    heard = {name for ref, each in newest(instance) for name in (ref, each.note.ref)}
    for ref in note.attention:
        if ref not in heard:  # its own role was not heard yet; of the others it has told itself
            why = f"{_named(ref)} gave up{words.because(note.reason)}"
            yield held(f"{why} {words.settling(instance.id, ref)}", ref)
    if note.status == st.NEEDS_ATTENTION and not note.attention and not parked:
        yield held(f"home {home} waits for a person{words.because(note.reason)}")


def _of_stops(picture: Picture, instance: Instance) -> Iterator[Held]:
    """Messages that were set aside; of a token its own step tells."""
    for stop in picture.stops.of(instance.root):
        note = stop.note
        if note.execution == instance.root and not stop.is_token:
            id = letter_id(note.service, note.id)
            why = f"{note.service}: {note.type} is {note.status}{words.because(note.reason)}"
            why = f"{why} (pavane dead-letters redrive {id})"
            yield Held(note.service, instance.id, "", note.since, why, note.until)


def _gave_up(instance: Instance, ref: str, told: Told[StepNote]) -> Held:
    why = f"{_named(ref)} gave up{words.because(told.note.reason)}"
    why = f"{why} {words.settling(instance.id, ref)}"
    return Held(told.source, instance.id, ref, told.note.time, why)


def _at_step(instance: Instance, ref: str, told: Told[StepNote]) -> Held:
    note, role = told.note, told.source
    since, attempt = f"since {words.moment(note.time)}", words.nth_attempt(note.attempt)
    outside = False
    if note.holds:
        why = f"{_named(ref)} does not go on: {note.holds}, {since}"
    elif note.type == "HUMAN":
        until = f"until {words.moment(note.due)}" if note.due else since
        why, outside = f"{ref} waits for a person, {until}", True
    elif event := _awaited(note):
        until = f"until {words.moment(note.due)}" if note.due else since
        why, outside = f"{ref} waits for the event {event}, {until}", not note.due
    elif note.due and (note.status == st.SCHEDULED or note.type == "WAIT"):
        why = f"{_named(ref)} waits until {words.moment(note.due)}{attempt}"
        why += words.because(note.reason)
    elif note.type == "WAIT":
        why, outside = f"{ref} waits for a signal, {since}", True
    elif note.status == st.SCHEDULED:
        why = f"{_named(ref)} is in its queue{attempt}, {since}"
    else:
        why = f"{_named(ref)} is at work{attempt}, {since}"
    return Held(role, instance.id, ref, note.time, f"{role}: {why}", note.due, outside)


def _awaited(note: StepNote) -> str:
    """The type of the event that a step waits for, if it does."""
    if note.type != "WAIT" or not bytes(note.input):
        return ""
    return str(msgspec.json.decode(note.input, type=dict[str, Any]).get("event") or "")


def _named(ref: str) -> str:
    return f"undo of {ref.removeprefix(UNDO_PREFIX)}" if ref.startswith(UNDO_PREFIX) else ref


def _ended(instance: Instance) -> bool:
    if instance.told is None:
        return False
    status = instance.told.note.status
    return status in st.ENDED or not status  # cancelled before it began


# --- hand-written, and messages that a role set aside -------------------------------------------


def _of_messages(flow: Flow, declared: bool = False) -> Iterator[Held]:
    """Of a declared execution only what a role set aside: its steps tell the rest."""
    for handling, told in flows.newest(flow):
        note = told.note
        if note.status == flows.DONE or (declared and note.status == flows.RECEIVED):
            continue
        role = note.service or told.source
        token = declared and handling.handler and note.type.endswith("token")
        thing = f"the token for {handling.handler}" if token else note.type
        by = f" in {handling.handler}" if handling.handler and not token else ""
        since, attempt = f"since {words.moment(note.time)}", words.nth_attempt(note.attempt)
        reason = words.because(note.reason)
        why = {
            flows.RETRYING: f"{role} tries {thing} again{by}{attempt}, {since}{reason}",
            flows.PARKED: f"{role} parked {thing}{by}{reason}",
            flows.QUARANTINED: f"{role} quarantined {thing}{by}{reason}",
            flows.DEAD: f"{role} gave up on {thing}{by}{reason}",
        }.get(note.status, f"{role} is at work on {thing}{by}{attempt}, {since}")
        yield Held(role, flow.id, handling.handler, note.time, why)


def _of_unhandled(picture: Picture, flow: Flow) -> Iterator[Held]:
    for each in flows.unhandled(picture, flow):
        service, handler = each.handling.service, each.handling.handler
        why = f"{service}: {handler} has not got {each.type}, sent {words.moment(each.since)}"
        yield Held(service, flow.id, handler, each.since, why)


# --- stuck --------------------------------------------------------------------------------------


def _stuck_scope(picture: Picture, instance: Instance, before: int) -> Stuck | None:
    inside = instance.scope and instance.root in picture.instances
    if inside or _ended(instance):
        return None
    note = instance.told.note if instance.told else None
    status, workflow = (note.status, note.workflow) if note else (st.RUNNING, "")
    held = [*frontier(picture, instance.id), *_past_deadline(picture, instance)]
    return _overdue(
        Stuck(instance.id, workflow, status, 0, held, ""), before, lambda: _last(picture, instance)
    )


def _stuck_flow(picture: Picture, flow: Flow, before: int) -> Stuck | None:
    head = flows.header(picture, flow)
    if flow.id in picture.instances or head.status == st.COMPLETED:
        return None
    held = frontier(picture, flow.id)
    stands = Stuck(flow.id, head.workflow, head.status, 0, held, "")
    return _overdue(stands, before, lambda: (head.updated_at, ""))


def _overdue(stands: Stuck, before: int, last: Callable[[], tuple[int, str]]) -> Stuck | None:
    """Of where an execution stands, what is overdue; None where it may still move by itself."""
    held = [each for each in stands.held if not each.outside and max(each.due, each.since) < before]
    if held:
        why = "; ".join(each.why for each in held)
        return structs.replace(stands, since=min(each.since for each in held), held=held, why=why)
    since, what = (0, "") if stands.held else last()
    if stands.held or since >= before:
        return None
    why = f"nobody is known to hold it since {words.moment(since)}{what}"
    return structs.replace(stands, since=since, why=why)


def _past_deadline(picture: Picture, instance: Instance) -> Iterator[Held]:
    for each in sorted(picture.scopes[instance.root]):
        told = picture.instances[each].told
        if told and told.note.deadline and told.note.status == st.RUNNING:
            home, deadline = told.note.home, told.note.deadline
            why = f"home {home} has not ended it by its deadline, {words.moment(deadline)}"
            yield Held(home, each, "", told.note.time, why, due=deadline)


def _last(picture: Picture, instance: Instance) -> tuple[int, str]:
    """When something was last told of an execution, its scopes included, and what."""
    found: list[tuple[int, str]] = []
    for each in (picture.instances[id] for id in picture.scopes[instance.root]):
        if each.told is not None:
            note = each.told.note
            found.append((note.time, f"home {note.home} said {note.status}"))
        for ref, told in newest(each):
            found.append((told.note.time, f"{told.source} said {_named(ref)} {told.note.status}"))
    since, what = max(found)
    return since, f": {what}, and what it sent is on its way or lost"
