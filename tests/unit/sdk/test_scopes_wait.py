"""A bus that is away for a while is no failure of the scopes that are played over it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pavane import Service, scope, workflow
from pavane.adapters.memory.bus import MemoryBus
from pavane.bootstrap import mixed_services
from pavane.core.model.event import Outgoing
from pavane.errors import ConnectionFailedError
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

stock, parcels = Service("stock"), Service("parcels")


@stock.task
async def reserve(order: str) -> str:
    return f"{order} reserved"


@parcels.task
async def send(order: str) -> str:
    return f"{order} sent"


@workflow
async def fulfil(order: str) -> str:
    await reserve(order)
    async with scope("delivery", style="choreographed"):
        sent = await send(order)
    return sent


class Away(MemoryBus):
    """Takes nothing for some calls, as a broker that is restarted."""

    refusals = 0

    async def publish(self, events: Sequence[Outgoing]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionFailedError("The bus is away.", "Wait.")
        await super().publish(events)


def test_a_scope_begins_when_the_bus_is_back(caplog: pytest.LogCaptureFixture):
    async def main() -> None:
        bus = Away()
        both = mixed_services(
            "memory:", bus, services=[stock, parcels], workflows=[fulfil], clock=VirtualClock()
        )
        async with both as mixed:
            bus.refusals = 12
            id = await mixed.engine.start_execution("fulfil", b'{"order": "lute"}')
            assert (await mixed.engine.wait(id, 120)).status == "COMPLETED"
            assert bus.refusals == 0

    run(main())
    told = [each.message for each in caplog.records if each.message.startswith("scopes")]
    assert told == ["scopes wait: The bus is away.", "scopes go on"]
