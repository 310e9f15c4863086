"""Workers in virtual time: what they report, how many run at once, how they stop."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from pavane.errors import Fail, InputError, StoppingError, StoreFullError, TooLargeError
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.testing.simulation.clock import START_MS, VirtualClock
from pavane.testing.simulation.loop import run
from tests.unit.sdk.board import Board, assignment, at_work, outcome_of

shop = Service("shop", concurrency=2, threads=1)


@shop.task
async def double(amount: int) -> int:
    return amount * 2


@shop.task
async def break_down(how: str) -> None:
    match how:
        case "for good":
            raise Fail("card declined", "Use another card.")
        case "for good in a group":
            async with asyncio.TaskGroup() as group:
                group.create_task(_refuse())
        case "exit":
            raise SystemExit(3)
        case "cancel":
            raise asyncio.CancelledError
        case _:
            raise ValueError("out of paper")


async def _refuse() -> None:
    raise Fail("card declined in a group")


@shop.task
async def hang() -> None:
    await asyncio.Event().wait()


@shop.task
async def lie() -> int:
    return "three"  # type: ignore[return-value]  # the fault under test


@shop.task
async def give_a_lock() -> dict[str, object]:
    return {"lock": threading.Lock()}


@shop.task
async def cling() -> None:
    loop = asyncio.get_running_loop()
    while loop.time() < 60:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            continue


@shop.task
async def wait(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@shop.task
def stop_iteration() -> None:
    raise StopIteration("in a thread")


def test_a_result_is_reported_as_an_object() -> None:
    outcome = outcome_of(shop, "double", b'{"amount":21}')
    assert (outcome.status, outcome.output, outcome.reason) == ("COMPLETED", b'{"result":42}', "")
    assert (outcome.execution_id, outcome.ref, outcome.attempt) == ("run-0", "double", 0)


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("for good", "FAILED_WITH_TERMINAL_ERROR", "card declined Use another card."),
        ("for good in a group", "FAILED_WITH_TERMINAL_ERROR", "card declined in a group"),
        ("exit", "FAILED", "SystemExit: 3"),
        ("cancel", "FAILED", "the task cancelled itself"),
        ("any other way", "FAILED", "ValueError: out of paper"),
    ],
)
def test_a_failure_is_final_only_when_the_task_says_so(how: str, status: str, reason: str) -> None:
    outcome = outcome_of(shop, "break_down", f'{{"how":"{how}"}}'.encode())
    assert (outcome.status, outcome.reason) == (status, reason)


@pytest.mark.parametrize(
    ("task", "input", "reason"),
    [
        ("double", b'{"amount":"many"}', "double: amount: expected int, got str"),
        ("double", b"{}", "double: amount: is missing"),
        ("lie", b"{}", "lie returned a wrong result: expected int, got str"),
        ("give_a_lock", b"{}", "cannot be written as JSON"),
    ],
)
def test_what_breaks_the_contract_is_final(task: str, input: bytes, reason: str) -> None:
    outcome = outcome_of(shop, task, input)
    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert reason in outcome.reason


def test_sync_functions_may_raise_anything() -> None:
    outcome = outcome_of(shop, "stop_iteration")
    assert (outcome.status, outcome.reason) == ("FAILED", "StopIteration: in a thread")


def test_a_hanging_task_times_out_and_its_place_is_free_again() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        for number in range(2):
            assert workers.reserve("hang")
            workers.run(assignment("hang", number=number, limit_s=10))
        assert not workers.reserve("double")
        await board.reported(2)
        assert workers.reserve("double")
        workers.give_back("double", "")

    board = at_work(shop, scene)
    assert {(round(at, 2), o.status, o.reason) for at, o in board.outcomes} == {
        (10.0, "TIMED_OUT", "timed out after 10 s")
    }


def test_a_task_that_ignores_its_timeout_keeps_nobody_waiting() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        for number in range(2):
            assert workers.reserve("cling")
            workers.run(assignment("cling", number=number, limit_s=10))
        await board.reported(2)
        assert workers.reserve("double")
        workers.run(assignment("double", b'{"amount":1}'))
        await board.reported(3)

    board = at_work(shop, scene)
    assert [(round(at), outcome.status) for at, outcome in board.outcomes] == [
        (15, "TIMED_OUT"),
        (15, "TIMED_OUT"),
        (15, "COMPLETED"),
    ]


def test_an_interrupted_task_is_cancelled_once() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        workers.reserve("hang")
        workers.run(assignment("hang"))
        await asyncio.sleep(1)
        for _ in range(2):
            workers.interrupt("run-0", "hang", 0)
        workers.interrupt("run-0", "hang", 1)  # another attempt: nothing to do with this one
        await board.reported()

    (at, outcome), *more = at_work(shop, scene).outcomes
    assert (round(at, 2), outcome.status, more) == (1.0, "CANCELED", [])


def test_an_interrupt_before_the_first_step_does_not_call_the_task() -> None:
    called: list[int] = []
    service = Service("late")

    @service.task
    async def note() -> None:
        called.append(1)

    async def scene(board: Board, workers: LocalWorkers) -> None:
        workers.reserve("note")
        workers.run(assignment("note"))
        workers.interrupt("run-0", "note", 0)
        await board.reported()

    (_, outcome), *_ = at_work(service, scene).outcomes
    assert (outcome.status, called) == ("CANCELED", [])


def test_a_report_is_repeated_until_the_store_takes_it() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        board.troubles += [StoreFullError("No room left."), StoreFullError("No room left.")]
        workers.reserve("double")
        workers.run(assignment("double", b'{"amount":1}'))
        await board.reported()

    (at, outcome), *_ = at_work(shop, scene).outcomes
    assert outcome.status == "COMPLETED"
    assert 0.3 <= at < 0.4


def test_an_output_that_the_engine_refuses_fails_the_step_for_good() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        board.troubles.append(InputError("The output is too strange."))
        workers.reserve("double")
        workers.run(assignment("double", b'{"amount":1}'))
        await board.reported()

    (_, outcome), *_ = at_work(shop, scene).outcomes
    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert outcome.reason == "The output is too strange."


def test_a_stop_waits_for_what_is_going_on() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        workers.reserve("wait")
        workers.run(assignment("wait", b'{"seconds":8}'))
        await asyncio.sleep(1)

    board = at_work(shop, scene, grace_s=10)
    assert [(round(at), outcome.status) for at, outcome in board.outcomes] == [(8, "COMPLETED")]


def test_a_stop_cancels_without_a_word_what_takes_too_long() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        for number, task in enumerate(["hang", "cling"]):
            assert workers.reserve(task)
            workers.run(assignment(task, number=number))
        await asyncio.sleep(1)

    async def main() -> tuple[Board, float, str]:
        board = Board()
        workers = LocalWorkers([shop], VirtualClock())
        workers.start(board)
        await scene(board, workers)
        await workers.stop(5)
        return board, asyncio.get_running_loop().time(), workers.reserve("double")

    board, at, worker = run(main())
    assert (board.outcomes, worker) == ([], "")
    assert 6.9 < at < 7.1


def test_what_a_poll_brings_during_a_stop_is_given_back() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        board.waiting.append(assignment("double", b'{"amount":1}'))
        workers.wake("double")

    (_, outcome), *more = at_work(shop, scene).outcomes
    assert (outcome.status, more) == ("IN_PROGRESS", [])


def test_a_stopping_engine_is_not_asked_again() -> None:
    async def scene(board: Board, workers: LocalWorkers) -> None:
        board.troubles += [StoppingError("The engine is stopping.")] * 2
        workers.reserve("double")
        workers.run(assignment("double", b'{"amount":1}'))
        await asyncio.sleep(60)
        assert len(board.troubles) == 1

    assert at_work(shop, scene).outcomes == []


def test_the_context_tells_attempt_and_key() -> None:
    service = Service("ask")
    seen: list[TaskContext] = []

    @service.task
    async def look(ctx: TaskContext, amount: int) -> None:
        seen.append(ctx)

    async def scene(board: Board, workers: LocalWorkers) -> None:
        workers.reserve("look")
        workers.run(assignment("look", b'{"amount":1}', attempt=2, limit_s=5))
        await board.reported()

    at_work(service, scene)
    (ctx,) = seen
    assert (ctx.execution_id, ctx.step, ctx.task, ctx.workflow) == ("run-0", "look", "look", "test")
    assert (ctx.attempt, ctx.idempotency_key, ctx.is_undo) == (3, "run-0/look", False)
    assert ctx.deadline_at == START_MS + 5000
    assert ctx.deadline == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert not ctx.cancelled


def test_a_heartbeat_tells_that_the_work_is_no_longer_wanted() -> None:
    service = Service("beat")

    @service.task
    async def beat(ctx: TaskContext) -> int:
        for count in range(100):
            if ctx.cancelled:
                return count
            await asyncio.sleep(1)
            await ctx.heartbeat()
        return 100

    async def scene(board: Board, workers: LocalWorkers) -> None:
        workers.reserve("beat")
        workers.run(assignment("beat"))
        await asyncio.sleep(3.5)
        board.wanted = False
        await board.reported()

    (_, outcome), *_ = at_work(service, scene).outcomes
    assert outcome.output == b'{"result":4}'


def test_a_heartbeat_tells_how_far_the_work_is() -> None:
    service = Service("far")

    @service.task
    async def go(ctx: TaskContext) -> None:
        await ctx.heartbeat(0.5)
        await ctx.heartbeat()
        await ctx.heartbeat({"page": 3})
        with pytest.raises(TooLargeError, match="5,002 bytes; the limit is 4,000"):
            await ctx.heartbeat("x" * 5000)
        with pytest.raises(InputError, match="The progress is no JSON"):
            await ctx.heartbeat(object())

    async def scene(board: Board, workers: LocalWorkers) -> None:
        workers.reserve("go")
        workers.run(assignment("go"))
        await board.reported()

    board = at_work(service, scene)
    assert [outcome.status for _, outcome in board.outcomes] == ["COMPLETED"]
    assert board.progress == [b"0.5", b'{"page":3}']


def test_ctrl_c_in_a_task_is_reported_and_then_ends_the_program() -> None:
    service = Service("keys")
    seen: list[Board] = []

    @service.task
    async def press() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        board = Board()
        seen.append(board)
        workers = LocalWorkers([service], VirtualClock())
        workers.start(board)
        workers.reserve("press")
        workers.run(assignment("press"))
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        run(main())
    assert [(o.status, o.reason) for _, o in seen[0].outcomes] == [("FAILED", "KeyboardInterrupt")]
