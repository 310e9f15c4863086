"""Giving up a message between roles ends honestly: its step fails, or it stays, in words."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from msgspec import structs

from pavane.core.model.event import CloudEvent
from pavane.core.projection import message as m
from pavane.core.projection.message import Message
from pavane.core.projection.wire import Envelope, to_event
from pavane.doors.executions.danced import Danced
from pavane.doors.executions.dead_letters import DeadLetters
from pavane.errors import ConflictError
from pavane.participant.participant import Participant
from pavane.participant.settling import Settle, settle_event
from pavane.participant.taking_back import TakingBack
from pavane.ports.bus import Delivery
from pavane.ports.ledger import Aside, Entry
from tests.unit.participant.company import Stage, calls, pair, run, stage, two


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


class Door:
    """A company as the door sees it: the observer, the bus and the clock."""

    def __init__(self, on: Stage) -> None:
        self.observer, self.bus, self.clock = on.observer, on.bus, on.clock


def letters(on: Stage) -> DeadLetters:
    door = Door(on)
    return DeadLetters(Danced(door), door)  # pyright: ignore[reportArgumentType]  # its part of a company


def message(on: Stage, execution: str, kind: str, **fields: object) -> CloudEvent:
    """A message to `right` about this execution."""
    said = Message(kind, "right", "left", **fields)  # pyright: ignore[reportArgumentType]  # its fields
    return to_event(Envelope(execution, on.score.name, on.score.hash, said))


class OnlyDrops(TakingBack):
    """Takes it away and forgets the step that waits for it: what was so once."""

    async def discard(self, aside: Aside, reason: str) -> None:
        await self._aside.drop(aside, reason)


class Rotten(Participant):
    """Gets every token with data that cannot be read, as from a broker that tore it."""

    def _hear(self, delivery: Delivery, *more: Any, **others: Any) -> None:
        event = delivery.event
        if event.attributes.get("prockind") == m.TOKEN and not more:
            delivery = structs.replace(delivery, event=structs.replace(event, data=b"\xff"))
        super()._hear(delivery, *more, **others)


@pytest.mark.parametrize("kind", [TakingBack, OnlyDrops])
def test_a_step_whose_token_is_given_up_fails_and_the_rest_is_undone(kind: type[TakingBack]):
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            on.kind = Rotten
            right = await on.boot("right")
            right._taking_back.__class__ = kind
            id = await on.start()
            await asyncio.sleep(1)
            (torn,) = await on.ledgers["right"].aside("quarantined")
            assert on.observer.execution(id).status == "RUNNING"
            (letter,) = on.observer.picture.stops.letters()
            given_up = await letters(on).discard(letter.id, "torn")
            assert (given_up.state, given_up.settled) == ("discarded", "torn")
            assert await on.ledgers["right"].aside() == []
            if kind is OnlyDrops:
                await asyncio.sleep(10_000)
                assert on.observer.execution(id).status == "RUNNING"
                return
            view = await on.observer.wait(id, 5)
            assert (view.status, view.failed_ref) == ("COMPENSATED", "b")
            assert "could not be delivered" in view.reason
            assert calls == ["a", "un-a"]
            ask = settle_event("right", Settle("discard", torn.id, torn.at), on.clock.now())
            await on.bus.publish([ask])  # asked for twice: nothing more
            await asyncio.sleep(1)
            assert on.observer.execution(id).status == "COMPENSATED"

    run(scene())


def test_that_a_step_failed_is_not_lost_with_the_process():
    """The process dies right after it was said; what became of the token is one transaction."""

    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            on.kind = Rotten
            await on.boot("right")
            id = await on.start()
            await asyncio.sleep(1)
            (torn,) = await on.ledgers["right"].aside()
            on.ledgers["right"].full = True
            ask = settle_event("right", Settle("discard", torn.id, torn.at), on.clock.now())
            await on.bus.publish([ask])
            await asyncio.sleep(1)
            await on.kill("right")
            assert [each.id for each in await _reopened(on)] == [torn.id]
            on.kind = Participant
            await on.boot("right")  # the ask was not acknowledged, and comes again
            assert (await on.observer.wait(id, 60)).status == "COMPENSATED"
            assert await on.ledgers["right"].aside() == []

    async def _reopened(on: Stage) -> list[Aside]:
        on.ledgers["right"].full = False
        await on.ledgers["right"].open()
        found = await on.ledgers["right"].aside()
        on.ledgers["right"] = on.ledgers["right"].crash()
        return found

    run(scene())


def test_a_token_of_an_unknown_version_stays_until_it_is_known():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            right = await on.boot("right", choreographies=[])
            id = await on.start()
            await asyncio.sleep(1)
            (parked,) = await on.ledgers["right"].aside("parked")
            (letter,) = on.observer.picture.stops.letters()
            with pytest.raises(ConflictError, match="does not know that version") as refusal:
                await letters(on).discard(letter.id, "no")
            assert "can then be cancelled" in refusal.value.remedy
            with pytest.raises(ConflictError, match="could neither go on nor back"):
                await right.discard(parked.id)
            # Whoever asks the service by a message is told in the journal.
            ask = settle_event("right", Settle("discard", parked.id, parked.at), on.clock.now())
            await on.bus.publish([ask])
            await asyncio.sleep(1)
            (kept,) = on.observer.picture.stops.letters()
            assert kept.since > letter.since
            assert "it was not given up: The execution" in kept.reason
            # The way out in the words of the refusal: the version, then a cancel.
            await right.register([on.score])
            assert (await on.observer.wait(id, 5)).status == "COMPLETED"
            assert await on.ledgers["right"].aside() == []

    run(scene())


def test_a_message_without_which_nothing_ends_stays():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            right = await on.boot("right")
            id = await on.start()
            assert (await on.observer.wait(id, 5)).status == "COMPLETED"
            freeze = message(on, id, m.FREEZE)
            signal = message(on, id, m.SIGNAL, node="b")
            nowhere = message(on, id, m.TOKEN, node="z")
            now = on.clock.now()
            kept = [Aside(each.id, "dead", id, "a bug", each, now) for each in (freeze, signal)]
            kept.append(Aside(nowhere.id, "dead", id, "a bug", nowhere, now))
            await on.ledgers["right"].commit([Entry(aside=kept)])
            with pytest.raises(ConflictError, match=r"cannot end without this message \(freeze\)"):
                await right.discard(freeze.id)
            await right.discard(signal.id)
            await right.discard(nowhere.id)
            assert [each.id for each in await on.ledgers["right"].aside()] == [freeze.id]

    run(scene())
