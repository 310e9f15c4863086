"""Our side: `plain` takes typed events from the bus and no more; `kept` is a service.

`plain` has the promises of the bus: each event at least once, in the order of its key. `kept` runs
the same function as a handler of a service, with inbox, log and journal in SQLite.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.buses.events import id_of
from bench.buses.wave import Wave, publishing, run
from bench.handlers.events import OrderPlaced, placed
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.bootstrap.choreographed import dancing_services
from pavane.bootstrap.opening import SystemClock, open_bus
from pavane.ports.bus import Bus
from pavane.sdk.event import outgoing, read_event, topic_of
from pavane.sdk.service import Service

LIMIT = 500


def _bus(url: str, name: str) -> Bus:
    return open_bus(f"{url}?prefix={name}-")


async def publish(url: str, name: str, events: int, how: str) -> None:
    del how
    bus, clock = _bus(url, name), SystemClock()
    await bus.open()

    async def send(numbers: range) -> None:
        await bus.publish(
            [
                outgoing(placed(number), id=id_of(number), source="shop", time=clock.now())
                for number in numbers
            ]
        )

    await publishing(send, events)
    await bus.close()


async def handle(wave: Wave, url: str, how: str) -> None:
    await (_plain if how == "plain" else _kept)(wave, _bus(url, wave.name))


async def _plain(wave: Wave, bus: Bus) -> None:
    await bus.open()
    member = await bus.subscribe("payment", [topic_of(OrderPlaced)])
    wave.begin()
    while not wave.over:
        taken = await member.take(LIMIT)
        for delivery in taken:
            await take(read_event(OrderPlaced, delivery.event), wave)
        await member.done(taken)
    await bus.close()


async def take(event: OrderPlaced, wave: Wave) -> None:
    """The handler."""
    del event
    wave.count()


async def _kept(wave: Wave, bus: Bus) -> None:
    service = Service("payment")

    @service.on(OrderPlaced)
    async def take_payment(event: OrderPlaced) -> None:
        await take(event, wave)

    with tempfile.TemporaryDirectory() as folder:
        ledger = f"sqlite:///{Path(folder) / 'ledger.db'}"
        services = dancing_services(bus, services=[service], watched=False, ledger=ledger)
        async with services as company:
            own = company.ledgers["payment"]
            assert isinstance(own, SqliteLedger)
            wave.begin()
            await wave.wait()
            while own.counters.rows["inbox"] < wave.handled:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    both = ("kafka", "rabbitmq")
    run("bench.buses.ours", dict.fromkeys(both, publish), dict.fromkeys(both, handle))
