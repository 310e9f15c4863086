"""Tasks that commit with the ledger: once for each step, whatever is delivered how often."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import apsw
import msgspec
import pytest

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.bootstrap import SystemClock
from pavane.core.model.work import Assignment, Outcome
from pavane.errors import Fail
from pavane.ports.results import Result
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.unit.sdk.board import Board

SCHEMA = "CREATE TABLE IF NOT EXISTS paid (name TEXT, amount INTEGER)"

shop = Service("shop", schema=SCHEMA, concurrency=20)
calls: list[str] = []


@shop.task
async def refund(db: apsw.Connection, name: str, paid: int | None) -> None:
    calls.append(f"refund {name} {paid}")
    db.execute("DELETE FROM paid WHERE name = ?", (name,))


@shop.task(undo=refund)
async def charge(ctx: TaskContext, db: apsw.Connection, name: str, how: str = "") -> int:
    calls.append(f"charge {name}")
    db.execute("INSERT INTO paid VALUES (?, 160)", (name,))
    match how:
        case "fail":
            raise ValueError("out of paper")
        case "for good":
            raise Fail("card declined")
        case "hang":
            await asyncio.Event().wait()
        case "commit":
            try:
                db.execute("COMMIT")
            except Exception:  # noqa: BLE001  # takes no notice
                calls.append("refused")
        case "lie":
            return "a lot"  # type: ignore[return-value]  # the fault under test
        case "slow":
            await asyncio.sleep(0.5)
    assert ctx.idempotency_key
    return 160


go_on = threading.Event()


@shop.task
def charge_in_thread(name: str, db: apsw.Connection, wait: bool = False) -> int:
    calls.append(f"thread {name}")
    db.execute("INSERT INTO paid VALUES (?, 1)", (name,))
    if wait:
        go_on.wait(10)
    return 1


@shop.task
async def call_back(name: str, told: int | None = None) -> str:
    calls.append(f"call back {name} {told}")
    return "called"


@shop.task(undo=call_back)
async def call_carrier(name: str) -> int:
    calls.append(f"carrier {name}")
    return 7


@shop.task(read_only=True)
async def look(db: apsw.Connection, name: str, write: bool = False) -> int:
    calls.append(f"look {name}")
    if write:
        db.execute("DELETE FROM paid")
    return len(db.execute("SELECT 1 FROM paid WHERE name = ?", (name,)).fetchall())


class Till:
    """Workers of the shop over a ledger in memory, and what is in it."""

    def __init__(self, ledger: MemoryLedger, board: Board, workers: LocalWorkers) -> None:
        self.ledger = ledger
        self.board = board
        self.workers = workers
        self.told = 0

    def begin(self, task: str, name: str = "a", **fields: Any) -> None:
        input = {"name": name} | fields.pop("input", {})
        ref = fields.pop("ref", f"{task}-{name}")
        is_undo = ref.startswith("undo:")
        given = Assignment(
            execution_id="run",
            ref=ref,
            attempt=fields.pop("attempt", 0),
            task=task,
            service="shop",
            workflow="test",
            input=msgspec.json.encode(input),
            idempotency_key=f"run:{ref}",
            is_undo=is_undo,
            worker="local",
            **fields,
        )
        assert self.workers.reserve(task)
        self.workers.run(given)

    async def does(self, task: str, name: str = "a", **fields: Any) -> Outcome:
        self.begin(task, name, **fields)
        return await self.next()

    async def next(self) -> Outcome:
        self.told += 1
        return (await self.board.reported(self.told))[self.told - 1]

    async def undoes(self, task: str, step: str, name: str = "a", **fields: Any) -> Outcome:
        ref = f"undo:{step}-{name}"
        return await self.does(task, name, ref=ref, reverses=step, **fields)

    async def paid(self) -> list[str]:
        async with self.ledger.results.transaction(read_only=True) as transaction:
            rows = transaction.connection.execute("SELECT name FROM paid ORDER BY name").fetchall()
        return [row[0] for row in rows]


def at_the_till(
    scene: Callable[[Till], Awaitable[object]], *, plain: bool = True, real: bool = False
) -> Till:
    """Play a scene in virtual time, or in real time."""
    calls.clear()
    go_on.clear()

    async def main() -> Till:
        ledger, board = MemoryLedger(), Board()
        await ledger.open()
        await ledger.results.create(SCHEMA)
        workers = LocalWorkers(
            [shop],
            SystemClock() if real else VirtualClock(),
            results={"shop": ledger.results},
            record_plain=plain,
        )
        workers.start(board)
        till = Till(ledger, board, workers)
        await scene(till)
        await workers.stop()
        return till

    return asyncio.run(main()) if real else run(main())


# --- with the database --------------------------------------------------------------------------


def test_a_redelivered_step_is_answered_with_its_recorded_result():
    async def scene(till: Till) -> None:
        for attempt in (0, 0, 1):
            outcome = await till.does("charge", attempt=attempt)
            assert (outcome.status, outcome.output) == ("COMPLETED", b'{"result":160}')
            assert outcome.attempt == attempt
        await till.does("charge_in_thread")
        again = await till.does("charge_in_thread", attempt=1)
        assert again.output == b'{"result":1}'
        assert await till.paid() == ["a", "a"]
        assert calls == ["charge a", "thread a"]

    at_the_till(scene)


@pytest.mark.parametrize("how", ["fail", "for good", "lie", "commit"])
def test_what_does_not_complete_leaves_nothing_and_may_be_tried_again(how: str):
    async def scene(till: Till) -> None:
        outcome = await till.does("charge", input={"how": how})
        assert outcome.status == ("FAILED" if how == "fail" else "FAILED_WITH_TERMINAL_ERROR")
        assert await till.paid() == []
        assert (await till.does("charge", attempt=1)).status == "COMPLETED"
        assert await till.paid() == ["a"]

    at_the_till(scene)
    assert ("refused" in calls) == (how == "commit")


def test_a_task_whose_time_is_up_leaves_nothing():
    async def scene(till: Till) -> None:
        soon = VirtualClock().now() + 1000
        outcome = await till.does("charge", input={"how": "hang"}, deadline_at=soon)
        assert (outcome.status, outcome.reason) == ("TIMED_OUT", "timed out after 1 s")
        assert await till.paid() == []
        till.begin("charge", "b", input={"how": "hang"})
        await asyncio.sleep(0.1)
        # It waits for its turn longer than it may: then it is not called at all.
        late = await till.does("charge", "c", deadline_at=VirtualClock().now() + 500)
        assert late.status == "TIMED_OUT"
        till.workers.interrupt("run", "charge-b", 0)
        assert (await till.next()).status == "CANCELED"
        assert await till.paid() == []
        assert calls == ["charge a", "charge b"]

    at_the_till(scene)


def test_a_thread_that_ends_after_its_time_leaves_nothing():
    async def scene(till: Till) -> None:
        soon = SystemClock().now() + 200
        outcome = await till.does("charge_in_thread", input={"wait": True}, deadline_at=soon)
        assert outcome.status == "TIMED_OUT"
        till.begin("charge", "b")
        await asyncio.sleep(0.1)
        assert calls == ["thread a"]  # the next one waits until it has ended
        go_on.set()
        assert (await till.next()).status == "COMPLETED"
        assert await till.paid() == ["b"]
        assert (await till.ledger.results.find(["run:charge_in_thread-a"])) == {}

    at_the_till(scene, real=True)


def test_of_the_same_step_delivered_twice_at_once_one_has_its_effect():
    async def scene(till: Till) -> None:
        for attempt in range(5):
            till.begin("charge", input={"how": "slow"}, attempt=attempt)
        for _ in range(5):
            assert (await till.next()).output == b'{"result":160}'
        assert await till.paid() == ["a"]
        assert calls == ["charge a"]

    at_the_till(scene)


def test_reading_only_records_nothing_and_writes_nothing():
    async def scene(till: Till) -> None:
        await till.does("charge")
        for attempt in (0, 1):
            assert (await till.does("look", attempt=attempt)).output == b'{"result":1}'
        assert (await till.does("look", input={"write": True})).status == "FAILED"
        assert await till.paid() == ["a"]
        assert await till.ledger.results.find(["run:look-a"]) == {}

    at_the_till(scene)
    assert calls.count("look a") == 3


def test_a_ledger_without_room_gives_the_task_back():
    async def scene(till: Till) -> None:
        till.ledger.full = True
        outcome = await till.does("charge")
        assert (outcome.status, outcome.callback_after_s) == ("IN_PROGRESS", 1.0)
        till.ledger.full = False
        assert await till.paid() == []
        assert (await till.does("charge")).status == "COMPLETED"

    at_the_till(scene)


# --- undoing ------------------------------------------------------------------------------------


def test_a_late_attempt_has_no_effect_after_the_undo():
    async def scene(till: Till) -> None:
        await till.does("charge")
        outcome = await till.undoes("refund", "charge", input={"paid": 160})
        assert outcome.status == "COMPLETED"
        late = await till.does("charge", attempt=1)
        assert late.status == "FAILED_WITH_TERMINAL_ERROR"
        assert "after the undo of the step charge-a" in late.reason
        again = await till.undoes("refund", "charge", input={"paid": 160}, attempt=1)
        assert (again.status, again.output) == ("COMPLETED", b"{}")
        assert await till.paid() == []
        assert calls == ["charge a", "refund a 160"]

    at_the_till(scene)


def test_an_undo_that_is_told_no_result_gets_the_recorded_one():
    async def scene(till: Till) -> None:
        await till.does("charge")
        await till.undoes("refund", "charge", input={"paid": None})
        assert await till.paid() == []

    at_the_till(scene)
    assert calls == ["charge a", "refund a 160"]


def test_an_undo_of_what_never_was_bars_the_way_and_calls_nobody():
    async def scene(till: Till) -> None:
        outcome = await till.undoes("refund", "charge", input={"paid": None})
        assert (outcome.status, outcome.output) == ("COMPLETED", b"{}")
        late = await till.does("charge")
        assert late.status == "FAILED_WITH_TERMINAL_ERROR"
        assert await till.paid() == []
        assert calls == []
        # A result that was told is believed, and so is nothing that may have been forgotten.
        await till.undoes("refund", "charge", "b", input={"paid": 160})
        await till.ledger.results.record([Result("old", b"{}", 1)])
        await till.ledger.prune(1000, 0)
        await till.undoes("refund", "charge", "c", input={"paid": None}, since=999)
        await till.undoes("refund", "charge", "d", input={"paid": None}, since=1000)
        # Neither is one whose step is unknown here.
        await till.does("refund", "e", ref="undo:other-e", input={"paid": None}, since=1000)
        assert calls == ["refund b 160", "refund c None", "refund e None"]

    at_the_till(scene)


@pytest.mark.parametrize("plain", [True, False])
def test_an_undo_without_the_database_marks_first_and_is_always_called(plain: bool):
    async def scene(till: Till) -> None:
        await till.does("charge")
        await till.undoes("call_back", "charge")
        await till.undoes("call_back", "charge", "b")
        for name in "ab":
            late = await till.does("charge", name, attempt=1)
            assert late.status == "FAILED_WITH_TERMINAL_ERROR"
        assert await till.paid() == ["a"]
        assert calls == ["charge a", "call back a 160", "call back b None"]

    at_the_till(scene, plain=plain)


# --- without the database -----------------------------------------------------------------------


def test_the_result_of_any_task_is_recorded_before_it_is_reported():
    async def scene(till: Till) -> None:
        for attempt in (0, 0, 2):
            outcome = await till.does("call_carrier", attempt=attempt, polls=1)
            assert outcome.output == b'{"result":7}'
            found = await till.ledger.results.find(["run:call_carrier-a"])
            assert found["run:call_carrier-a"].output == b'{"result":7}'
        await till.undoes("call_back", "call_carrier", input={"told": None}, polls=1)
        await till.undoes("call_back", "call_carrier", input={"told": None}, attempt=1)
        late = await till.does("call_carrier", attempt=3)
        assert late.status == "FAILED_WITH_TERMINAL_ERROR"

    at_the_till(scene)
    # The second was told that nobody can have begun before.
    assert calls == ["carrier a", "carrier a", "call back a 7"]


def test_results_that_are_ready_together_share_a_commit():
    async def scene(till: Till) -> None:
        before = till.ledger.results.counters.commits
        for n in range(12):
            till.begin("call_carrier", f"{n}")
        for _ in range(12):
            await till.next()
        assert till.ledger.results.counters.commits - before <= 2

    at_the_till(scene)


def test_where_others_record_it_a_task_without_the_database_is_not():
    async def scene(till: Till) -> None:
        await till.does("call_carrier")
        await till.undoes("call_back", "call_carrier")
        assert await till.ledger.results.find(["run:call_carrier-a"]) == {}

    at_the_till(scene, plain=False)
