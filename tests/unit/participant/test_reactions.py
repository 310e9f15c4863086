"""Hand-written handlers at work: one message in, one transaction, records out."""

from __future__ import annotations

import asyncio
import uuid

from pavane.core.model.event import CloudEvent
from pavane.participant.emitting import CAUSATION, CORRELATION, emitted_id
from pavane.sdk.handling import EventContext, publish
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import START_MS
from pavane.testing.simulation.loop import run
from tests.unit.participant.stage import (
    Ordered,
    Paid,
    Shipped,
    Told,
    Trouble,
    eventually,
    opened,
    sent,
    together,
)

# --- one message, one transaction -----------------------------------------------------------------


def test_a_message_its_events_and_its_note_are_one_transaction() -> None:
    trouble = Trouble()

    async def main() -> None:
        dancer = await opened(trouble.service)
        await dancer.handle(Ordered(order="A"), correlation="flow", causation="m-0")
        assert dancer.ledger.counters.commits == dancer.ledger.counters.entries == 1
        (paid,) = await dancer.log()
        assert paid.id == emitted_id("m-1", "pay", 0)
        assert uuid.UUID(paid.id).version == 5
        assert (paid.source, paid.type, paid.time) == ("pay", "test.payment.done.v1", START_MS)
        assert paid.attributes == {CORRELATION: "flow", CAUSATION: "m-1"}
        (note,) = await dancer.notes()
        assert (note.correlation, note.causation, note.message) == ("flow", "m-0", "m-1")
        assert (note.handler, note.service, note.status) == ("pay", "pay", "done")
        assert (note.attempt, note.emitted) == (1, [(paid.id, paid.type)])
        assert await dancer.ledger.seen(["m-1/pay", "m-1"]) == {"m-1/pay"}

    run(main())


def test_a_duplicate_is_only_acknowledged() -> None:
    trouble = Trouble()

    async def main() -> None:
        dancer = await opened(trouble.service)
        both = [dancer.handle(Ordered(order="A")) for _ in range(2)]
        await asyncio.gather(*both)
        await dancer.handle(Ordered(order="A"))
        assert trouble.done == ["A"]
        assert len(await dancer.log()) == 1

    run(main())


def test_several_handlers_of_one_type_have_each_their_inbox() -> None:
    service = Service("mail")
    done: list[str] = []
    broken = [True]

    @service.on(Ordered)
    async def to_customer(event: Ordered) -> Told:
        done.append("customer")
        return Told(to="customer")

    @service.on(Ordered, retry_delay="1s")
    def to_clerk(event: Ordered) -> Told:
        if broken.pop():
            broken.append(False)
            raise OSError("no paper")
        done.append("clerk")
        return Told(to="clerk")

    async def main() -> None:
        dancer = await opened(service)
        await dancer.handle(Ordered(order="A"))
        assert done == ["customer"]
        await dancer.handle(Ordered(order="A"))  # a redelivery changes nothing
        await dancer.until(2)
        assert done == ["customer", "clerk"]
        ids = [event.id for event in await dancer.log()]
        assert ids == [emitted_id("m-1", "to_customer", 0), emitted_id("m-1", "to_clerk", 0)]

    run(main())


def test_an_event_without_correlation_begins_one() -> None:
    trouble = Trouble()

    async def main() -> None:
        dancer = await opened(trouble.service)
        foreign = CloudEvent("f-1", "elsewhere", "test.order.created.v1", data=b'{"order":"A"}')
        await dancer.handle(foreign)
        (paid,) = await dancer.log()
        assert paid.attributes == {CORRELATION: "f-1", CAUSATION: "f-1"}

    run(main())


def test_an_event_that_nobody_handles_is_noted_once() -> None:
    trouble = Trouble()

    async def main() -> None:
        dancer = await opened(trouble.service)
        for number in range(3):
            await dancer.handle(Told(to="x"), f"m-{number}")
        (note,) = await dancer.notes()
        assert (note.status, note.handler, note.message) == ("done", "", "m-0")
        assert note.reason == "pay has no handler for test.mail.sent.v1"

    run(main())


