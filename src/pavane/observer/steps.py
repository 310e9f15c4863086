"""Step notes become the task rows, one per attempt, that the orchestrator's views are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import structs

from pavane.core.decide import fans
from pavane.core.model import status as st
from pavane.core.model.journal import At, StepNote
from pavane.core.model.rows import TaskRow
from pavane.core.projection.message import child_execution
from pavane.engine.views.steps import UNDO_PREFIX
from pavane.observer.fold import Instance, Place, Told

ENDS = st.SUCCESSFUL | st.UNSUCCESSFUL_ENDS


def shown_ref(place: Place, generation: At) -> str:
    """A step as people name it: in a loop `ref__i`, as Conductor does it; `ref__i__j` in two."""
    return "__".join((place.ref, *map(str, place.at[len(generation) :])))


def newest(instance: Instance) -> Iterator[tuple[str, Told[StepNote]]]:
    """The newest attempt at each step, in the order in which the steps began."""
    for place in _in_order(instance):
        attempts = instance.steps[place]
        yield shown_ref(place, instance.generation), attempts[max(attempts)]


def given_up(instance: Instance) -> list[tuple[str, Told[StepNote]]]:
    """The steps that gave up and wait for a person.

    An undo says so itself, by failing for good; of other steps their home knows.
    """
    waiting = instance.told.note.attention if instance.told else []
    found: list[tuple[str, Told[StepNote]]] = []
    for ref, told in newest(instance):
        note = told.note
        if note.ref.startswith(UNDO_PREFIX):
            waits = note.status in st.UNSUCCESSFUL_ENDS
        else:
            waits = note.status not in st.OPEN and (ref in waiting or note.ref in waiting)
        if waits:
            found.append((ref, told))
    return found


def child_of(instance: Instance, note: StepNote) -> str:
    """The id of the execution that a step stands for, "" where it stands for none."""
    scope = note.child
    if not scope and note.ref.startswith(UNDO_PREFIX) and note.type == "SUB_WORKFLOW":
        step = instance.steps.get(Place(note.ref.removeprefix(UNDO_PREFIX), note.at))
        scope = step[max(step)].note.child if step else ""
    return child_execution(instance.root, scope, note.at) if scope else ""


def task_rows(instance: Instance) -> list[TaskRow]:
    """Every attempt at every step, in the order in which the steps were first scheduled."""
    rows: list[TaskRow] = []
    counts = _iterations(instance)
    for place in _in_order(instance):
        ref = shown_ref(place, instance.generation)
        for attempt in sorted(instance.steps[place]):
            row = _row(instance, ref, instance.steps[place][attempt], len(rows) + 1)
            if row.type == "DO_WHILE":
                row = structs.replace(row, input=row.input or b"{}", count=counts.get(place, 0))
            rows.append(row)
    return rows


def _iterations(instance: Instance) -> dict[Place, int]:
    """By loop, the number of its newest iteration."""
    found: dict[Place, int] = {}
    for place, attempts in instance.steps.items():
        if _is_iteration(attempts):
            loop = Place(place.ref, place.at[:-1])
            found[loop] = max(found.get(loop, 0), place.at[-1])
    return found


def _is_iteration(attempts: Mapping[int, Told[StepNote]]) -> bool:
    return any(told.note.iteration for told in attempts.values())


def bodies(instance: Instance) -> dict[str, list[str]]:
    """For each loop, by its name in the definition, the steps that are directly in it."""
    notes = (told.note for _, told in newest(instance))
    return {note.ref: note.body for note in notes if note.body}


def open_joins(instance: Instance) -> Iterator[TaskRow]:
    """The JOINs that wait since their FORK_JOIN began, and to which nothing has come yet."""
    for place, attempts in instance.steps.items():
        told = attempts[max(attempts)]
        ref = told.note.opens
        if ref and Place(ref, place.at) not in instance.steps:
            note = structs.replace(
                told.note, ref=ref, task=ref, type="JOIN", status=st.IN_PROGRESS, attempt=0
            )
            told = Told(structs.replace(note, service="", reason=""), told.order, told.spans)
            yield _row(instance, shown_ref(Place(ref, place.at), instance.generation), told, 0)


def joined(instance: Instance) -> dict[str, list[str]]:
    """For each JOIN that says so, the steps that its output is made of."""
    found: dict[str, list[str]] = {}
    for ref, told in newest(instance):
        places = [Place(each, told.note.at) for each in told.note.joins]
        if places:
            found[ref] = [shown_ref(place, instance.generation) for place in places]
    return found


def counting(instance: Instance) -> list[str]:
    """The JOINs that went on when some branches were done, and say which."""
    return [ref for ref, told in newest(instance) if told.note.type == "JOIN" and told.note.output]


def _status(instance: Instance, note: StepNote) -> str:
    """A JOIN that waits is told to stop by nobody: it does so when its scope goes back, or ends.

    A loop as well, where a TERMINATE in it has ended its scope. A fork is open as long as the JOIN
    that goes on with some of its branches.
    """
    if note.races:
        join = instance.steps.get(Place(note.opens, note.at))
        waits = structs.replace(note, type="JOIN", status=st.IN_PROGRESS, races=False)
        status = _status(instance, join[max(join)].note if join else waits)
        return status if status in st.OPEN | st.SUCCESSFUL else st.CANCELED
    above = instance.told.note if instance.told else None
    if note.status != st.IN_PROGRESS or above is None or note.type not in ("JOIN", "DO_WHILE"):
        return note.status
    if note.type == "DO_WHILE":
        return st.CANCELED if above.status in st.ENDED else note.status
    back = above.status == st.COMPENSATING or any(
        ref.startswith(UNDO_PREFIX) for ref in above.attention
    )
    return st.CANCELED if back or above.status in st.UNSUCCESSFUL else note.status


def _row(instance: Instance, ref: str, told: Told[StepNote], seq: int) -> TaskRow:
    note, status = told.note, _status(instance, told.note)
    return TaskRow(
        execution_id=instance.id,
        ref=ref,
        attempt=note.attempt,
        type=note.type,
        name=note.task or note.ref,
        status=status,
        seq=seq,
        input=bytes(note.input),
        output=bytes(note.output),
        reason=note.reason,
        service=note.service,
        scheduled_at=told.began,
        first_scheduled_at=_began(instance, Place(note.ref, note.at)),
        visible_at=note.due,
        # What is over as soon as it begins was never told to be in progress.
        started_at=told.since(st.IN_PROGRESS) or told.since(st.COMPLETED),
        updated_at=note.time,
        ended_at=_ended(told) if status in ENDS else 0,
        child_id=child_of(instance, note),
        branch=_branch(instance, note),
    )


def _branch(instance: Instance, note: StepNote) -> bytes:
    """What a row carries of a FORK_JOIN_DYNAMIC that has begun, or of a branch of one."""
    if note.fork:
        fork = shown_ref(Place(note.fork, note.at), instance.generation)
        return msgspec.json.encode(fans.Made(fork, note.place))
    began = note.type == fans.DYNAMIC_FORK and note.status == st.COMPLETED
    return fans.of_width(0) if began else b""  # how many have begun is counted


def _ended(told: Told[StepNote]) -> int:
    """When an attempt ended; nobody told of a JOIN to which nothing had come."""
    return told.stands_since if told.note.status in told.spans else told.note.time


def _in_order(instance: Instance) -> list[Place]:
    def key(place: Place) -> tuple[int, bool, str, At]:
        undo = place.ref.startswith(UNDO_PREFIX)  # in the same millisecond: behind what it undoes
        return _began(instance, place), undo, place.ref, place.at

    return sorted((p for p, told in instance.steps.items() if not _is_iteration(told)), key=key)


def _began(instance: Instance, place: Place) -> int:
    attempts = instance.steps.get(place)
    return attempts[min(attempts)].began if attempts else 0  # a JOIN to which nothing has come
