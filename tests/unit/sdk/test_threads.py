"""Sync tasks in real threads and real time."""

from __future__ import annotations

import asyncio
import threading
import time

import msgspec
import pytest

from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service
from pavane.sdk.threads import DaemonThreads
from pavane.sdk.worker import LocalWorkers
from tests.unit.sdk.board import Board, assignment


class RealClock:
    def now(self) -> int:
        return round(time.time() * 1000)


def _in_real_time(service: Service, task: str, *, limit_s: float) -> tuple[Board, float]:
    async def main() -> tuple[Board, float]:
        board = Board()
        workers = LocalWorkers([service], RealClock())
        workers.start(board)
        began = time.monotonic()
        assert workers.reserve(task)
        deadline_at = RealClock().now() + round(limit_s * 1000)
        workers.run(msgspec.structs.replace(assignment(task), deadline_at=deadline_at))
        await board.reported()
        took_s = time.monotonic() - began
        await workers.stop(0.05)
        return board, took_s

    return asyncio.run(main())


def test_a_sync_task_runs_in_a_thread_and_sees_that_it_is_too_late() -> None:
    service = Service("slow")
    left = threading.Event()
    threads: list[int] = []

    @service.task
    def dawdle(ctx: TaskContext) -> None:
        threads.append(threading.get_ident())
        while not ctx.cancelled:
            ctx.heartbeat_sync()
            time.sleep(0.01)
        left.set()
        ctx.raise_if_cancelled()

    board, took_s = _in_real_time(service, "dawdle", limit_s=0.2)
    assert left.wait(5)
    assert [(o.status, o.reason) for _, o in board.outcomes] == [
        ("TIMED_OUT", "timed out after 0.2 s")
    ]
    assert took_s < 2
    assert threads != [threading.get_ident()]


def test_a_sync_task_that_hangs_does_not_hang_the_stop() -> None:
    service = Service("stuck")
    release = threading.Event()

    @service.task
    def hang_in_thread() -> None:
        release.wait(30)

    board, took_s = _in_real_time(service, "hang_in_thread", limit_s=0.1)
    release.set()
    assert [outcome.status for _, outcome in board.outcomes] == ["TIMED_OUT"]
    assert took_s < 5


def test_threads_are_bounded_and_used_again() -> None:
    pool = DaemonThreads(2, "test")
    inside: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:
            inside.append(number)
            most.append(len(inside))
        time.sleep(0.002)
        with lock:
            inside.remove(number)
        return threading.get_ident()

    idents = {each.result(10) for each in [pool.submit(work, n) for n in range(30)]}
    assert max(most) == len(idents) == 2
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 // 0).result(10)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(time.time)


def test_signs_of_life_from_a_thread_do_not_pile_up() -> None:
    service = Service("noisy")

    @service.task
    def shout(ctx: TaskContext) -> None:
        for n in range(1000):
            ctx.heartbeat_sync(n / 1000)
        ctx.heartbeat_sync("done")
        time.sleep(0.1)

    beats: list[bytes] = []

    class Slow(Board):
        async def heartbeat(
            self, execution_id: str, ref: str, attempt: int, *, progress: bytes = b""
        ) -> bool:
            beats.append(progress)
            await asyncio.sleep(0.01)
            return True

    async def main() -> None:
        board = Slow()
        workers = LocalWorkers([service], RealClock())
        workers.start(board)
        workers.reserve("shout")
        workers.run(assignment("shout"))
        await board.reported()
        await workers.stop(1)

    asyncio.run(main())
    assert 1 <= len(beats) < 100
    assert beats[-1] == b'"done"', "the last progress is told, whatever came between"
