"""Scripted workers: a `Dispatcher` inside the engine's process, and workers outside of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol, cast

import msgspec

from pavane.core.model.work import Assignment, Outcome, OutcomeStatus
from pavane.errors import PavaneError, StoreFullError
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.scripts import Scripts, Turn

_OUTSIDE_LOOKS_S = 15.0


class NodeDiedError(PavaneError):
    """The engine's process died before it answered."""

    code = "node-died"


class Source(Protocol):
    """Where workers fetch and report: an engine, or a node that may die meanwhile."""

    async def poll(self, tasks: list[str], worker: str, limit: int) -> list[Assignment]: ...
    async def report(self, outcome: Outcome) -> bool: ...
    async def heartbeat(self, execution_id: str, ref: str, attempt: int) -> bool: ...


class Hands:
    """Carries out assignments as the scripts say."""

    def __init__(self, outside: Outside, scripts: Scripts) -> None:
        self.outside = outside
        self.scripts = scripts

    async def work(self, given: Assignment, source: Source, stop: asyncio.Event) -> None:
        """One call of a handler, from its beginning to its last report."""
        known = self.known(given)
        number = self.outside.called(known)
        turn = self.turn(known, number)
        end, body = turn.end, output_of(given, turn)
        spent_ms = 0
        if turn.effect_ms >= 0:
            spent_ms = turn.effect_ms
            if await self._pass(spent_ms, given, source, stop, turn):
                await self._report(given, source, "CANCELED", b"{}")
                return
            if not self.outside.take_effect(known):
                end, body = "FAILED_WITH_TERMINAL_ERROR", b"{}"
        if await self._pass(turn.report_ms - spent_ms, given, source, stop, turn):
            await self._report(given, source, "CANCELED", b"{}")
            return
        if end == "HANG":
            return
        await self._report(given, source, end, body, turn.callback_s, turn.reason)
        if turn.again_ms >= 0:
            await asyncio.sleep(turn.again_ms / 1000)
            await self._report(given, source, end, body, reason=turn.reason)

    def known(self, given: Assignment) -> Assignment:
        """The assignment under the names that the outside and the scripts know."""
        return given

    def turn(self, known: Assignment, number: int) -> Turn:
        """What the handler does when it is called for the `number`th time."""
        return self.scripts.turn(known.execution_id, known.ref, number)

    async def _pass(
        self, ms: int, given: Assignment, source: Source, stop: asyncio.Event, turn: Turn
    ) -> bool:
        """Let time pass, with signs of life; True when it was interrupted and gives up."""
        while ms > 0:
            piece = min(ms, turn.beat_ms or ms)
            if turn.stops:
                try:
                    async with asyncio.timeout(piece / 1000):
                        await stop.wait()
                    self.outside.see("absent", self.known(given))
                    return True
                except TimeoutError:
                    pass
            else:
                await asyncio.sleep(piece / 1000)
            ms -= piece
            if turn.beat_ms and ms > 0:
                with suppress(PavaneError):  # the next one may arrive
                    await source.heartbeat(given.execution_id, given.ref, given.attempt)
        return False

    async def _report(
        self,
        given: Assignment,
        source: Source,
        end: str,
        body: bytes,
        callback_s: float = 0,
        reason: str = "",
    ) -> None:
        """Report until somebody answers, as at-least-once delivery does."""
        known = self.known(given)
        outcome = Outcome(
            given.execution_id,
            given.ref,
            given.attempt,
            cast(OutcomeStatus, end),
            body,
            "" if end == "COMPLETED" else reason or f"scripted {end}",
            given.worker,
            callback_s,
        )
        self.outside.see("report", known, end, body)
        while True:
            try:
                taken = await source.report(outcome)
                break
            except NodeDiedError:
                self.outside.see("lost", known, end)
                await asyncio.sleep(0.2)
            except StoreFullError:
                await asyncio.sleep(0.5)
            except PavaneError as error:
                self.outside.see("answer", known, f"error {error.code}")
                return
        self.outside.see("answer", known, "taken" if taken else "refused", end.encode())


