"""An onlooker who reads the log of a running process's store, and remembers what it said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pavane.adapters.sqlite.store import SqliteStore
from pavane.ports.store import LogEntry, Snapshot

AT_ONCE = 1000


class Step(NamedTuple):
    """An attempt of the engine at a step; `attempt` counts from 0."""

    execution_id: str
    ref: str
    attempt: int


class Observer:
    """Every log record that was committed, as first read, and in which life it was there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.records: dict[int, LogEntry] = {}
        self.seen_in: dict[int, int] = {}  # position to the life of the process

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Snapshot]:
        """The store as it is now, beside whoever serves it. Nothing stays open afterwards."""
        store = SqliteStore(self._path, read_only=True)
        await store.open()
        try:
            async with store.snapshot() as snapshot:
                yield snapshot
        finally:
            await store.close()

    async def look(self, life: int) -> None:
        """Remember what is new."""
        async with self.looking() as snapshot:
            while True:
                found = await snapshot.log_after(max(self.records, default=0), AT_ONCE)
                for record in found:
                    self.records[record.position] = record
                    self.seen_in[record.position] = life
                if len(found) < AT_ONCE:
                    return

    def completed(self) -> dict[Step, int]:
        """Steps that were seen completed, and in which life first."""
        found: dict[Step, int] = {}
        for position, record in sorted(self.records.items()):
            for entry in entries_of(record):
                done = entry["kind"] == "completed" or entry.get("status") == "COMPLETED"
                if done and "ref" in entry:
                    step = Step(record.execution_id, entry["ref"], entry["attempt"])
                    found.setdefault(step, self.seen_in[position])
        return found


def entries_of(record: LogEntry) -> list[dict[str, Any]]:
    """What one commit established."""
    return msgspec.json.decode(record.entries)
