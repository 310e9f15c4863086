"""A handler that asks for its service's database writes there once for each message."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from pavane import Event, EventContext, Fail, Service
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.bootstrap import SystemClock, dancing_services
from pavane.errors import DefinitionError, UsageError
from pavane.participant.handlers.reactions import Reactions
from pavane.ports.bus import Delivery
from pavane.ports.ledger import Entry, Ledger
from pavane.sdk.effects import Effects
from pavane.sdk.event import outgoing
from pavane.sdk.handlers import ServiceHandlers
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

SCHEMA = "CREATE TABLE IF NOT EXISTS paid (order_id TEXT, amount INTEGER)"


class Ordered(Event, type="test.order.placed.v1"):
    order: str


class Paid(Event, type="test.order.paid.v1"):
    order: str


class Bank:
    """A service that takes payments in its own table, and one that hears of them."""

    def __init__(self, handle: Callable[..., Any] | None = None) -> None:
        self.service, self.mail = Service("bank", schema=SCHEMA), Service("mail")
        self.calls = 0
        self.heard: list[str] = []
        self.goes_wrong: list[BaseException] = []

        async def charge(ctx: EventContext, db: apsw.Connection, event: Ordered) -> Paid:
            self.calls += 1
            db.execute("INSERT INTO paid VALUES (?, ?)", (event.order, ctx.attempt))
            if self.goes_wrong:
                raise self.goes_wrong.pop()
            return Paid(order=event.order)

        self.service.on(Ordered, retries=2)(charge if handle is None else handle)

        @self.mail.on(Paid)
        async def write(event: Paid) -> None:
            self.heard.append(event.order)


async def written(ledger: Ledger) -> list[tuple[str, int]]:
    async with ledger.results.transaction(read_only=True) as transaction:
        return transaction.connection.execute("SELECT * FROM paid ORDER BY 1").fetchall()


def danced(bank: Bank, *orders: str) -> tuple[list[tuple[str, int]], list[str]]:
    """What the table has in the end, and what the handlers gave up."""

    async def main() -> tuple[list[tuple[str, int]], list[str]]:
        services = [bank.service, bank.mail]
        async with dancing_services("memory:", services=services, clock=VirtualClock()) as company:
            for order in orders:
                await company.publish(Ordered(order=order), id=order)
            await asyncio.sleep(60)
            ledger = company.ledgers["bank"]
            return await written(ledger), [each.reason for each in await ledger.aside("dead")]

    return run(main())


def test_what_comes_twice_is_written_once():
    bank = Bank()
    assert danced(bank, "1", "2", "1") == ([("1", 1), ("2", 1)], [])
    assert (bank.calls, sorted(bank.heard)) == (2, ["1", "2"])


def test_of_an_attempt_that_fails_nothing_stays():
    bank = Bank()
    bank.goes_wrong = [ValueError("no"), ConnectionError("down")]
    assert danced(bank, "1") == ([("1", 3)], [])
    assert (bank.calls, bank.heard) == (3, ["1"])
    bank = Bank()
    bank.goes_wrong = [Fail("the card is stolen")]
    assert danced(bank, "1") == ([], ["the card is stolen"])
    assert bank.heard == []


def test_it_cannot_end_its_transaction():
    async def ends(db: apsw.Connection, event: Ordered) -> Paid:
        db.execute("INSERT INTO paid VALUES (?, 0)", (event.order,))
        db.execute("COMMIT")
        return Paid(order=event.order)

    bank = Bank(ends)
    table, (reason, *others) = danced(bank, "1")
    assert (table, others, bank.heard) == ([], [], [])
    assert "COMMIT" in reason


def test_a_thread_that_ends_after_its_time_has_written_nothing(tmp_path: Path):
    """The next attempt waits for the thread, which has the connection until then."""
    slow, ended = [True], threading.Event()

    def dawdle(ctx: EventContext, db: apsw.Connection, event: Ordered) -> None:
        db.execute("INSERT INTO paid VALUES (?, ?)", (event.order, ctx.attempt))
        if slow:
            slow.pop()
            time.sleep(0.5)
            ended.set()

    bank = Bank()
    bank.service = Service("bank", schema=SCHEMA)
    bank.service.on(Ordered, timeout="100ms", retry_delay="1ms")(dawdle)

    async def main() -> list[tuple[str, int]]:
        bus = f"embedded:{tmp_path}"
        async with dancing_services(bus, services=[bank.service]) as company:
            await company.publish(Ordered(order="1"))
            ledger = company.ledgers["bank"]
            for _ in range(1000):
                if ended.is_set() and (found := await written(ledger)):
                    return found
                await asyncio.sleep(0.01)
            return []

    assert asyncio.run(main()) == [("1", 2)]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_process_that_dies_behind_the_effect_is_answered_from_the_ledger(
    kind: str, tmp_path: Path
):
    """It has written and not yet told: the message comes again, and the function is not called."""
    bank = Bank()
    sent: list[str] = []

    async def dies(_entry: Entry) -> bool:
        raise RuntimeError("killed")

    async def main() -> list[tuple[str, int]]:
        clock = SystemClock()
        ledger = MemoryLedger() if kind == "memory" else SqliteLedger(tmp_path / "bank.db")
        await ledger.open()
        await ledger.results.create(SCHEMA)
        event = outgoing(Ordered(order="1"), id="m-1", source="web").event
        handlers = ServiceHandlers(bank.service, Effects(ledger.results, clock))
        dying = Reactions(ledger, clock, handlers, "bank", commit=dies)
        with pytest.raises(RuntimeError, match="killed"):
            await dying.handle(Delivery("", event))
        assert bank.calls == 1
        assert await ledger.log_after(0, 10) == []
        again = Reactions(ledger, clock, handlers, "bank")
        await again.handle(Delivery("", event))
        sent.extend(each.out.event.type for each in await ledger.log_after(0, 10))
        found = await written(ledger)
        await ledger.close()
        return found

    assert asyncio.run(main()) == [("1", 1)]
    assert bank.calls == 1
    assert sent.count("test.order.paid.v1") == 1


def test_called_as_a_function_it_says_how():
    bank = Bank()
    (charge,) = bank.service.handlers
    with pytest.raises(UsageError, match="asks for the database of bank"):
        asyncio.run(charge(Ordered(order="1")))
    db = apsw.Connection(":memory:")
    db.execute(SCHEMA)
    context = EventContext.outside("bank", "charge")
    assert asyncio.run(charge.function(context, db, Ordered(order="1"))) == Paid(order="1")


def test_what_stands_in_another_order_is_refused():
    service = Service("bank")

    on: Any = service.on  # a type checker refuses it too

    @on(Ordered)
    async def wrong(db: apsw.Connection, ctx: EventContext, event: Ordered) -> None: ...

    with pytest.raises(DefinitionError, match="an EventContext, and then a connection"):
        ServiceHandlers(service)
    assert not service.has_database
