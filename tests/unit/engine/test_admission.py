"""Executions that run at once in virtual time: whoever starts them, and over deaths."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model.rows import Ready
from pavane.core.model.schedule import Beat, Schedule
from pavane.core.model.workflow import RateLimit, Step, Workflow
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView
from pavane.errors import AlreadyExistsError, LimitReachedError
from pavane.ports.store import Search, Store, Unit
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

begun: list[tuple[float, Any]] = []  # when, and which
running: list[tuple[Any, Any]] = []  # key and number of those at work
at_once: list[int] = []  # how many of the key ran when one began

yard = Service("yard", concurrency=500)


@yard.task(retries=0)
async def work(n: Any = None, k: Any = None) -> int:
    begun.append((round(asyncio.get_running_loop().time(), 3), n))
    running.append((k, n))
    at_once.append(sum(key == k for key, _ in running))
    try:
        await asyncio.sleep(1)
    finally:
        running.remove((k, n))
    if n == "fails":
        raise ValueError("no")
    return n


@yard.task(retries=0)
async def put_back() -> None:
    await asyncio.sleep(3)


GIVEN = {"n": "${workflow.input.n}", "k": "${workflow.input.k}"}
WORK = Step(name="work", task_reference_name="work", service="yard", input_parameters=GIVEN)


def limited(name: str, limit: RateLimit | None, *steps: Step, **fields: Any) -> Workflow:
    return Workflow(name=name, tasks=[*steps] or [WORK], rate_limit_config=limit, **fields)


QUEUE = limited("queue", RateLimit("", 2))
KEYED = limited("keyed", RateLimit("${workflow.input.k}", 1))
REJECT = limited("reject", RateLimit("", 2, "REJECT"))
FREE = limited("free", None)


def starts(name: str, **more: Any) -> Step:
    request = {"name": name, "input": GIVEN, **more}
    return Step(
        name="start",
        task_reference_name="start",
        type="START_WORKFLOW",
        input_parameters={"startWorkflow": request},
    )


class Looks(MemoryStore):
    """Counts the looks into the queues of workflows."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        self.looks += queue.startswith("\x1e")
        return await super().ready(queue, now, limit)


@asynccontextmanager
async def at_work(store: Store | None = None, *, workers: bool = True) -> AsyncGenerator[Engine]:
    async with running_engine(
        store or MemoryStore(),
        services=[yard] if workers else [],
        clock=VirtualClock(),
        chance=random.Random(1),
    ) as engine:
        await engine.register([QUEUE, KEYED, REJECT, FREE], overwrite=True)
        yield engine