def output_of(given: Assignment, turn: Turn) -> bytes:
    """What the handler gives back: as scripted, or something that names its step and attempt."""
    if turn.end != "COMPLETED":
        return b"{}"
    if turn.output:
        return turn.output
    return msgspec.json.encode({"n": len(given.ref) + given.attempt, "by": given.ref})


class Workers:
    """A crew with a number of places for some tasks; keeps the promises of a `Dispatcher`."""

    def __init__(
        self, hands: Hands, tasks: frozenset[str], places: int, name: str, open_at_s: float = 0
    ) -> None:
        self._hands = hands
        self._tasks = tasks
        self._places = places
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._open_at_s = open_at_s
        self._source: Source | None = None
        self._taken = 0
        self._waiting: set[str] = set()
        self._fetching = False
        self._closed = False
        self._going: dict[tuple[str, str, int], asyncio.Event] = {}
        self.running: set[asyncio.Task[None]] = set()

    def start(self, source: Source) -> None:
        """Begin to work, now or when the crew arrives."""
        self._source = source
        late_s = self._open_at_s - self._loop.time()
        if late_s > 0:
            self._spawn(self._arrive(late_s))

    def look(self) -> None:
        """There may be work that nobody announced: after a start, or once in a while."""
        self._waiting |= self._tasks
        self._fetch_soon()

    async def look_often(self) -> None:
        """Look once in a while, for ever: for a crew in another process."""
        while True:
            await asyncio.sleep(_OUTSIDE_LOOKS_S)
            self.look()

    # --- the dispatcher's promises --------------------------------------------------------------

    def reserve(self, task: str) -> str:
        if task not in self._tasks or self._taken >= self._places or not self._here():
            return ""
        self._taken += 1
        return self._name

    def give_back(self, task: str, worker: str) -> None:
        self._taken -= 1
        self._fetch_soon()

    def run(self, assignment: Assignment) -> None:
        self._spawn(self._work(assignment))

    def interrupt(self, execution_id: str, ref: str, attempt: int) -> None:
        stop = self._going.get((execution_id, ref, attempt))
        if stop is not None:
            stop.set()

    def wake(self, task: str) -> None:
        if task in self._tasks:
            self._waiting.add(task)
            self._fetch_soon()

    # --------------------------------------------------------------------------------------------

    def close(self) -> None:
        """The process is dead: nothing is taken any more."""
        self._closed = True

    def _here(self) -> bool:
        return not self._closed and self._loop.time() >= self._open_at_s

    async def _arrive(self, late_s: float) -> None:
        await asyncio.sleep(late_s)
        self.look()

    async def _work(self, given: Assignment) -> None:
        assert self._source is not None
        key = (given.execution_id, given.ref, given.attempt)
        self._going[key] = stop = asyncio.Event()
        try:
            await self._hands.work(given, self._source, stop)
        finally:
            if self._going.get(key) is stop:
                del self._going[key]
            self._taken -= 1
            self._fetch_soon()

    def _fetch_soon(self) -> None:
        free = self._places - self._taken
        if self._waiting and not self._fetching and free > 0 and self._here():
            self._fetching = True
            self._taken += free
            self._spawn(self._fetch(free))

    async def _fetch(self, free: int) -> None:
        assert self._source is not None
        asked = sorted(self._waiting)
        self._waiting.clear()
        found: list[Assignment] = []
        try:
            found = await self._source.poll(asked, self._name, free)
            if len(found) == free:
                self._waiting.update(asked)
        except StoreFullError:
            self._loop.call_later(0.5, self._ask_again, asked)
        except PavaneError:
            pass  # the node died; the next one says what waits
        finally:
            self._fetching = False
            self._taken -= free - len(found)
        for assignment in found:
            self.run(assignment)
        self._fetch_soon()

    def _ask_again(self, tasks: list[str]) -> None:
        for task in tasks:
            self.wake(task)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop.is_closed():  # the run was broken off, and this is its remains
            work.close()
            return
        task = self._loop.create_task(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)
