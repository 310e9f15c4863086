"""Whatever dies, and whenever: each message is handled once, and in order."""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict

from pavane.participant.emitting import CAUSATION, CORRELATION, emitted_id, inbox_id
from pavane.ports.ledger import Entry
from pavane.sdk.service import Service
from pavane.testing.simulation.loop import run
from tests.unit.participant.stage import (
    Dancer,
    Ordered,
    Trouble,
    eventually,
    opened,
    sent,
    together,
)

# --- crashes --------------------------------------------------------------------------------------


def test_a_crash_between_commit_and_acknowledgement_leaves_a_duplicate() -> None:
    trouble = Trouble()

    async def main() -> None:
        (dancer,) = await together([trouble.service])
        await dancer.bus.publish([sent(Ordered(order="A"))])
        await eventually(lambda: dancer.ledger.counters.commits == 1, pause_s=0)
        assert dancer.bus.counters.done == 0
        next_one = await dancer.reborn()
        await next_one.start()
        await asyncio.sleep(60)
        assert dancer.bus.counters.done == 1
        assert trouble.done == ["A"]
        assert len(await next_one.log()) == 1
        await next_one.stop()

    run(main())


def test_a_crash_at_any_point_loses_and_doubles_nothing() -> None:
    """Kill the process after each number of rounds of its loop, and look at what is left."""
    ends: set[tuple[int, int]] = set()

    async def main(rounds: int) -> None:
        trouble = Trouble(retries=1)
        trouble.pause_s = 0.05
        trouble.failing.update(A=1, B=2)
        (dancer,) = await together([trouble.service])
        orders = [sent(Ordered(order=x), f"m-{x}", correlation="one") for x in "ABC"]
        await dancer.bus.publish(orders)
        for _ in range(rounds):
            await asyncio.sleep(0 if rounds % 2 else 0.01)
        dancer = await dancer.reborn()
        await dancer.start()
        await asyncio.sleep(60)
        for aside in await dancer.ledger.aside("dead"):
            assert aside.event.id == "m-B"
            await dancer.reactions.redrive(aside.id)
        await asyncio.sleep(60)
        log = await dancer.log()
        assert [event.id for event in log] == [emitted_id(f"m-{x}", "pay", 0) for x in "ABC"]
        assert await dancer.ledger.aside() == []
        ends.add((len(trouble.calls), len(trouble.done)))
        await dancer.stop()

    for rounds in range(120):
        run(main(rounds), seed=rounds)
    assert len({calls for calls, _ in ends}) > 1  # some died while a handler was at work
    assert min(ends) == (6, 3)


def test_a_cancelled_handling_can_be_given_again() -> None:
    trouble = Trouble()
    gate = asyncio.Event()
    service = Service("slow")

    @service.on(Ordered)
    async def pay(event: Ordered) -> None:
        await gate.wait()
        trouble.done.append(event.order)

    async def main() -> None:
        dancer = await opened(service)
        first = asyncio.create_task(dancer.handle(Ordered(order="A"), correlation="one"))
        second = asyncio.create_task(dancer.handle(Ordered(order="B"), "m-2", correlation="one"))
        third = asyncio.create_task(dancer.handle(Ordered(order="C"), "m-3", correlation="one"))
        await asyncio.sleep(1)
        second.cancel()  # before its turn: the third still waits for the first
        await asyncio.sleep(1)
        gate.set()
        await asyncio.gather(first, third)
        assert trouble.done == ["A", "C"]
        await dancer.handle(Ordered(order="B"), "m-2", correlation="one")
        assert trouble.done == ["A", "C", "B"]

    run(main())


def test_while_the_ledger_is_full_nothing_is_given_up_and_no_handler_called_again() -> None:
    trouble = Trouble()

    async def main() -> None:
        (dancer,) = await together([trouble.service])
        dancer.ledger.full = True
        orders = [sent(Ordered(order=x), f"m-{x}", correlation="one") for x in "AB"]
        await dancer.bus.publish(orders)
        await asyncio.sleep(60)
        assert trouble.done == ["A"]
        dancer.ledger.full = False
        await eventually(lambda: trouble.done == ["A", "B"])
        await asyncio.sleep(10)
        assert [event.attributes[CAUSATION] for event in await dancer.log()] == ["m-A", "m-B"]
        await dancer.stop()

    run(main())


# --- two processes --------------------------------------------------------------------------------


class Between:
    """Does something between what a process has read and what it writes."""

    def __init__(self, dancer: Dancer) -> None:
        self.ledger = dancer.ledger
        self.entries: list[Entry] = []

    async def commit(self, entry: Entry) -> bool:
        if self.entries:
            assert not await self.ledger.commit([self.entries.pop()])
        return not await self.ledger.commit([entry])


def test_what_another_process_has_handled_meanwhile_is_not_written_twice() -> None:
    trouble = Trouble()

    async def main() -> None:
        dancer = await opened(trouble.service)
        between = Between(dancer)
        between.entries = [Entry(message="m-1/pay")]
        other = Dancer(trouble.service, dancer.bus, dancer.ledger)
        other.reactions._keeping._commit = between.commit
        await other.handle(Ordered(order="A"))
        assert await dancer.log() == []

    run(main())


