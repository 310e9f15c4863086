"""An event and a step that wait for each other meet, whatever comes first and wherever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import msgspec

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.core.decide.event_waits import Heard, queue_of_wait
from pavane.core.model.event import CloudEvent
from pavane.participant.events.meetings import Meetings
from pavane.participant.handlers.commits import Commits
from pavane.ports.ledger import Entry, Todo
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

TYPE = "test.order.paid.v1"
HEARD: Heard = {TYPE: {("order",): 60_000}}
QUEUE = queue_of_wait({"event": TYPE, "match": {"order": "A"}})


class Slow(MemoryLedger):
    """Takes its time, so that others come in between."""

    chance = random.Random(0)

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        await asyncio.sleep(self.chance.random())
        return await super().commit(entries)


def paid(id: str = "e-1") -> CloudEvent:
    return CloudEvent(id, "web", TYPE, data=msgspec.json.encode({"order": "A"}))


async def meetings(ledger: MemoryLedger) -> Meetings:
    await ledger.open()
    return Meetings(ledger, VirtualClock(), Commits(ledger).commit, lambda: HEARD)


def test_whoever_comes_later_sees_the_other():
    async def main(seed: int) -> tuple[bool, bool]:
        ledger = Slow()
        ledger.chance = random.Random(seed)
        kept = await meetings(ledger)

        async def event() -> bool:
            await asyncio.sleep(ledger.chance.random())
            (met,) = await kept.keep(paid())
            return met.waits == [b"step"]

        async def step() -> bool:
            await asyncio.sleep(ledger.chance.random())
            return [each.id for each in await kept.begin(QUEUE, "one", b"step")] == ["e-1"]

        told, found = await asyncio.gather(event(), step())
        return told, found

    seen = [run(main(seed), seed=seed, shuffle=True) for seed in range(100)]
    assert (False, False) not in seen
    assert {(True, False), (False, True)} <= set(seen)


def test_of_what_comes_again_one_is_kept_and_all_are_told():
    async def main() -> None:
        kept = await meetings(MemoryLedger())
        assert [met.waits for met in await kept.keep(paid())] == [[]]
        assert [each.id for each in await kept.begin(QUEUE, "one", b"1")] == ["e-1"]
        assert [each.id for each in await kept.begin(QUEUE, "one", b"1")] == ["e-1"]
        assert [met.waits for met in await kept.keep(paid())] == [[b"1"]]
        await kept.keep(paid("e-2"))
        assert [each.id for each in await kept.early(QUEUE)] == ["e-1", "e-2"]
        await kept.end(QUEUE, "one")
        await kept.end(QUEUE, "one")
        assert [met.waits for met in await kept.keep(paid("e-3"))] == [[]]

    run(main())


def test_events_go_when_their_time_is_over_and_leave_nothing():
    async def main() -> None:
        ledger = MemoryLedger()
        kept = await meetings(ledger)
        clock = VirtualClock()
        await kept.keep(paid())
        await asyncio.sleep(30)
        await kept.keep(paid("e-2"))
        await asyncio.sleep(30)
        for left in (["e-2"], []):
            (todo,) = await ledger.due(clock.now(), 10)
            assert kept.owns(todo)
            await kept.fire(todo)
            assert [each.id for each in await kept.early(QUEUE)] == left
            await asyncio.sleep(30)
        assert await ledger.next_due() == 0
        assert await ledger.prune(0, clock.now() + 1) == 1

    run(main())


def test_what_is_no_json_or_of_no_interest_is_not_kept():
    async def main() -> None:
        kept = await meetings(MemoryLedger())
        assert await kept.keep(CloudEvent("e-1", "web", TYPE, data=b"{")) == []
        assert await kept.keep(CloudEvent("e-1", "web", "test.other.v1", data=b"{}")) == []
        assert not kept.owns(Todo("event/pay/key/A", "m-1", due=1))
        assert not kept.owns(Todo(QUEUE, "e", queue=QUEUE))

    run(main())
