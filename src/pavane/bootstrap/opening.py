"""From URLs to stores, buses and ledgers, each imported when it is first asked for."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from pavane.errors import UsageError

if TYPE_CHECKING:
    from pavane.ports.bus import Bus
    from pavane.ports.clock import Chance
    from pavane.ports.ledger import Ledger
    from pavane.ports.store import Store


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


def open_store(url: str, *, read_only: bool = False) -> Store:
    """The store behind a URL, not yet opened: `sqlite:///path.db` or `memory:`. UsageError."""
    if url == "memory:":
        from pavane.adapters.memory.store import MemoryStore

        return MemoryStore()
    if url.startswith("sqlite:///"):
        from pavane.adapters.sqlite.store import SqliteStore

        return SqliteStore(url.removeprefix("sqlite:///"), read_only=read_only)
    if url.startswith(("postgresql:", "postgres:")):
        raise UsageError(f"The store {url!r} is not built yet.", "Use sqlite:///path.db.")
    raise UsageError(f"{url!r} is no store.", "Use sqlite:///path.db or memory:.")


def open_bus(url: str) -> Bus:
    """The bus behind a URL, not yet opened: `memory:`. UsageError."""
    if url == "memory:":
        from pavane.adapters.memory.bus import MemoryBus

        return MemoryBus()
    raise UsageError(f"The bus {url!r} is not built yet.", "Use memory:.")


def open_ledger(url: str) -> Ledger:
    """The ledger behind a URL, not yet opened: `memory:`. UsageError."""
    if url == "memory:":
        from pavane.adapters.memory.ledger import MemoryLedger

        return MemoryLedger()
    raise UsageError(f"The ledger {url!r} is not built yet.", "Use memory:.")


def chance() -> Chance:
    """The machine's own randomness, for ids."""
    return random.SystemRandom()
