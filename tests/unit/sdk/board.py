"""Assignments that wait and outcomes that are kept: what workers need of an engine, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pavane.core.model.work import Assignment, Outcome
from pavane.errors import PavaneError
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run


def assignment(
    task: str, input: bytes = b"{}", *, number: int = 0, attempt: int = 0, limit_s: float = 0
) -> Assignment:
    """An attempt at a step named after its task and number."""
    return Assignment(
        execution_id=f"run-{number}",
        ref=task,
        attempt=attempt,
        task=task,
        service="",
        workflow="test",
        input=input,
        idempotency_key=f"run-{number}/{task}",
        worker="local",
        deadline_at=VirtualClock().now() + round(limit_s * 1000) if limit_s else 0,
    )


class Board:
    """Gives what waits, first come first served, and keeps outcomes with the time they came."""

    def __init__(self) -> None:
        self.waiting: list[Assignment] = []
        self.outcomes: list[tuple[float, Outcome]] = []
        self.polls: list[tuple[tuple[str, ...], int]] = []
        self.wanted = True  # what a heartbeat is told
        self.progress: list[bytes] = []  # what heartbeats told
        self.troubles: list[PavaneError] = []  # raised by the next reports
        self._news = asyncio.Event()

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        await asyncio.sleep(0.001)
        self.polls.append((tuple(tasks), limit))
        found = [each for each in self.waiting if each.task in tasks][:limit]
        self.waiting = [each for each in self.waiting if each not in found]
        return found

    async def report(self, outcome: Outcome) -> bool:
        if self.troubles:
            raise self.troubles.pop(0)
        await asyncio.sleep(0.001)
        self.outcomes.append((asyncio.get_running_loop().time(), outcome))
        self._news.set()
        return True

    async def heartbeat(
        self, execution_id: str, ref: str, attempt: int, *, progress: bytes = b""
    ) -> bool:
        if progress:
            self.progress.append(progress)
        return self.wanted

    async def reported(self, count: int = 1) -> list[Outcome]:
        """The outcomes, once there are so many."""
        while len(self.outcomes) < count:
            self._news.clear()
            await self._news.wait()
        return [outcome for _, outcome in self.outcomes]


def at_work(
    service: Service,
    scene: Callable[[Board, LocalWorkers], Awaitable[object]],
    *,
    grace_s: float = 10.0,
) -> Board:
    """Play a scene with workers for a service, in virtual time, and stop them at its end."""

    async def main() -> Board:
        board = Board()
        workers = LocalWorkers([service], VirtualClock())
        workers.start(board)
        await scene(board, workers)
        await workers.stop(grace_s)
        return board

    return run(main())


def outcome_of(service: Service, task: str, input: bytes = b"{}", *, limit_s: float = 0) -> Outcome:
    """What becomes of one attempt at a task."""

    async def scene(board: Board, workers: LocalWorkers) -> None:
        assert workers.reserve(task) == f"local/{service.name}"
        workers.run(assignment(task, input, limit_s=limit_s))
        await board.reported()

    (_, outcome), *more = at_work(service, scene).outcomes
    assert not more
    return outcome
