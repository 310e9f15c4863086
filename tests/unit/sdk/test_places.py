"""Places: how many attempts run at once, and who gets the next one that is free."""

from __future__ import annotations

import asyncio

from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from tests.unit.sdk.board import Board, assignment, at_work

shop = Service("shop", concurrency=2, threads=1)


@shop.task
async def wait(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@shop.task(concurrency=1)
async def wait_alone(seconds: float) -> None:
    await asyncio.sleep(seconds)


def test_a_service_runs_no_more_than_its_places() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        assert workers.reserve("wait")
        assert workers.reserve("wait")
        assert workers.reserve("wait") == ""
        workers.give_back("wait", "")
        assert workers.reserve("wait_alone")
        assert workers.reserve("unknown") == ""
        workers.give_back("wait_alone", "")
        workers.give_back("wait", "")

    at_work(shop, scene)


def test_a_task_may_have_fewer_places_than_its_service() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        assert workers.reserve("wait_alone")
        assert workers.reserve("wait_alone") == ""
        assert workers.reserve("wait")
        workers.give_back("wait", "")
        workers.give_back("wait_alone", "")

    at_work(shop, scene)


def test_what_waits_is_fetched_as_places_become_free() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        tasks = ["wait", "wait_alone", "wait", "wait_alone", "wait"]
        for number, task in enumerate(tasks):
            board.waiting.append(assignment(task, b'{"seconds":1}', number=number))
            workers.wake(task)
        await board.reported(5)
        assert not board.waiting

    board = at_work(shop, scene)
    # Five seconds of work in two places, of which `wait_alone` uses one at a time.
    assert 2.9 < board.outcomes[-1][0] < 3.2
    assert all(limit <= 2 for _, limit in board.polls)


def test_new_tasks_do_not_overtake_those_that_wait() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        for number in range(4):
            board.waiting.append(assignment("wait", b'{"seconds":1}', number=number))
        workers.wake("wait")
        await asyncio.sleep(0.5)
        assert workers.reserve("wait") == ""
        await board.reported(2)
        assert workers.reserve("wait") == ""
        await board.reported(4)
        await asyncio.sleep(1)
        assert workers.reserve("wait")
        workers.give_back("wait", "")

    at_work(shop, scene)


def test_sync_and_async_tasks_take_turns_in_a_place_that_they_share() -> None:
    service = Service("narrow", concurrency=1)

    @service.task
    async def first() -> None:
        await asyncio.sleep(1)

    @service.task
    def second() -> None: ...

    async def scene(board: Board, workers: LocalWorkers) -> None:
        for number in range(20):
            board.waiting.append(assignment("first", number=number))
        board.waiting.append(assignment("second"))
        workers.wake("first")
        workers.wake("second")
        while not any(outcome.ref == "second" for _, outcome in board.outcomes):
            await board.reported(len(board.outcomes) + 1)

    assert len(at_work(service, scene).outcomes) <= 4
