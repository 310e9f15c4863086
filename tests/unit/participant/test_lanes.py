"""What fails is kept, what has the same key waits behind it, and a person takes it back."""

from __future__ import annotations

import pytest

from pavane.core.model.event import CloudEvent
from pavane.errors import NotFoundError
from pavane.participant.emitting import CORRELATION
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

# --- order ----------------------------------------------------------------------------------------


def test_what_has_the_same_key_waits_behind_what_fails() -> None:
    trouble = Trouble()
    trouble.failing["A"] = 1

    async def main() -> None:
        (dancer,) = await together([trouble.service])
        same = [sent(Ordered(order=x), f"m-{x}", correlation="one") for x in "ABC"]
        other = sent(Ordered(order="D"), "m-D", correlation="two")
        await dancer.bus.publish([*same, other])
        await eventually(lambda: len(trouble.done) == 4)
        assert trouble.done == ["D", "A", "B", "C"]
        told = await dancer.told()
        assert ("m-B", "parked", 0) in told
        assert ("m-D", "parked", 0) not in told
        notes = [note for note in await dancer.notes() if note.status == "parked"]
        assert notes[0].reason == "waits behind m-A/pay, which is being tried again"
        await dancer.stop()

    for seed in range(10):
        trouble.done.clear()
        trouble.failing["A"] = 1
        run(main(), seed=seed, shuffle=True)


def test_it_does_not_wait_where_order_does_not_matter() -> None:
    trouble = Trouble(ordered=False)
    trouble.failing["A"] = 1
    trouble.final.add("B")

    async def main() -> None:
        dancer = await opened(trouble.service)
        for order in "ABC":
            await dancer.handle(Ordered(order=order), f"m-{order}", correlation="one")
        assert trouble.done == ["C"]
        await dancer.until(1)
        assert trouble.done == ["C", "A"]

    run(main())


def test_a_lane_goes_on_when_its_dead_head_was_handled_again() -> None:
    trouble = Trouble(retries=0)
    trouble.failing["A"] = 2

    async def main() -> None:
        dancer = await opened(trouble.service)
        for order in "ABC":
            await dancer.handle(Ordered(order=order), f"m-{order}", correlation="one")
        await dancer.until(1000)
        assert trouble.done == []
        assert await dancer.reactions.redrive("m-A") == 1  # dies again
        await dancer.until(1000)
        assert trouble.done == []
        assert await dancer.reactions.redrive("m-A/pay") == 1
        await dancer.until(1)
        assert trouble.done == ["A", "B", "C"]
        assert [attempt for _, order, attempt in trouble.calls if order == "A"] == [1, 2, 3]
        with pytest.raises(NotFoundError, match="nothing aside that has the id 'm-A'"):
            await dancer.reactions.redrive("m-A")
        await dancer.handle(Ordered(order="A"), "m-A", correlation="one")  # a late duplicate
        assert trouble.done == ["A", "B", "C"]
        assert (await dancer.told())[-3:] == [
            (f"m-{x}", "done", n) for x, n in (("A", 3), ("B", 1), ("C", 1))
        ]

    run(main())


def test_a_dead_head_may_be_given_up() -> None:
    trouble = Trouble()
    trouble.final |= {"A", "B"}

    async def main() -> None:
        dancer = await opened(trouble.service)
        for order in "ABC":
            await dancer.handle(Ordered(order=order), f"m-{order}", correlation="one")
        assert await dancer.reactions.skip("m-A") == 1
        await dancer.until(1)
        assert [aside.event.id for aside in await dancer.ledger.aside("dead")] == ["m-B"]
        assert await dancer.reactions.skip("m-B") == 1
        await dancer.until(1)
        assert trouble.done == ["C"]
        assert await dancer.ledger.aside() == []

    run(main())


def test_a_redrive_tries_as_often_as_a_first_time() -> None:
    trouble = Trouble(retries=1)
    trouble.failing["A"] = 3

    async def main() -> None:
        dancer = await opened(trouble.service)
        await dancer.handle(Ordered(order="A"))
        await dancer.until(10)
        assert await dancer.reactions.redrive("m-1") == 1
        await dancer.until(10)
        assert trouble.done == ["A"]
        assert [attempt for _, _, attempt in trouble.calls] == [1, 2, 3, 4]

    run(main())


def test_a_lane_that_is_over_is_forgotten_and_one_that_is_not_is_kept() -> None:
    trouble = Trouble(retries=0)
    trouble.failing["A"] = 1

    async def main() -> None:
        dancer = await opened(trouble.service)
        await dancer.handle(Ordered(order="A"), "m-A", correlation="one")
        await dancer.reactions.redrive("m-A")
        trouble.failing["B"] = 1
        await dancer.handle(Ordered(order="B"), "m-B", correlation="one")
        await dancer.handle(Ordered(order="C"), "m-C", correlation="one")
        later = dancer.clock.now() + 1
        await dancer.ledger.prune(later, later)
        await dancer.reactions.redrive("m-B")
        await dancer.until(1)
        assert trouble.done == ["A", "B", "C"]
        await dancer.ledger.prune(dancer.clock.now() + 1, dancer.clock.now() + 1)
        assert await dancer.ledger.prune(later + 9999, later + 9999) == 0

    run(main())


# --- what cannot be read, and what is gone --------------------------------------------------------


def test_what_cannot_be_read_is_kept_with_its_bytes_and_holds_up_nobody() -> None:
    trouble = Trouble()

    async def main() -> None:
        dancer = await opened(trouble.service)
        attributes = {CORRELATION: "one"}
        type = "test.order.created.v1"
        for id, data in (("bad", b"\xff{"), ("odd", b'{"order":[1]}')):
            await dancer.handle(CloudEvent(id, "old", type, attributes=attributes, data=data))
        await dancer.handle(Ordered(order="C"), "m-C", correlation="one")
        assert trouble.done == ["C"]
        asides = {aside.id: aside for aside in await dancer.ledger.aside("quarantined")}
        assert asides["bad/pay"].event.data == b"\xff{"
        assert asides["odd/pay"].reason == "test.order.created.v1: order: expected str, got array."
        assert await dancer.statuses() == ["quarantined", "quarantined", "done"]
        assert await dancer.reactions.redrive("odd") == 1  # nothing has changed
        assert await dancer.reactions.skip("bad") == 1
        assert [aside.id for aside in await dancer.ledger.aside()] == ["odd/pay"]

    run(main())


def test_a_message_kept_for_a_handler_that_is_gone_is_dead_until_it_is_back() -> None:
    trouble = Trouble()
    trouble.failing["A"] = 1
    other = Service("pay")

    async def main() -> None:
        dancer = await opened(trouble.service)
        await dancer.handle(Ordered(order="A"))
        without = Dancer(other, dancer.bus, dancer.ledger)
        await without.until(1)
        (aside,) = await dancer.ledger.aside("dead")
        assert aside.reason.startswith("pay has no handler pay any more (attempt 2;")
        assert await dancer.reactions.redrive("m-1") == 1
        assert trouble.done == ["A"]

    run(main())
