"""The exchanges of one crew: results go up as they come, and there is always somebody who waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from pavane.core.model.work import Assignment, Outcome
from pavane.engine.exchange import MANY, Attempted, Beat, Given, Report, Wanted, Work
from pavane.errors import InputError, TooLargeError
from pavane.sdk.remote.line import Line
from pavane.sdk.worker import LocalWorkers

_LOG = logging.getLogger("pavane.worker")

_WAIT_MS = 20_000  # the server lets nobody wait for longer than a third of its lease
_REQUEST_BYTES = 1024 * 1024
_AROUND_BYTES = 2_500  # of a report beside its output: ids, a reason
_BUSY_S = 3.0  # sign of life of a crew that has no room, until the lease is known

Place = tuple[str, str, int]


class CrewExchange:
    """Two requests at most: one that brings results and takes what follows, one that waits."""

    def __init__(
        self,
        line: Line,
        name: str,
        workers: LocalWorkers,
        tasks: Sequence[str],
        at_work: dict[Place, CrewExchange],
    ) -> None:
        self._line = line
        self._name = name
        self._workers = workers
        self._tasks = list(tasks)
        self._outcomes: list[tuple[Outcome, asyncio.Future[bool]]] = []
        self._beats: dict[Place, asyncio.Future[bool]] = {}
        self._progress: dict[Place, bytes] = {}  # told with the next sign of life
        self._at_work = at_work  # whose each attempt is
        self._got: dict[Place, None] = {}  # attempts of which the server does not know it yet
        self._troubles = 0
        self._something = asyncio.Event()  # to be handed in
        self._room = asyncio.Event()
        self._busy_s = _BUSY_S

    # --- what the workers say -------------------------------------------------------------------

    async def report(self, outcome: Outcome) -> bool:
        """Hand in an outcome; returns when the server has it. False: it came too late."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._outcomes.append((outcome, answer))
        self._something.set()
        return await answer

    async def heartbeat(self, place: Place, progress: bytes) -> bool:
        """A sign of life from inside a task. False: it is not wanted any more."""
        if progress:
            self._progress[place] = progress
        answer = self._beats.get(place)
        if answer is None:
            answer = self._beats[place] = asyncio.get_running_loop().create_future()
            self._something.set()
        return await asyncio.shield(answer)

    # --- the two requests -----------------------------------------------------------------------

    async def hand_in(self) -> None:
        """Bring what there is, and take as much as it made room for; for ever."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._outcomes or self._beats:
                await self._bring()

    async def _bring(self) -> None:
        bringing = self._next()
        beats, self._beats = self._beats, {}
        progress, self._progress = self._progress, {}
        room = self._workers.take(self._tasks[0], len(bringing)) if bringing else 0
        given = Given()
        try:
            given = await self._line.through(
                Wanted(
                    worker=self._name,
                    reports=[report_of(outcome) for outcome, _ in bringing],
                    beats=[Beat(*p, msgspec.Raw(progress.get(p, b"null"))) for p in beats],
                    holds=self._holds(),
                    tasks=self._tasks if room else [],
                    limit=room,
                )
            )
        except TooLargeError as error:  # one that comes alone
            for _, answer in bringing:
                answer.set_exception(InputError(error.message, error.remedy))
            return
        finally:
            self._begin(given, room)
        self._answer(bringing, beats, given)
        self._room.set()

    def _next(self) -> list[tuple[Outcome, asyncio.Future[bool]]]:
        """Outcomes for one request: as many as fit, or one that does not."""
        size = count = 0
        for outcome, _ in self._outcomes[:MANY]:
            size += len(outcome.output) + _AROUND_BYTES
            if count and size > _REQUEST_BYTES:
                break
            count += 1
        bringing, self._outcomes = self._outcomes[:count], self._outcomes[count:]
        return bringing

    async def wait_for_work(self) -> None:
        """Wait at the server with all the room there is; for ever."""
        while True:
            room = self._workers.take(self._tasks[0], MANY)
            if not room:
                await self._until_room()
                continue
            given = Given()
            try:
                wanted = Wanted(
                    self._name,
                    holds=self._holds(),
                    tasks=self._tasks,
                    limit=room,
                    wait_ms=_WAIT_MS,
                )
                given = await self._line.through(wanted)
            finally:
                self._begin(given, room)
            self._hear(given)

    async def _until_room(self) -> None:
        """No room: say now and then that we live, and hear what is not wanted any more."""
        self._room.clear()
        try:
            async with asyncio.timeout(self._busy_s):
                await self._room.wait()
        except TimeoutError:
            wanted = Wanted(self._name, holds=self._holds())
            self._hear(await self._line.through(wanted))

    def _holds(self) -> list[Attempted]:
        """What the server is to know that we have: all of it, if an answer may have been lost."""
        if self._troubles != self._line.troubles:
            self._troubles = self._line.troubles
            self._got = {place: None for place, crew in self._at_work.items() if crew is self}
        got, self._got = self._got, {}
        return [Attempted(*place) for place in got if place in self._at_work]

    # --- what comes back ------------------------------------------------------------------------

    def _begin(self, given: Given, room: int) -> None:
        ahead_ms = self._workers.now() - given.now if given.now else 0
        for each in given.work:
            place = (each.execution_id, each.ref, each.attempt)
            self._at_work[place] = self
            self._got[place] = None
            self._workers.run(assignment_of(each, self._name, ahead_ms))
        for _ in range(room - len(given.work)):
            self._workers.give_back(self._tasks[0], "")

    def _hear(self, given: Given) -> None:
        if given.lease_ms:
            self._busy_s = given.lease_ms / 4000
        for each in given.unwanted:
            self._workers.interrupt(each.execution_id, each.ref, each.attempt)
        if given.lapsed:
            _LOG.warning(
                "the server had not heard of %s for too long, and gave its work to others",
                self._name,
            )

    def _answer(
        self,
        brought: Sequence[tuple[Outcome, asyncio.Future[bool]]],
        beats: dict[Place, asyncio.Future[bool]],
        given: Given,
    ) -> None:
        refused = {each.index: each for each in given.refused}
        for index, (outcome, answer) in enumerate(brought):
            if answer.done():
                continue
            refusal = refused.get(index)
            if refusal is None:
                answer.set_result(True)
            elif refusal.code == "invalid":
                answer.set_exception(InputError(refusal.detail))
            else:
                _LOG.warning(
                    "%s: the result of %s, attempt %d, was refused: %s",
                    outcome.execution_id,
                    outcome.ref,
                    outcome.attempt + 1,
                    refusal.detail,
                )
                answer.set_result(False)
        unwanted = {(each.execution_id, each.ref, each.attempt) for each in given.unwanted}
        for place, answer in beats.items():
            if not answer.done():
                answer.set_result(place not in unwanted)
        self._hear(given)


def report_of(outcome: Outcome) -> Report:
    """An outcome as it travels."""
    return Report(
        outcome.execution_id,
        outcome.ref,
        outcome.attempt,
        outcome.status,
        msgspec.Raw(outcome.output),
        outcome.reason,
        outcome.callback_after_s,
        outcome.perhaps_done,
    )


def assignment_of(work: Work, worker: str, ahead_ms: int = 0) -> Assignment:
    """As the server means it, in the times of our own clock, which may be ahead of the server's."""

    def here(at: int) -> int:
        return at + ahead_ms if at else 0

    return Assignment(
        execution_id=work.execution_id,
        ref=work.ref,
        attempt=work.attempt,
        task=work.task,
        service=work.service,
        workflow=work.workflow,
        input=bytes(work.input),
        idempotency_key=work.idempotency_key,
        worker=worker,
        is_undo=work.is_undo,
        scheduled_at=here(work.scheduled_at),
        lease_until=here(work.lease_until),
        deadline_at=here(work.deadline_at),
        started_at=here(work.started_at),
        polls=work.polls,
        correlation_id=work.correlation_id,
        priority=work.priority,
        reverses=work.reverses,
        since=min(work.since, here(work.since)),
    )
