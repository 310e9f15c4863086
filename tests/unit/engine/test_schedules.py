"""Schedules in virtual time: each time once, what was missed, pauses, changes, and deaths."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

from pavane import Service, workflow
from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.core.model.schedule import Beat, Missed, Schedule
from pavane.engine.engine import Engine
from pavane.errors import AlreadyExistsError, ConflictError, DefinitionError, NotFoundError
from pavane.ports.store import Search
from pavane.sdk.workflow import WorkflowFunction
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

bell = Service("bell")


@bell.task
async def ring(at: datetime) -> str:
    return at.isoformat()


@workflow(every="1h")
async def hourly(at: datetime) -> str:
    rung = await ring(at)
    return rung


@workflow(name="hourly", version=2)
async def no_more(at: datetime) -> str:
    rung = await ring(at)
    return rung


@workflow
async def plain(at: datetime) -> str:
    rung = await ring(at)
    return rung


Scene = Callable[[Engine], Awaitable[None]]


def play(*scenes: Scene, flows: tuple[WorkflowFunction[..., object], ...] = (hourly,)) -> None:
    """Each scene with a new engine on the store that the one before has left by dying."""

    async def main() -> None:
        store = MemoryStore()
        for scene in scenes:
            async with running_engine(
                store,
                services=[bell],
                workflows=flows,
                clock=VirtualClock(),
                chance=random.Random(1),
            ) as engine:
                await scene(engine)
                store = store.crash()

    run(main())


async def started(engine: Engine) -> list[str]:
    """The keys of what was started, the earliest first."""
    async with engine.store.snapshot() as snapshot:
        found = await snapshot.search(Search(limit=1000))
    return [header.key for header in reversed(found)]


async def hours(count: float) -> None:
    await asyncio.sleep(count * 3600 + 0.01)


def test_each_time_once():
    async def scene(engine: Engine) -> None:
        await hours(3.5)
        keys = await started(engine)
        assert len(keys) == len(set(keys)) == 3
        (schedule,) = engine.schedules.all()
        assert schedule.last_id
        assert schedule.next_at - schedule.last_at == 3_600_000

    play(scene)


def of_missed(missed: Missed) -> Schedule:
    beats = (Beat("1h"),)
    return Schedule("mine", "plain", beats, missed=missed, time_parameter="at", priority=3)


@pytest.mark.parametrize(("missed", "wanted"), [("last", 1), ("all", 250), ("none", 0)])
def test_what_was_missed(missed: Missed, wanted: int):
    """Nobody is there for 250 hours and a half; then the next time comes as ever."""

    async def before(engine: Engine) -> None:
        await engine.schedules.put(of_missed(missed))

    async def after(engine: Engine) -> None:
        await asyncio.sleep(1)
        assert len(await started(engine)) == wanted
        await hours(1)
        keys = await started(engine)
        assert len(keys) == len(set(keys)) == wanted + 1

    async def away(engine: Engine) -> None:
        await before(engine)
        await engine.stop()
        await hours(250.5)

    play(away, after, flows=(plain,))


def test_a_death_behind_the_start_starts_nothing_twice(monkeypatch: pytest.MonkeyPatch):
    """The execution is there, and what the schedule has come to was not kept."""

    async def dies(engine: Engine) -> None:
        async def full(name: str, body: bytes) -> None:
            await asyncio.Event().wait()

        await asyncio.sleep(1)
        monkeypatch.setattr(engine.store, "put_schedule", full)
        await hours(1)
        assert len(await started(engine)) == 1

    async def again(engine: Engine) -> None:
        await asyncio.sleep(1)
        assert len(await started(engine)) == 1
        assert engine.schedules.find("hourly").last_id

    play(dies, again)


def test_paused_and_resumed():
    async def scene(engine: Engine) -> None:
        schedules = engine.schedules
        await schedules.pause("hourly", "too loud")
        await hours(5)
        assert await started(engine) == []
        # Registering it again changes nothing.
        await engine.register([hourly.definition], overwrite=True)
        assert schedules.find("hourly").paused_reason == "too loud"
        await schedules.resume("hourly")
        await asyncio.sleep(1)
        assert await started(engine) == [], "what passed meanwhile was not missed"
        await hours(1)
        assert len(await started(engine)) == 1
        with pytest.raises(NotFoundError):
            await schedules.pause("daily")

    play(scene)


def test_the_newest_version_decides():
    async def scene(engine: Engine) -> None:
        with pytest.raises(ConflictError):
            await engine.schedules.remove("hourly")
        await engine.register([no_more.definition])
        assert engine.schedules.all() == []
        assert await engine.store.schedules() == {}
        await engine.register([hourly.definition])  # an older one: it says nothing any more
        assert engine.schedules.all() == []

    play(scene)


def test_by_hand():
    async def scene(engine: Engine) -> None:
        schedules = engine.schedules
        await schedules.put(of_missed("last"))
        with pytest.raises(DefinitionError, match="5 fields"):
            await schedules.put(Schedule("other", "plain", (Beat("0 9 * * *"),)))
        with pytest.raises(ConflictError, match="declared"):
            await schedules.put(Schedule("hourly", "plain", (Beat("1h"),)))
        await schedules.put(Schedule("lost", "nowhere", (Beat("1h"),)))
        await hours(1)
        assert "nowhere" in schedules.find("lost").last_error
        assert len(await started(engine)) == 2
        await schedules.remove("mine")
        await hours(1)
        assert len(await started(engine)) == 3

    play(scene, flows=(hourly, plain))


def test_a_name_that_somebody_has():
    async def scene(engine: Engine) -> None:
        await engine.schedules.put(Schedule("hourly", "plain", (Beat("1h"),)))
        with pytest.raises(AlreadyExistsError, match="by hand"):
            await engine.register([hourly.definition])

    play(scene, flows=(plain,))


def test_between_its_bounds():
    async def scene(engine: Engine) -> None:
        now = engine.now()
        hour = 3_600_000
        bounded = Schedule(
            "mine",
            "plain",
            (Beat("1h"),),
            time_parameter="at",
            begins_at=now + 2 * hour,
            ends_at=now + 4 * hour,
        )
        await engine.schedules.put(bounded)
        await hours(10)
        assert len(await started(engine)) in (2, 3)
        assert engine.schedules.find("mine").next_at == 0

    play(scene, flows=(plain,))
