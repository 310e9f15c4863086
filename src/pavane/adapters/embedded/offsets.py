"""How far a group has come in each log, and what it gave back: kept in a ledger.

That of a service is its own ledger: an offset goes with the next transaction of the service, so
it costs no commit, and what comes again after a crash is in the inbox. Any other group has a small
ledger in the bus's folder, written at once and flushed by the system in its own time. A passing
group has none: it begins at the beginning, and is forgotten.
"""

from __future__ import annotations

import msgspec

from pavane.adapters.embedded.counters import EmbeddedCounters
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.errors import StoreBusyError
from pavane.ports.ledger import ALL, Entry, RowKey

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[int, int]).decode


class Offsets:
    """The offsets of one group; `own` where the ledger is for nothing else."""

    def __init__(
        self, group: str, ledger: SqliteLedger | None, counters: EmbeddedCounters, *, own: bool
    ) -> None:
        self._prefix = f"bus {group} "
        self._ledger = ledger
        self._own = own
        self._counters = counters
        self._kept: dict[str, int] = {}

    async def open(self) -> None:
        """Be the one who keeps them. StoreBusyError while another process is."""
        if self._ledger is not None and self._own:
            await self._ledger.open()
        elif self.is_lost:
            raise StoreBusyError(
                "Another process keeps these offsets.", "Open the service's ledger again."
            )

    @property
    def is_lost(self) -> bool:
        """Whether another process was found to keep them since they were opened."""
        return self._ledger is not None and self._ledger.is_lost

    async def close(self) -> None:
        """Let another process keep them."""
        if self._ledger is not None and self._own:
            await self._ledger.close()

    def crash(self) -> None:
        """The process is dead."""
        if self._ledger is not None and self._own:
            self._ledger.crash()

    async def of(self, topic: str, log: str) -> int:
        """How far the group has come; from now on it is known to read there."""
        name = self._name(topic, log)
        found = await self._ledger.offset(name) if self._ledger is not None else 0
        self._kept[name] = found
        if not found:
            await self._write(name, 0)
        return found

    async def keep(self, topic: str, log: str, position: int) -> bool:
        """Remember it; whether it is another than before."""
        name = self._name(topic, log)
        if self._kept.get(name) == position:
            return False
        self._kept[name] = position
        await self._write(name, position)
        return True

    async def _write(self, name: str, position: int) -> None:
        if self._ledger is not None:
            await self._ledger.keep_offset(name, position)

    async def flush(self) -> None:
        """See that what was kept outlives the process, where nobody else does."""
        if self._ledger is not None and self._own:
            self._counters.flushes += 1
            await self._ledger.flush()

    # --- what was given back --------------------------------------------------------------------

    async def given_back(self, topic: str, log: str) -> dict[int, tuple[int, int]]:
        """What waits to come again, by position: how often it came, and when it may (ms)."""
        if self._ledger is None:
            return {}
        group = self._name(topic, log)
        rows = (await self._ledger.load({"": [RowKey(group, ALL)]}))[""].rows
        return {int(key.name): _decode(body) for key, body in rows.items()}

    async def give_back(self, topic: str, log: str, position: int, times: int, due: int) -> None:
        """Remember that it waits."""
        await self._put(topic, log, {position: _encode((times, due))})

    async def forget(self, topic: str, log: str, positions: list[int]) -> None:
        """They wait no more."""
        await self._put(topic, log, dict.fromkeys(positions, b""))

    async def _put(self, topic: str, log: str, rows: dict[int, bytes]) -> None:
        if self._ledger is not None:
            self._counters.flushes += 1
            group = self._name(topic, log)
            places = {RowKey(group, str(place)): body for place, body in rows.items()}
            await self._ledger.commit([Entry(rows=places)])

    def _name(self, topic: str, log: str) -> str:
        return f"{self._prefix}{topic} {log}"