def play(scene: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await scene()

    for each in (begun, at_once, running):
        each.clear()
    return run(main(), limit_s=10_000)


async def start(engine: Engine, name: str, n: Any = None, k: Any = None, **more: Any) -> str:
    return await engine.start_execution(name, msgspec.json.encode({"n": n, "k": k}), **more)


async def ends(engine: Engine, *ids: str) -> list[str]:
    return [(await engine.wait(each)).status for each in ids]


async def view(engine: Engine, id: str) -> ExecutionView:
    return await Reader(engine.store).execution(id)


async def how_many(engine: Engine, workflow: str) -> int:
    return len(await Reader(engine.store).executions(Search(workflow=workflow)))


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


# --- reject -------------------------------------------------------------------------------------


def test_one_too_many_is_refused_and_leaves_nothing() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            answers = await asyncio.gather(
                *(start(engine, "reject", n, key=f"k{n}") for n in range(5)),
                return_exceptions=True,
            )
            refused = [each for each in answers if isinstance(each, LimitReachedError)]
            assert len(refused) == 3 and await how_many(engine, "reject") == 2
            assert refused[0].message == "2 of reject run already, and no more may at once."
            ids = [each for each in answers if isinstance(each, str)]
            assert await start(engine, "reject", 0, key="k0") == ids[0], "that one is there"
            with pytest.raises(AlreadyExistsError):
                await start(engine, "reject", 0, key="k0", if_exists="fail")
            assert await ends(engine, *ids) == ["COMPLETED"] * 2
            again = await start(engine, "reject", 4, key="k4")
            assert again not in ids, "its key was not used"
            assert await ends(engine, again) == ["COMPLETED"]

    play(scene)
    assert max(at_once) == 2


def test_a_key_changes_hands_only_with_a_place() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            old = await start(engine, "reject", 0, key="k")
            await ends(engine, old)
            others = [await start(engine, "reject", n) for n in range(2)]
            with pytest.raises(LimitReachedError):
                await start(engine, "reject", 9, key="k", if_exists="fail_if_running")
            assert await start(engine, "reject", 9, key="k") == old, "it has its key still"
            await ends(engine, *others)
            new = await start(engine, "reject", 9, key="k", if_exists="fail_if_running")
            assert new != old and await ends(engine, new) == ["COMPLETED"]

    play(scene)
    assert max(at_once) == 2


def test_a_retry_is_refused_where_there_is_no_place() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            failed = await start(engine, "reject", "fails")
            await ends(engine, failed)
            others = [await start(engine, "reject", n) for n in range(2)]
            with pytest.raises(LimitReachedError):
                await engine.retry(failed)
            assert (await view(engine, failed)).status == "FAILED"
            await ends(engine, *others)
            await engine.retry(failed)
            assert (await view(engine, failed)).status == "RUNNING"

    play(scene)


# --- started by others --------------------------------------------------------------------------


def sub(name: str) -> Step:
    param = msgspec.json.decode(
        b'{"name":"sub","taskReferenceName":"sub","type":"SUB_WORKFLOW",'
        b'"subWorkflowParam":{"name":"%s"}}' % name.encode(),
        type=Step,
    )
    return msgspec.structs.replace(param, input_parameters=GIVEN)


def test_a_sub_workflow_waits_and_its_step_with_it() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            await engine.register([limited("outer", None, sub("keyed"))])
            ids = [await start(engine, "outer", n) for n in range(3)]
            step = (await view(engine, ids[2])).steps[0]
            assert step.status == "IN_PROGRESS"
            assert (await view(engine, step.child_id)).waits
            assert await ends(engine, *ids) == ["COMPLETED"] * 3

    play(scene)
    assert begun == [(n, n) for n in range(3)]


def test_a_sub_workflow_that_is_refused_fails_its_step() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            await engine.register([limited("outer", None, sub("reject"))])
            ids = [await start(engine, "outer", n) for n in range(3)]
            assert await ends(engine, *ids) == ["COMPLETED", "COMPLETED", "FAILED"]
            assert "2 of reject run already" in (await view(engine, ids[2])).reason
            assert await how_many(engine, "reject") == 2

    play(scene)


@pytest.mark.parametrize("strategy", ["", "RETURN_EXISTING", "FAIL_ON_RUNNING"])
def test_a_step_that_starts_a_workflow_fails_where_it_is_refused(strategy: str) -> None:
    more = {"idempotencyKey": "k-${workflow.input.n}", "idempotencyStrategy": strategy}

    async def scene() -> None:
        async with at_work() as engine:
            starting = limited("starting", None, starts("reject", **(more if strategy else {})))
            await engine.register([starting])
            if strategy == "FAIL_ON_RUNNING":  # the keys were used, and are to change hands
                used = [await start(engine, "starting", n) for n in range(2)]
                await ends(engine, *used)
                await asyncio.sleep(2)
            ids = await asyncio.gather(*(start(engine, "starting", n) for n in range(3)))
            told = await ends(engine, *ids)
            assert sorted(told) == ["COMPLETED", "COMPLETED", "FAILED"]
            refused = await view(engine, ids[told.index("FAILED")])
            assert "2 of reject run already" in refused.reason
            await asyncio.sleep(2)
            before = 2 if strategy == "FAIL_ON_RUNNING" else 0
            assert await how_many(engine, "reject") == 2 + before

    play(scene)
    assert max(at_once) == 2


def test_a_step_finds_nobody_whose_start_was_refused() -> None:
    """In one batch, a start with a key is refused, and a step starts with that key."""

    async def scene() -> None:
        async with at_work() as engine:
            starting = limited("starting", None, starts("reject", idempotencyKey="same"))
            await engine.register([starting])
            others = [await start(engine, "reject", n) for n in range(2)]
            tried = await asyncio.gather(
                start(engine, "starting", 7),
                *(start(engine, "reject", 8, key="same") for _ in range(3)),
                return_exceptions=True,
            )
            assert [type(each) for each in tried[1:]] == [LimitReachedError] * 3
            assert isinstance(tried[0], str)
            assert await ends(engine, tried[0]) == ["FAILED"]
            await ends(engine, *others)
            assert await how_many(engine, "reject") == 2

    play(scene)


def test_a_schedule_that_is_refused_says_so_and_goes_on() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            beats = (Beat("1s"),)
            await engine.schedules.put(Schedule(name="often", workflow="reject", beats=beats))
            await asyncio.sleep(0.5)
            others = [await start(engine, "reject", n) for n in range(2)]
            await asyncio.sleep(0.6)
            found = engine.schedules.find("often")
            assert "2 of reject run already" in found.last_error and not found.last_id
            await ends(engine, *others)
            await asyncio.sleep(1)
            found = engine.schedules.find("often")
            assert found.last_id and not found.last_error

    play(scene)


# --- deaths -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_death_loses_none_and_lets_no_more_run(kind: str, tmp_path: Path) -> None:
    async def scene() -> None:
        store: Any = MemoryStore()
        if kind == "sqlite":
            store = SqliteStore(tmp_path / "yard.db", commit_thread=False)
        async with at_work(store, workers=False) as engine:
            ids = [await start(engine, "keyed", n, n % 2) for n in range(8)]
            held = await engine.store.leases("")
            assert len(held) == 2
        store = store.crash()
        async with at_work(store, workers=False) as engine:
            assert sorted(await engine.store.leases(""), key=str) == sorted(held, key=str)
            assert (await view(engine, ids[7])).waits == "1 of keyed for k 1 runs already"
        async with at_work(store.crash()) as engine:
            assert await ends(engine, *ids) == ["COMPLETED"] * 8
            assert await engine.store.leases("") == []

    play(scene)
    assert max(at_once) == 1
    assert [n for _, n in begun if n % 2] == [1, 3, 5, 7], "in their order"


class Mortal(MemoryStore):
    """Its process is gone in its nth commit: before it is written, or before anybody is told."""

    def __init__(self, left: int, *, written: bool) -> None:
        super().__init__()
        self.left, self.written, self.dead = left, written, asyncio.Event()

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        self.left -= bool(units)
        if self.left:
            return await super().commit(units)
        if self.written:
            await super().commit(units)
        self.dead.set()
        return await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("written", [False, True])
def test_a_death_in_any_commit_loses_none_and_lets_no_more_run(written: bool) -> None:
    keys = [f"k{n}" for n in range(5)]

    async def drive(engine: Engine) -> list[str]:
        ids = [await start(engine, "queue", n, key=key) for n, key in enumerate(keys)]
        return await ends(engine, *ids)

    async def scene(nth: int) -> bool:
        store: MemoryStore = Mortal(nth, written=written)
        async with at_work(store) as engine:
            driving = asyncio.create_task(drive(engine))
            dying = asyncio.create_task(store.dead.wait())
            await asyncio.wait([driving, dying], return_when=asyncio.FIRST_COMPLETED)
            died, after = store.dead.is_set(), store.crash()
            driving.cancel()
            dying.cancel()
        running.clear()
        async with at_work(after) as engine:
            assert await drive(engine) == ["COMPLETED"] * 5
            assert await how_many(engine, "queue") == 5
            assert await after.leases("") == []
            async with after.snapshot() as snapshot:
                assert await snapshot.queues() == {}
        return died

    deaths = 0
    for nth in range(1, 30):
        died = play(lambda nth=nth: scene(nth))
        assert max(at_once) <= 2
        if not died:
            break
        deaths += 1
    assert 10 <= deaths < 29, "in every commit there is"
