"""Use case: a worker of another process hands in results and takes work, in one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from pavane.core.model.work import Assignment, Outcome, OutcomeStatus
from pavane.engine.sessions import PREFIX, Held, Session
from pavane.engine.views.late import why_late
from pavane.engine.views.records import Records
from pavane.engine.views.shapes import NULL, null
from pavane.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from pavane.engine.engine import Engine

WAIT_MAX_MS: Final = 60_000
MANY: Final = 1000
"""How many tasks one exchange takes at most."""


def _empty() -> msgspec.Raw:
    return msgspec.Raw(b"{}")


class Attempted(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Which attempt at which step."""

    execution_id: str
    ref: str
    attempt: int = 0


class Beat(Attempted, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A sign of life, with any JSON that says how far the work is; null says nothing."""

    progress: msgspec.Raw = msgspec.field(default_factory=null)


class Report(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """What became of an attempt; as `Outcome`, whose output is a JSON object."""

    execution_id: str
    ref: str
    attempt: int = 0
    status: OutcomeStatus = "COMPLETED"
    output: msgspec.Raw = msgspec.field(default_factory=_empty)
    reason: str = ""
    callback_after_s: float = 0
    perhaps_done: bool = False


class Refusal(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A report that changed nothing, by its place in the request, and why.

    `code` "late": somebody else has it, or it is over; "invalid": it cannot be kept as it is.
    """

    index: int
    code: str
    detail: str


class Work(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A task for the worker; as `Assignment`."""

    execution_id: str
    ref: str
    task: str
    input: msgspec.Raw
    attempt: int = 0
    service: str = ""
    workflow: str = ""
    idempotency_key: str = ""
    is_undo: bool = False
    scheduled_at: int = 0
    lease_until: int = 0
    deadline_at: int = 0
    started_at: int = 0
    polls: int = 0
    correlation_id: str = ""
    priority: int = 0
    reverses: str = ""
    since: int = 0


class Wanted(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """What a worker hands in, and what it could take.

    With reports the answer comes at once, without them after the first task, or `wait_ms`.
    """

    worker: str
    reports: list[Report] = []
    beats: list[Beat] = []  # signs of life from inside tasks
    holds: list[Attempted] = []  # tasks that it has got, and not spoken of since
    tasks: list[str] = []  # names of tasks that it can do
    limit: int = 0  # how many of them it has room for
    wait_ms: int = 0
    leaving: bool = False  # it ends now, and has nothing in its hands any more


class Given(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """What it gets: tasks, what was refused, what it shall stop, and when to be heard again.

    `now` is the server's time as it gives `work` (epoch ms), by which the times in it are meant.
    `lapsed`: it was silent for too long, and nothing that it held before is its own any more.
    """

    work: list[Work] = []
    refused: list[Refusal] = []
    unwanted: list[Attempted] = []
    lease_ms: int = 0
    lapsed: bool = False
    now: int = 0


async def exchange(engine: Engine, records: Records, wanted: Wanted) -> Given:
    """One exchange. StoreError when the store has trouble: send the same again."""
    worker = _checked(wanted)
    sessions = engine.sessions
    session, lapsed = sessions.heard(worker)
    for told in (wanted.holds, wanted.beats):
        sessions.holds(session, (Held(e.execution_id, e.ref, e.attempt) for e in told))
    room = 0 if wanted.leaving else min(wanted.limit, MANY)
    async with engine.taking(wanted.tasks, worker, room) as taking:
        session.places.add(taking.place)
        try:
            if wanted.reports or wanted.beats:
                taking.place.open()  # what follows from the reports may come here
                refused = await _take(engine, records, wanted.reports, session)
                await _beat(engine, wanted.beats, session)
                await taking.at_once()
            else:
                refused = []
                wait_s = 0.0 if session.unwanted else wanted.wait_ms / 1000
                await taking.within(min(wait_s, sessions.lease_s / 3))
        finally:
            session.places.discard(taking.place)
        sessions.heard(worker)
        sessions.given(session, taking.given)
        work = [work_of(each) for each in taking.given]
    if wanted.leaving:
        await sessions.over(session)
    unwanted = [Attempted(*each) for each in session.unwanted]
    session.unwanted.clear()
    now = engine.now() if work else 0
    return Given(work, refused, unwanted, int(sessions.lease_s * 1000), lapsed, now)


def _checked(wanted: Wanted) -> str:
    if not wanted.worker or len(wanted.worker) > 200:
        raise InputError(
            "A worker needs a name of 1 to 200 characters.", "Give each process a name of its own."
        )
    if wanted.limit < 0 or not 0 <= wanted.wait_ms <= WAIT_MAX_MS:
        raise InputError(
            f"limit is {wanted.limit} and waitMs is {wanted.wait_ms}.",
            f"limit is 0 or more, waitMs is from 0 to {WAIT_MAX_MS}.",
        )
    return PREFIX + wanted.worker


async def _take(
    engine: Engine, records: Records, reports: Sequence[Report], session: Session
) -> list[Refusal]:
    answers = await asyncio.gather(
        *(taken(engine, each, session.worker) for each in reports), return_exceptions=True
    )
    refused: list[Refusal] = []
    for index, (report, answer) in enumerate(zip(reports, answers, strict=True)):
        if isinstance(answer, InputError):
            refused.append(Refusal(index, "invalid", str(answer)))
            continue
        if isinstance(answer, BaseException) and not isinstance(answer, NotFoundError):
            raise answer
        engine.sessions.done(session, Held(report.execution_id, report.ref, report.attempt))
        if answer is not True:
            why = await why_late(
                records, report.execution_id, report.ref, report.attempt, session.worker
            )
            refused.append(Refusal(index, "late", why or "There is no such task."))
    return refused


async def taken(engine: Engine, report: Report, worker: str) -> bool:
    """Whether the engine took a report. InputError for an output that cannot be kept."""
    if not bytes(report.output).lstrip().startswith(b"{"):
        raise InputError(f"The output of {report.ref} is no JSON object.", "Send an object.")
    return await engine.report(outcome_of(report, worker))


async def _beat(engine: Engine, beats: Sequence[Beat], session: Session) -> None:
    wanted = await asyncio.gather(
        *(
            engine.heartbeat(
                each.execution_id,
                each.ref,
                each.attempt,
                session.worker,
                progress=b"" if each.progress == NULL else bytes(each.progress),
            )
            for each in beats
        )
    )
    for beat, alive in zip(beats, wanted, strict=True):
        if not alive:
            session.unwanted.add(Held(beat.execution_id, beat.ref, beat.attempt))


def outcome_of(report: Report, worker: str) -> Outcome:
    """A report as the engine takes it."""
    return Outcome(
        report.execution_id,
        report.ref,
        report.attempt,
        report.status,
        bytes(report.output),
        report.reason,
        worker,
        max(0.0, report.callback_after_s),
        report.perhaps_done,
    )


def work_of(given: Assignment) -> Work:
    """An assignment as it travels."""
    return Work(
        execution_id=given.execution_id,
        ref=given.ref,
        task=given.task,
        input=msgspec.Raw(given.input),
        attempt=given.attempt,
        service=given.service,
        workflow=given.workflow,
        idempotency_key=given.idempotency_key,
        is_undo=given.is_undo,
        scheduled_at=given.scheduled_at,
        lease_until=given.lease_until,
        deadline_at=given.deadline_at,
        started_at=given.started_at,
        polls=given.polls,
        correlation_id=given.correlation_id,
        priority=given.priority,
        reverses=given.reverses,
        since=given.since,
    )
