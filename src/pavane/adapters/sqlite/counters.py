"""What a SQLite store or ledger has done so far, counted exactly, for budgets that tests assert."""

from __future__ import annotations

import copy
from typing import Protocol

from pavane.adapters.counting import LedgerCounters


class FileCounters(Protocol):
    """What is counted of any database."""

    statements: int
    commits: int
    checkpoints: int
    wal_pages: int


class SqliteLedgerCounters(LedgerCounters):
    """What any ledger counts, and what this one does for it; `commits` counts every transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.statements = 0
        self.checkpoints = 0
        self.wal_pages = 0


class Counters:
    """Running totals. `rows` is by table, and counts rows sent to be written or deleted.

    A statement is one call of execute or executemany, BEGIN and COMMIT included. `payload_bytes`
    are the JSON bytes of tasks, values and log entries; `wal_pages` what the commits appended to
    the write-ahead log, in pages.
    """

    def __init__(self) -> None:
        self.statements = 0
        self.commits = 0
        self.loads = 0
        self.lost = 0
        self.checkpoints = 0
        self.payload_bytes = 0
        self.wal_pages = 0
        self.rows: dict[str, int] = {
            "execution": 0,
            "task": 0,
            "ready": 0,
            "value": 0,
            "log": 0,
        }

    def copy(self) -> Counters:
        """The totals as they are now."""
        return copy.deepcopy(self)

    def since(self, before: Counters) -> dict[str, int]:
        """What was added since `before` was copied; rows as `rows.TABLE`."""
        now, then = self._flat(), before._flat()
        return {name: now[name] - then[name] for name in now}

    def _flat(self) -> dict[str, int]:
        plain = {name: value for name, value in vars(self).items() if name != "rows"}
        return plain | {f"rows.{table}": count for table, count in self.rows.items()}
