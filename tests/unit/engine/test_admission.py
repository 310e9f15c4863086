"""Executions that run at once: one more waits for its turn, whatever ends the others."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.core.decide.draft import Rows
from pavane.core.model.fact import Admitted
from pavane.core.model.rows import Ready
from pavane.core.model.workflow import RateLimit, Step
from pavane.engine import batch
from pavane.errors import StoreError, StoreFullError
from tests.unit.engine.admitting import (
    GIVEN,
    at_once,
    at_work,
    begun,
    ends,
    limited,
    play,
    start,
    view,
)


class Looks(MemoryStore):
    """Counts the looks into the queues of workflows."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        self.looks += queue.startswith("\x1e")
        return await super().ready(queue, now, limit)


# --- queue --------------------------------------------------------------------------------------


def test_no_more_run_at_once_and_all_of_them_run_in_their_order() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            ids = await asyncio.gather(*(start(engine, "queue", n) for n in range(7)))
            assert await ends(engine, *ids) == ["COMPLETED"] * 7

    play(scene)
    assert begun == [(n // 2, n) for n in range(7)]


def test_each_key_is_counted_by_itself() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            ids = [await start(engine, "keyed", n, n % 3) for n in range(9)]
            assert await ends(engine, *ids) == ["COMPLETED"] * 9

    play(scene)
    assert max(at_once) == 1 and [at for at, _ in begun] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_higher_priority_comes_first() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            ids = [await start(engine, "keyed", n, priority=p) for n, p in enumerate([0, 0, 5, 9])]
            await ends(engine, *ids)

    play(scene)
    assert [n for _, n in begun] == [0, 3, 2, 1]


def test_whoever_waits_says_why_and_holds_nobody_up() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            first, second = [await start(engine, "keyed", n, "a") for n in range(2)]
            free = await start(engine, "free", 9)
            seen = await view(engine, second)
            assert (seen.status, seen.steps) == ("RUNNING", [])
            assert seen.waits == '1 of keyed for k "a" runs already'
            assert (await view(engine, first)).waits == ""
            assert await ends(engine, free) == ["COMPLETED"]
            assert begun[-1] == (0, 9)
            await ends(engine, second)
            assert (await view(engine, second)).waits == ""

    play(scene)


def test_one_that_waits_is_cancelled_and_the_next_has_its_turn() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            first, second, third = [await start(engine, "keyed", n) for n in range(3)]
            await engine.terminate(second)
            assert await ends(engine, second) == ["TERMINATED"]
            assert await ends(engine, first, third) == ["COMPLETED"] * 2

    play(scene)
    assert begun == [(0, 0), (1, 2)]


@pytest.mark.parametrize(
    ("n", "end", "status", "at"),
    [
        (0, "", "COMPLETED", 1),
        ("fails", "", "FAILED", 1),
        (0, "terminate", "TERMINATED", 0.5),
        (0, "time", "TIMED_OUT", 0.7),
    ],
)
def test_every_end_lets_the_next_one_begin(n: Any, end: str, status: str, at: float) -> None:
    async def scene() -> None:
        async with at_work() as engine:
            fields = {"timeout_seconds": 0.7, "timeout_policy": "TIME_OUT_WF"}
            timed = limited("timed", RateLimit("", 1), **fields)
            await engine.register([timed if end == "time" else limited("timed", RateLimit("", 1))])
            ids = [await start(engine, "timed", n)]
            if end != "time":
                ids.append(await start(engine, "timed", 1))
            await asyncio.sleep(0.5)
            if end == "time":
                ids.append(await start(engine, "timed", 1))
            if end == "terminate":
                await engine.terminate(ids[0])
            assert (await ends(engine, *ids))[0] == status

    play(scene)
    assert begun[1:] == [(at, 1)]


def test_one_that_is_undone_has_its_place_until_that_is_done() -> None:
    undone = msgspec.json.decode(
        b'{"name":"work","taskReferenceName":"work","service":"yard","undo":{"name":"put_back",'
        b'"service":"yard"},"inputParameters":{"n":1}}',
        type=Step,
    )
    bad = Step(name="work", task_reference_name="bad", service="yard", input_parameters=GIVEN)

    async def scene() -> None:
        async with at_work() as engine:
            await engine.register([limited("undone", RateLimit("", 1), undone, bad)])
            ids = [await start(engine, "undone", n) for n in ("fails", 2)]
            assert await ends(engine, *ids) == ["COMPENSATED", "COMPLETED"]

    play(scene)
    assert [at for at, _ in begun] == [0, 1, 5, 6], "two steps, and three seconds for the undo"


def test_a_paused_one_keeps_its_place_and_one_that_waits_gives_way() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            first, second, third = [await start(engine, "keyed", n) for n in range(3)]
            await engine.pause(first)
            await engine.pause(second)
            await asyncio.sleep(5)
            assert begun == [(0, 0)], "a pause gives no place away"
            await engine.resume(first)
            assert await ends(engine, third) == ["COMPLETED"], "the second one does not want it"
            await engine.resume(second)
            assert await ends(engine, second) == ["COMPLETED"]

    play(scene)
    assert [n for _, n in begun] == [0, 2, 1]


def test_one_that_is_resumed_has_its_old_turn() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            ids = [await start(engine, "keyed", n) for n in range(2)]
            await asyncio.sleep(0.1)
            ids.append(await start(engine, "keyed", 2))
            await engine.pause(ids[1])
            await asyncio.sleep(0.1)
            await engine.resume(ids[1])
            await ends(engine, *ids)

    play(scene)
    assert [n for _, n in begun] == [0, 1, 2]


def test_a_retry_waits_for_a_place() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            failed = await start(engine, "keyed", "fails")
            assert await ends(engine, failed) == ["FAILED"]
            other = await start(engine, "keyed", 1)
            await engine.retry(failed)
            assert (await view(engine, failed)).waits == "1 of keyed runs already"
            assert await ends(engine, other, failed) == ["COMPLETED", "FAILED"]

    play(scene)
    assert begun == [(0, "fails"), (1, 1), (2, "fails")]


def test_the_version_that_was_registered_last_says_how_many_and_at_once() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            ids = [await start(engine, "keyed", n) for n in range(6)]
            await asyncio.sleep(0.5)
            more = limited("keyed", RateLimit("${workflow.input.k}", 3), version=2)
            await engine.register([more])
            ids.append(await start(engine, "keyed", 6))
            await asyncio.sleep(0.6)
            await engine.register([limited("keyed", None, version=3)])
            ids.append(await start(engine, "keyed", 7))
            assert await ends(engine, *ids) == ["COMPLETED"] * 8

    play(scene)
    assert [at for at, _ in begun[:4]] == [0, 0.5, 0.5, 1] and begun[4][0] == 1.1
    assert sorted(n for _, n in begun) == list(range(8))


def test_what_waits_is_not_looked_for() -> None:
    async def scene() -> None:
        store = Looks()
        async with at_work(store) as engine:
            for n in range(300):
                await start(engine, "queue", n)
            await asyncio.sleep(0.5)
            store.looks = 0
            for n in range(20):
                await start(engine, "free", n)
            assert store.looks == 0
            await asyncio.sleep(10)
            assert 10 <= store.looks <= 2 * 2 * 11, "a few for each place that becomes free"

    play(scene)


def test_whoever_comes_as_one_ends_does_not_pass_those_who_wait() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            ids = [await start(engine, "keyed", n) for n in range(3)]
            for n, id in enumerate(ids):
                await engine.wait(id)  # a place is free, and nobody has it yet
                await start(engine, "keyed", 10 + n)
            await asyncio.sleep(10)

    play(scene)
    assert [n for _, n in begun] == [0, 1, 2, 10, 11, 12]


@pytest.mark.parametrize("name", ["queue", "reject"])
def test_a_full_store_keeps_no_place(name: str) -> None:
    async def scene() -> None:
        store = MemoryStore()
        async with at_work(store) as engine:
            store.full = True
            for n in range(3):
                with pytest.raises(StoreFullError):
                    await start(engine, name, n)
            store.full = False
            ids = [await start(engine, name, n) for n in range(2)]
            await ends(engine, *ids)

    play(scene)
    assert [at for at, _ in begun] == [0, 0]


def test_a_store_in_trouble_delays_a_turn_and_loses_none() -> None:
    class Troubled(MemoryStore):
        looks = 0

        async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
            self.looks += queue.startswith("\x1e")
            if queue.startswith("\x1e") and self.looks < 3:
                raise StoreError("The disk is slow.", "Wait.")
            return await super().ready(queue, now, limit)

    async def scene() -> None:
        async with at_work(Troubled()) as engine:
            ids = [await start(engine, "keyed", n) for n in range(3)]
            assert await ends(engine, *ids) == ["COMPLETED"] * 3

    play(scene)
    assert begun == [(0, 0), (3, 1), (4, 2)]


def test_one_that_cannot_be_decided_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with at_work() as engine:
            ids = [await start(engine, "keyed", n) for n in range(4)]
            original = batch.decide

            def decide(plan: Any, rows: Rows, fact: Any, now: int) -> Any:
                if rows.header.id == ids[1] and isinstance(fact, Admitted):
                    raise ValueError("no")
                return original(plan, rows, fact, now)

            monkeypatch.setattr(batch, "decide", decide)
            assert await ends(engine, ids[0], *ids[2:]) == ["COMPLETED"] * 3
            monkeypatch.undo()
            assert await ends(engine, ids[1]) == ["COMPLETED"]

    play(scene)
    assert [n for _, n in begun] == [0, 2, 3, 1]
