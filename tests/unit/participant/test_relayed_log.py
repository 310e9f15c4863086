"""A log that is relayed goes once it was sent and is old; what was not sent stays."""

import asyncio
from pathlib import Path

import pytest

from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.participant.points import NoProbe
from pavane.participant.relay import Relay
from pavane.participant.retention import Retention
from pavane.ports.ledger import Entry
from pavane.testing.contracts.bus.harness import numbered, opened

pytestmark = pytest.mark.anyio

KEEP_MS = 1000


class Clock:
    def __init__(self) -> None:
        self.time = 10_000

    def now(self) -> int:
        return self.time


async def test_what_was_sent_and_is_old_goes(tmp_path: Path):
    clock, ledger = Clock(), SqliteLedger(tmp_path / "billing.db")
    await ledger.open()
    async with opened(MemoryBus()) as bus:
        relay = Relay(ledger, bus, NoProbe(), "billing")
        retention = Retention("billing", ledger, bus, clock, KEEP_MS)
        await ledger.commit([Entry(records=numbered(5), at=clock.now())])
        clock.time += 2 * KEEP_MS
        await retention.prune()
        assert len(await ledger.log_after(0, 99)) == 5, "nothing was sent"
        relaying = asyncio.ensure_future(relay.run())
        async with asyncio.timeout(5):
            while relay.messages < 5:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.005)
        bus.down = True
        await ledger.commit([Entry(records=numbered(3, "late"), at=clock.now())])
        clock.time += 2 * KEEP_MS
        await retention.prune()
        left = [each.out.event.id for each in await ledger.log_after(0, 99)]
        assert left == ["late0", "late1", "late2"]
        assert retention.forgotten == 5
        relaying.cancel()
    await ledger.close()
