"""The broker is restarted or killed: nothing is lost, or taken for sent that was not."""

import asyncio

import pytest

from dev.services.server import Server
from pavane.adapters.kafka.bus import KafkaBus
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import Subscription
from pavane.testing.contracts.bus.harness import TOPIC, ids, opened, out
from tests.contract.kafka.clients import kafka, take, until

pytestmark = pytest.mark.anyio

EVENTS = 240
KEYS = 7


async def publish_all(bus: KafkaBus, sent: list[str]) -> int:
    """Each again until it is taken for sent; how often that was needed."""
    refused = 0
    for n in range(EVENTS):
        while True:
            try:
                await bus.publish([out(f"{n}", f"key-{n % KEYS}")])
                break
            except ConnectionFailedError:
                refused += 1
        sent.append(f"{n}")
        await asyncio.sleep(0.01)
    return refused


async def handle(member: Subscription, found: list[str]) -> None:
    while taken := await member.take(10):
        await asyncio.sleep(0.005)
        found += ids(taken)
        await member.done(taken)


@pytest.mark.parametrize(("how", "protocol"), [("restarted", "classic"), ("killed", "consumer")])
async def test_everything_arrives_in_order(own_kafka: Server, how: str, protocol: str):
    options = f"timeout=5s&protocol={protocol}"
    async with kafka(own_kafka.url, options) as bus, opened(bus.another()) as other:
        found: list[str] = []
        members = [await each.subscribe("billing", [TOPIC]) for each in (bus, other)]
        handling = [asyncio.ensure_future(handle(member, found)) for member in members]
        sent: list[str] = []
        publishing = asyncio.ensure_future(publish_all(bus, sent))
        await until(lambda: len(sent) > EVENTS // 3)
        await asyncio.to_thread(own_kafka.kill if how == "killed" else own_kafka.stop)
        down = len(sent)
        await asyncio.sleep(1.0)
        assert len(sent) <= down + 1, "nothing is taken for sent while the broker is down"
        await asyncio.to_thread(own_kafka.start)
        await asyncio.wait_for(publishing, 90)
        await until(lambda: len(set(found)) == EVENTS, 60)
        for key in range(KEYS):
            own = [each for each in dict.fromkeys(found) if int(each) % KEYS == key]
            assert own == [f"{n}" for n in range(key, EVENTS, KEYS)]
        for member in members:
            await member.close()
        await asyncio.gather(*handling)
        last = await other.subscribe("billing", [TOPIC])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.0):
                await last.take(1)  # what was done before is done, also beyond the restart


async def test_a_group_that_joins_while_the_broker_is_down_begins_when_it_is_back(
    own_kafka: Server,
):
    async with kafka(own_kafka.url, "timeout=2s") as bus:
        await bus.publish([out("1", "k")])
        one = await bus.subscribe("billing", [TOPIC])
        taken = await take(one, 1)
        await asyncio.to_thread(own_kafka.stop)
        await one.done(taken)
        with pytest.raises(ConnectionFailedError):
            await bus.publish([out("lost", "k")])
        early = await bus.subscribe("audit", [TOPIC])  # the topic is known to be there
        waiting = asyncio.ensure_future(early.take(1))
        await asyncio.to_thread(own_kafka.start)
        async with asyncio.timeout(30):
            assert ids(await waiting) == ["1"]
        await bus.publish([out("2", "k")])
        found: list[str] = []  # the first may come again: it was done when nobody could be told
        while "2" not in found:
            found += ids(await take(one, 1))
        assert found in (["2"], ["1", "2"])


async def test_a_bus_closes_in_time_while_the_broker_is_down(own_kafka: Server):
    async with kafka(own_kafka.url, "timeout=2s") as bus:
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish([out("1", "k")])
        taken = await take(member, 1)
        await asyncio.to_thread(own_kafka.kill)
        await member.done(taken)
        began = asyncio.get_running_loop().time()
        await bus.close()
        assert asyncio.get_running_loop().time() - began < 20
