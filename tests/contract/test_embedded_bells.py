"""Who is woken on the embedded bus, by whom and for what; and rings that are lost."""

import asyncio
from pathlib import Path

import pytest

from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.core.model.event import Outgoing
from pavane.ports.bus import Subscription
from pavane.ports.ledger import Entry
from pavane.testing.contracts.bus.harness import TOPIC, ids, opened, out

pytestmark = pytest.mark.anyio


async def collect(member: Subscription, count: int) -> list[str]:
    """So many events, each done as it came."""
    found: list[str] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            taken = await member.take(100)
            found += ids(taken)
            await member.done(taken)
    return found


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_a_ring_that_is_lost_costs_time_and_no_event(tmp_path: Path):
    async with opened(EmbeddedBus(tmp_path)) as bus, opened(EmbeddedBus(tmp_path)) as other:
        member = await bus.subscribe("billing", [TOPIC])
        await other.publish([out("1")])
        assert await collect(member, 1) == ["1"]
        for bell in files(tmp_path / "bells"):
            (tmp_path / "bells" / bell).unlink()
        before = bus.counters.copy()
        await other.publish([out("2")])
        assert await collect(member, 1) == ["2"]
        told = bus.counters.since(before)
        assert (told["rung"], told["polls"] <= 2) == (0, True)


async def test_a_folder_with_a_long_name_has_bells_too(tmp_path: Path):
    folder = tmp_path / ("long" * 20) / ("name" * 20)
    async with opened(EmbeddedBus(folder)) as bus, opened(EmbeddedBus(folder)) as other:
        member = await bus.subscribe("billing", [TOPIC])
        before = bus.counters.copy()
        await other.publish([out("1")])
        assert await collect(member, 1) == ["1"]
        assert bus.counters.since(before)["rung"] == 1


async def test_dead_processes_are_not_rung_for_ever(tmp_path: Path):
    async with opened(EmbeddedBus(tmp_path)) as bus:
        dead = EmbeddedBus(tmp_path)
        await dead.open()
        dead.crash()
        assert len(files(tmp_path / "bells")) == 2
        await bus.publish([out("1")])
        await asyncio.sleep(0)
        assert len(files(tmp_path / "bells")) == 1


async def test_only_who_takes_a_topic_is_rung(tmp_path: Path):
    """A bell wakes a process: who has nothing to do with an event sleeps on."""
    first, second, third = (EmbeddedBus(tmp_path, name) for name in ("first", "second", "third"))
    async with opened(first), opened(second), opened(third):
        takers = [
            await second.subscribe("billing", [TOPIC]),
            await third.subscribe("mail", ["another"]),
        ]
        await first.publish(
            [out("before")]
        )  # all are rung: what it appended before is of any topic
        await first.publish([Outgoing("another", "", out("too").event)])
        assert [await collect(each, 1) for each in takers] == [["before"], ["too"]]
        async with asyncio.timeout(10):
            while third.counters.rung < 2:  # noqa: ASYNC110  # it took both events at the first
                await asyncio.sleep(0.01)
        before = [each.counters.copy() for each in (first, second, third)]
        await first.publish([out("1")])
        await first.publish([out("2"), Outgoing("nobody", "", out("3").event)])
        assert await collect(takers[0], 2) == ["1", "2"]
        told = [b.counters.since(c) for b, c in zip((first, second, third), before, strict=True)]
        assert [each["rings"] for each in told] == [2, 0, 0]
        assert [each["rung"] for each in told] == [0, 2, 0]
        assert [each["reads"] for each in told] == [0, 2, 0]
        # Who comes later is rung too, and who is not there any more is not.
        late = await third.subscribe("late", [TOPIC])
        assert await collect(late, 3) == ["before", "1", "2"]
        before = [each.counters.copy() for each in (first, second, third)]
        await first.publish([out("4")])
        assert [await collect(each, 1) for each in (takers[0], late)] == [["4"], ["4"]]
        told = [b.counters.since(c) for b, c in zip((first, second, third), before, strict=True)]
        assert [each["rings"] for each in told] == [2, 0, 0]
        await third.close()
        await first.publish([out("5")])
        await collect(takers[0], 1)
        assert first.counters.rings == told[0]["rings"] + before[0].rings + 1


async def test_a_ring_follows_what_was_committed_before_a_death(tmp_path: Path):
    """Nobody was told of it: when its process begins anew, everybody is."""
    async with opened(EmbeddedBus(tmp_path)) as bus, opened(EmbeddedBus(tmp_path)) as other:
        member = await other.subscribe("billing", [TOPIC])
        ledger = SqliteLedger(tmp_path / "payment.db")
        await ledger.open()
        assert bus.adopt(ledger, "payment")
        bus.news(ledger)
        await asyncio.sleep(0.05)
        await ledger.commit([Entry(records=[out("1")])])
        again = ledger.crash()  # before it could ring
        await again.open()
        assert bus.adopt(again, "payment")
        before = other.counters.copy()
        bus.news(again)
        assert await collect(member, 1) == ["1"]
        assert other.counters.since(before)["rung"] == 1
        await again.close()
