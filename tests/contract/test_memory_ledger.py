"""The memory ledger keeps the promises of a ledger, and counts what it is asked to do."""

from pathlib import Path

import pytest

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.ports.ledger import Ledger
from pavane.testing.contracts.ledger import ALONE, FULL, LEASED, LedgerContract
from pavane.testing.contracts.ledger.harness import bare, first, opened, second


class TestMemoryLedger(LedgerContract):
    features = frozenset({ALONE, FULL, LEASED})

    async def create(self, folder: Path) -> Ledger:
        return MemoryLedger()

    async def die(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, MemoryLedger)
        return ledger.crash()

    async def again(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, MemoryLedger)
        return ledger.second()

    async def silence(self, ledger: Ledger) -> None:
        assert isinstance(ledger, MemoryLedger)
        ledger.silent = True

    async def fill(self, ledger: Ledger) -> None:
        assert isinstance(ledger, MemoryLedger)
        ledger.full = True

    async def make_room(self, ledger: Ledger) -> None:
        assert isinstance(ledger, MemoryLedger)
        ledger.full = False


@pytest.mark.anyio
async def test_it_counts_exactly():
    async with opened(MemoryLedger()) as ledger:
        await ledger.commit([first("a")])
        before = ledger.counters.copy()
        await ledger.commit([])
        await ledger.commit([second("a"), second("b"), bare("c", rows={})])
        await ledger.load({"a": [], "b": []})
        await ledger.seen(["m"])
        counted = ledger.counters.since(before)
    body = b'{"status":"done"}' + b"1" + b'{"amount":160}'
    assert counted == {
        "commits": 1,
        "entries": 2,
        "lost": 1,
        "loads": 1,
        "lookups": 1,
        "records": 1,
        "payload_bytes": len(body),
        "rows.execution": 2,
        "rows.state": 3,
        "rows.inbox": 1,
        "rows.todo": 2,
        "rows.aside": 1,
    }


@pytest.mark.anyio
async def test_an_offset_is_as_durable_as_the_commit_behind_it():
    ledger = MemoryLedger()
    await ledger.open()
    await ledger.keep_offset("relay", 3)
    await ledger.commit([bare("a")])
    await ledger.keep_offset("relay", 5)
    async with opened(ledger.crash()) as reborn:
        assert await reborn.offset("relay") == 3