def test_a_chain_over_three_services_is_one_flow() -> None:
    seen: list[tuple[str, str, str]] = []
    trouble = Trouble()
    shipping, mail = Service("shipping"), Service("mail")

    @shipping.on(Paid, emits=[Told])
    def ship(ctx: EventContext, event: Paid) -> Shipped:
        publish(Told(to=event.order))  # from a thread
        return Shipped(order=event.order)

    @mail.on
    async def note(ctx: EventContext, event: Shipped | Told) -> None:
        seen.append((type(event).__name__, ctx.correlation_id, ctx.causation_id))

    async def main() -> None:
        dancers = await together([trouble.service, shipping, mail])
        await dancers[0].bus.publish([sent(Ordered(order=x), f"m-{x}") for x in "AB"])
        await eventually(lambda: len(seen) == 4)
        for order in "AB":
            paid = emitted_id(f"m-{order}", "pay", 0)
            told, shipped = (emitted_id(paid, "ship", index) for index in (0, 1))
            log = {event.id: event for event in await dancers[1].log()}
            assert {log[told].attributes[CAUSATION], log[shipped].attributes[CAUSATION]} == {paid}
            assert ("Told", f"m-{order}", paid) in seen
            assert ("Shipped", f"m-{order}", paid) in seen
        for dancer in dancers:
            await dancer.stop()

    run(main(), seed=1, shuffle=True)


# --- retries --------------------------------------------------------------------------------------


def test_a_failure_is_tried_again_as_its_policy_says() -> None:
    trouble = Trouble()
    trouble.failing["A"] = 3

    async def main() -> None:
        (dancer,) = await together([trouble.service])
        await dancer.bus.publish([sent(Ordered(order="A"))])
        await eventually(lambda: bool(trouble.done))
        began = trouble.calls[0][0]
        waits = [(round(at - began, 2), attempt) for at, _, attempt in trouble.calls]
        assert waits == [(0.0, 1), (0.2, 2), (0.6, 3), (1.4, 4)]
        await asyncio.sleep(60)
        assert len(trouble.calls) == 4
        told = [("m-1", "retrying", attempt) for attempt in (1, 2, 3)]
        assert await dancer.told() == [*told, ("m-1", "done", 4)]
        assert await dancer.ledger.next_due() == 0
        await dancer.stop()

    run(main())


def test_a_retry_survives_a_restart() -> None:
    trouble = Trouble()
    trouble.failing["A"] = 2

    async def main() -> None:
        (dancer,) = await together([trouble.service])
        await dancer.bus.publish([sent(Ordered(order="A"))])
        await eventually(lambda: len(trouble.calls) == 1)
        await asyncio.sleep(0.1)
        next_one = await dancer.reborn()
        await asyncio.sleep(50)
        assert len(trouble.calls) == 1
        await next_one.start()
        await eventually(lambda: trouble.done == ["A"])
        assert [attempt for _, _, attempt in trouble.calls] == [1, 2, 3]
        await next_one.stop()

    run(main())


def test_after_the_last_retry_it_is_set_aside_with_its_history() -> None:
    trouble = Trouble(retries=2)
    trouble.failing["A"] = 3

    async def main() -> None:
        dancer = await opened(trouble.service)
        await dancer.handle(Ordered(order="A"))
        await dancer.until(10)
        (aside,) = await dancer.ledger.aside("dead")
        assert (aside.id, aside.event.id) == ("m-1/pay", "m-1")
        assert aside.event.data == b'{"order":"A"}'
        assert aside.reason == "ConnectionError: the bank is closed (attempt 3)"
        assert await dancer.statuses() == ["retrying", "retrying", "dead"]
        assert await dancer.ledger.next_due() == 0

    run(main())


def test_fail_is_final() -> None:
    trouble = Trouble()
    trouble.failing["A"] = 1
    trouble.final.add("B")

    async def main() -> None:
        dancer = await opened(trouble.service)
        await dancer.handle(Ordered(order="B"), "m-2")
        assert [aside.reason for aside in await dancer.ledger.aside("dead")] == ["no such order"]
        await dancer.handle(Ordered(order="A"))
        trouble.final.add("A")
        await dancer.until(1)
        reasons = {aside.event.id: aside.reason for aside in await dancer.ledger.aside("dead")}
        assert reasons["m-1"] == (
            "no such order (attempt 2; before that 1: ConnectionError: the bank is closed)"
        )

    run(main())