def test_what_another_process_parks_behind_a_retry_follows_it() -> None:
    trouble = Trouble()
    trouble.failing["A"] = 1

    async def main() -> None:
        dancer = await opened(trouble.service)
        other = Dancer(trouble.service, dancer.bus, dancer.ledger)
        await dancer.handle(Ordered(order="A"), "m-A", correlation="one")
        trouble.pause_s = 1
        await asyncio.sleep(0.2)
        (firing,) = await dancer.reactions.fire_due()
        await asyncio.sleep(0.5)
        await other.handle(Ordered(order="B"), "m-B", correlation="one")
        await firing
        await dancer.until(5)
        assert trouble.done == ["A", "B"]
        assert [attempt for _, order, attempt in trouble.calls if order == "A"] == [1, 2]
        assert dancer.ledger.counters.lost == 1

    run(main())


def test_what_fails_behind_what_another_process_has_failed_with_waits() -> None:
    trouble = Trouble()
    trouble.failing.update(A=1, B=1)
    trouble.pause_s = 1

    async def main() -> None:
        dancer = await opened(trouble.service)
        other = Dancer(trouble.service, dancer.bus, dancer.ledger)
        first = asyncio.create_task(dancer.handle(Ordered(order="A"), "m-A", correlation="one"))
        await asyncio.sleep(0.5)
        await other.handle(Ordered(order="B"), "m-B", correlation="one")
        await first
        assert await dancer.statuses() == ["retrying", "parked"]
        await dancer.until(10)
        assert trouble.done == ["A", "B"]

    run(main())


def test_batches_are_bounded_by_what_is_ready() -> None:
    trouble = Trouble()

    async def main() -> None:
        dancer = await opened(trouble.service)
        many = [dancer.handle(Ordered(order=str(n)), f"m-{n}") for n in range(50)]
        await asyncio.gather(*many)
        counters = dancer.ledger.counters
        assert counters.rows["inbox"] == len(trouble.done) == 50
        assert (counters.lookups, counters.loads, counters.commits) == (1, 1, 1)
        assert counters.records == 50 + 1  # what they emitted, and one that tells of them all
        assert {note.message for note in await dancer.notes()} == {f"m-{n}" for n in range(50)}

    run(main())


def test_one_that_somebody_else_has_handled_holds_up_nobody() -> None:
    trouble = Trouble()
    trouble.pause_s = 1

    async def main() -> None:
        dancer = await opened(trouble.service)
        many = [
            asyncio.create_task(dancer.handle(Ordered(order=str(n)), f"m-{n}")) for n in range(5)
        ]
        await asyncio.sleep(1)
        await dancer.ledger.commit([Entry(message=inbox_id("m-3", "pay"))])
        await asyncio.gather(*many)
        others = ["m-0", "m-1", "m-2", "m-4"]
        assert sorted(note.message for note in await dancer.notes()) == others
        assert sorted(each.attributes[CAUSATION] for each in await dancer.log()) == others
        assert dancer.ledger.counters.lost == 2  # all of them together, then that one
        assert await dancer.ledger.seen([inbox_id(f"m-{n}", "pay") for n in range(5)]) == {
            inbox_id(f"m-{n}", "pay") for n in range(5)
        }

    run(main())


# --- dice -----------------------------------------------------------------------------------------


async def _at_random(chance: random.Random, seen: dict[str, int]) -> None:
    """Keys, duplicates, failures and deaths by dice; in the end each message was handled once."""
    trouble = Trouble(retries=2)
    trouble.pause_s = 0.05
    (dancer,) = await together([trouble.service])
    messages = [(f"m-{n}", chance.choice("xyz")) for n in range(12)]
    events = [sent(Ordered(order=id), id, correlation=key) for id, key in messages]
    trouble.failing = {id: chance.choice([0, 0, 1, 2, 3, 4]) for id, _ in messages}
    for _ in range(chance.randint(0, 4)):
        again = chance.randrange(len(events))
        events.insert(chance.randint(again, len(events)), events[again])
        seen["duplicates"] += 1
    await dancer.bus.publish(events)
    for _ in range(chance.randint(0, 4)):
        await asyncio.sleep(chance.choice([0, 0.01, 0.1, 1]) * chance.random())
        seen["retrying at death"] += bool(await dancer.ledger.next_due())
        dancer = await dancer.reborn()
        await dancer.start()
    await asyncio.sleep(60)
    while dead := await dancer.ledger.aside("dead"):
        seen["dead"] += 1
        await dancer.reactions.redrive(chance.choice(dead).id)
        await asyncio.sleep(60)
    for key in "xyz":
        caused = [
            e.attributes[CAUSATION] for e in await dancer.log() if e.attributes[CORRELATION] == key
        ]
        assert caused == [id for id, its_key in messages if its_key == key]
    seen["effects twice"] += len(trouble.done) - len(messages)
    seen["parked"] += "parked" in await dancer.statuses()
    assert (await dancer.ledger.next_due(), await dancer.ledger.aside()) == (0, [])
    await dancer.stop()


def test_each_message_is_handled_once_and_in_order_whatever_happens() -> None:
    first = int(os.environ.get("PAVANE_SEED", "0"))
    seen: dict[str, int] = defaultdict(int)
    for seed in range(first, first + 60):
        run(_at_random(random.Random(seed), seen), seed=seed, shuffle=True)
    kinds = ("duplicates", "retrying at death", "dead", "effects twice", "parked")
    assert all(seen[kind] for kind in kinds) or first, seen
