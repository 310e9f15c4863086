"""A RabbitMQ bus outlives restarts and deaths of its broker: nothing is lost, order is kept."""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence

import pytest

from dev.services.server import Server
from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.core.model.event import Outgoing
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import Bus, Subscription
from pavane.testing.contracts.bus.harness import TOPIC, ids, numbered, opened, out

pytestmark = pytest.mark.anyio

PATIENCE_S = 40.0  # a node may take a while to come up beside other work


def url_of(server: Server) -> str:
    return f"{server.url}?prefix={uuid.uuid4().hex[:12]}-&timeout=5s"


async def publish_for_sure(bus: Bus, events: Sequence[Outgoing]) -> int:
    """Publish as the relay does: again until it is confirmed. How often it was not."""
    failures = 0
    while True:
        try:
            await bus.publish(events)
        except ConnectionFailedError:
            failures += 1
            await asyncio.sleep(0.2)
        else:
            return failures


async def finish_all(member: Subscription, count: int) -> list[str]:
    """All ids in the order of their first coming, each done."""
    found: dict[str, None] = {}
    while len(found) < count:
        taken = await member.take(7)
        await member.done(taken)
        found |= dict.fromkeys(ids(taken))
    return list(found)


async def settled(ending: str = "kill") -> None:
    """RabbitMQ 3.10 writes what it knows of a new queue to the disk every 5 s.

    Killed before that, a node alone does not serve the queue again; a cluster would.
    """
    await asyncio.sleep(6.0 if ending == "kill" else 0.0)


@pytest.mark.parametrize("ending", ["restart", "kill"])
async def test_a_broker_that_goes_and_comes_back_in_the_middle(
    own_rabbitmq: Server, ending: str, caplog: pytest.LogCaptureFixture
):
    events = [out(f"{n:03}", f"key-{n % 4}") for n in range(200)]

    def go_and_come_back() -> None:
        if ending == "kill":
            own_rabbitmq.kill()
            own_rabbitmq.start()
        else:
            own_rabbitmq.restart()

    async with (
        asyncio.timeout(PATIENCE_S),
        opened(RabbitBus(url_of(own_rabbitmq))) as bus,
        opened(bus.another()) as other,
    ):
        member = await bus.subscribe("billing", [TOPIC])
        await settled(ending)
        finishing = asyncio.ensure_future(finish_all(member, len(events)))
        going = None
        failures = 0
        for start in range(0, len(events), 10):
            failures += await publish_for_sure(other, events[start : start + 10])
            if start == 50:
                going = asyncio.ensure_future(asyncio.to_thread(go_and_come_back))
            await asyncio.sleep(0.02)
        found = await finishing
        assert going is not None
        await going
    assert failures, "the broker was never away"
    assert not [each for each in caplog.records if each.name.startswith("aiormq")]
    assert sorted(found) == [each.event.id for each in events]
    for key in range(4):
        own = [id for id in found if int(id) % 4 == key]
        assert own == sorted(own)


async def test_what_was_in_hand_and_what_rests_comes_after_a_death(own_rabbitmq: Server):
    async with (
        asyncio.timeout(PATIENCE_S),
        opened(RabbitBus(url_of(own_rabbitmq))) as bus,
    ):
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(1, "first"))
        (first,) = await member.take(1)
        await member.back(first, 1000)  # makes the queue in which it rests
        await settled()
        await member.done(await member.take(1))
        await bus.publish(numbered(3))
        taken = []
        while len(taken) < 3:
            taken += await member.take(10)
        done, resting, held = sorted(taken, key=lambda each: each.event.id)
        await member.done([done])
        await member.back(resting, 1000)
        await asyncio.to_thread(own_rabbitmq.kill)
        await asyncio.to_thread(own_rabbitmq.start)
        again = {each.event.id: each.times for each in await member.take(10)}
        while len(again) < 2:
            again |= {each.event.id: each.times for each in await member.take(10)}
        assert again.keys() == {"1", "2"}
        assert again["1"] == 2
        await member.done([held])  # it is somebody else's by now: nothing happens
        await member.back(held, 0)


async def served_again(bus: RabbitBus, stream: str, count: int) -> None:
    """Some seconds after its death a node alone confirms what it does not put into a stream."""
    waiting = 0
    while waiting < count:
        await asyncio.sleep(0.2)
        with contextlib.suppress(ConnectionFailedError):
            waiting = await bus.topology.waiting(bus.options.prefix + stream)


async def test_a_passing_group_goes_on_where_it_was(own_rabbitmq: Server):
    async with (
        asyncio.timeout(PATIENCE_S),
        opened(RabbitBus(url_of(own_rabbitmq))) as bus,
    ):
        await bus.publish(numbered(5, topic="_pavane.journal"))
        member = await bus.subscribe("~watcher", ["_pavane.journal"])
        first = await finish_all(member, 5)
        await settled()
        await asyncio.to_thread(own_rabbitmq.kill)
        await asyncio.to_thread(own_rabbitmq.start)
        await served_again(bus, "_pavane.journal/kept", 5)
        await publish_for_sure(bus, numbered(5, topic="_pavane.journal", start=5))
        assert first == [str(n) for n in range(5)]
        assert await finish_all(member, 5) == [str(n) for n in range(5, 10)]
        await bus.read_up("~watcher")


async def test_a_broker_that_is_not_there_is_told_in_words(own_rabbitmq: Server):
    own_rabbitmq.stop()
    async with opened(RabbitBus(url_of(own_rabbitmq).replace("guest:guest", "me:secret"))) as bus:
        for attempt in (bus.publish(numbered(1)), bus.subscribe("a", [TOPIC])):
            with pytest.raises(ConnectionFailedError, match="cannot be reached") as refusal:
                await attempt
            assert "secret" not in str(refusal.value)
    own_rabbitmq.start()
    async with opened(RabbitBus(url_of(own_rabbitmq).replace("guest:guest", "me:secret"))) as bus:
        with pytest.raises(ConnectionFailedError, match="does not accept the user") as refusal:
            await bus.publish(numbered(1))
        assert "secret" not in str(refusal.value)
