"""What a person decides about dead letters has one effect and is told; who forgets is caught."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.observer.observer import Observer
from pavane.participant.participant import Participant
from pavane.participant.set_aside import SetAside
from pavane.participant.settling import Settle, settle_event
from pavane.participant.taking_back import TakingBack
from pavane.ports.bus import role_topic
from pavane.ports.ledger import Aside, Entry
from pavane.testing.simulation.loop import run
from tests.unit.participant.stage import Dancer, Ordered, Trouble, alone, sent


class AsksAnew(TakingBack):
    """Does what is asked, however long ago: the message may have died again since."""

    async def settle(self, settle: Settle) -> None:
        for aside in await self._aside._ledger.aside("dead"):
            if aside.id == settle.id:
                await super().settle(Settle(settle.action, settle.id, aside.at))


class DropsSilently(SetAside):
    """Gives a message up and says nothing."""

    async def drop(self, aside: Aside, reason: str) -> bool:
        del reason
        return not await self._ledger.commit([Entry(taken=[aside.id])])


class StoppedSilently(SetAside):
    """Does not tell again, when it begins, of what it has."""

    async def tell_again(self, more: object) -> None:
        del more


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Dead letters are complained about."""
    with caplog.at_level("CRITICAL"):
        yield


def part_of(dancer: Dancer) -> Participant:
    assert dancer.participant is not None
    return dancer.participant


async def redriven_twice(kind: type[TakingBack]) -> int:
    """Asked for twice while its handler still fails: how often it was tried after the first."""
    trouble = Trouble(retries=0)
    trouble.final = {"A"}
    dancer = alone(trouble.service)
    await dancer.start()
    part_of(dancer)._taking_back.__class__ = kind
    await dancer.bus.publish([sent(Ordered(order="A"))])
    await asyncio.sleep(5)
    (dead,) = await dancer.ledger.aside("dead")
    ask = settle_event("pay", Settle("redrive", dead.id, dead.at), dancer.clock.now())
    for _ in range(2):
        await dancer.bus.publish([ask])
        await asyncio.sleep(5)
    again = (await dancer.ledger.aside("dead"))[0]
    assert again.at > dead.at
    await dancer.stop()
    return len(trouble.calls) - 1


def test_a_redrive_that_is_asked_for_twice_has_one_effect() -> None:
    assert run(redriven_twice(TakingBack)) == 1
    assert run(redriven_twice(AsksAnew)) == 2


async def discarded(kind: type[SetAside]) -> list[str]:
    """A message that no role can read is discarded: what an observer is told of it."""
    dancer = alone(Trouble().service)
    await dancer.start()
    observer = Observer(dancer.bus, dancer.clock)
    await observer.start()
    part_of(dancer).aside.__class__ = kind
    odd = CloudEvent("odd-1", "web", "odd", data=b"\xff")
    await dancer.bus.publish([Outgoing(role_topic("pay"), "", odd)])
    await asyncio.sleep(1)
    (aside,) = await dancer.ledger.aside("quarantined")
    await part_of(dancer).discard("odd-1", "noise")
    part_of(dancer).relay.wake()
    await asyncio.sleep(1)
    assert await dancer.ledger.aside() == []
    assert aside.event == odd
    stops = observer.picture.stops
    await observer.close()
    await dancer.stop()
    return [each.note.reason for each in stops.settled.values() if not each.stands]


def test_a_discard_is_told_with_its_reason() -> None:
    assert run(discarded(SetAside)) == ["noise"]
    assert run(discarded(DropsSilently)) == []


async def reborn(kind: type[SetAside]) -> list[str]:
    """The logs reach back no further than the last start: what is known to be set aside."""
    trouble = Trouble(retries=0)
    trouble.final = {"A"}
    dancer = alone(trouble.service)
    await dancer.start()
    for n in range(2):
        await dancer.bus.publish([sent(Ordered(order="A"), f"m-{n}", correlation="one")])
    odd = CloudEvent("odd-1", "web", "odd", data=b"\xff")
    await dancer.bus.publish([Outgoing(role_topic("pay"), "", odd)])
    await asyncio.sleep(5)
    before = len(await dancer.ledger.log_after(0, 10_000))
    new = await dancer.reborn()
    await new.ledger.open()
    await new.bus.open()
    new.participant = Participant("pay", new.ledger, new.bus, new.clock, reactions=new.reactions)
    new.participant.aside.__class__ = kind
    await new.participant.start()
    await asyncio.sleep(1)
    observer = Observer(new.bus, new.clock)
    observer.rebuild((await new.ledger.log_after(0, 10_000))[before:])
    found = observer.picture.stops.letters()
    await new.stop()
    return sorted(f"{each.kind} {each.message} {each.attempts}" for each in found)


def test_what_is_set_aside_is_told_again_by_the_next_process() -> None:
    assert run(reborn(SetAside)) == ["dead m-0 1", "parked m-1 0", "quarantined odd-1 0"]
    assert run(reborn(StoppedSilently)) == []


def test_what_is_parked_for_too_long_is_dead() -> None:
    async def scene() -> None:
        dancer = alone(Trouble().service)
        await dancer.start()
        given = {"procname": "w", "procversion": "v", "procinstance": "e", "prockind": "token"}
        event = CloudEvent("t-1", "web", "pavane.token.v1", attributes={**given, "procto": "pay"})
        await dancer.bus.publish([Outgoing(role_topic("pay"), "", event)])
        await asyncio.sleep(6 * 86_400)
        (parked,) = await dancer.ledger.aside("parked")
        assert parked.until == parked.at + 7 * 86_400_000
        await asyncio.sleep(86_400 + 3600)
        (dead,) = await dancer.ledger.aside()
        assert (dead.kind, dead.id, dead.until) == ("dead", "t-1", 0)
        assert "it has waited too long" in dead.reason
        assert [each.status for each in await dancer.stops()] == ["parked", "dead"]
        await dancer.stop()

    run(scene())
