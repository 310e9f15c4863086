"""The other side: the same rows in as many commits, written by SQLite and nothing else.

It reads what our side has left in its ledger, then writes that into a new database with the same
tables and the same durability; only the writing is timed.

python -m bench.handlers.bare LEDGER POSITION SINCE_MS COMMITS
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import apsw

from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import connect, tune_writer

_TABLES = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
_COLUMNS = q.APPEND.partition("(")[2].partition(")")[0]


def measure(ledger: Path, position: int, since_ms: int, commits: int) -> dict[str, Any]:
    there: Any = apsw.Connection(str(ledger), flags=apsw.SQLITE_OPEN_READONLY)
    inbox = there.execute("SELECT message,at FROM inbox WHERE at >= ?", (since_ms,)).fetchall()
    log = there.execute(
        f"SELECT {_COLUMNS} FROM log WHERE position > ? ORDER BY position", (position,)
    ).fetchall()
    tables = [row[0] for row in there.execute(_TABLES)]
    there.close()
    fresh: Any = connect(str(ledger.with_name("bare.db")))
    tune_writer(fresh, "FULL")
    for sql in tables:
        fresh.execute(sql)
    pieces = list(zip(_pieces(inbox, commits), _pieces(log, commits), strict=True))
    cursor, written = fresh.cursor(), fresh.total_changes()
    cpu = time.process_time()
    for number, (messages, records) in enumerate(pieces):
        fresh.execute("BEGIN IMMEDIATE")
        cursor.executemany(q.ADD_MESSAGE, messages)
        cursor.executemany(q.APPEND, records)
        cursor.executemany(q.PUT_OFFSET, [("bus", number)])
        fresh.execute("COMMIT")
    cpu_s = time.process_time() - cpu
    assert fresh.total_changes() - written >= len(inbox) + len(log) + commits
    fresh.close()
    return {
        "cpu_us": cpu_s / len(inbox) * 1e6,
        "inbox": len(inbox),
        "log": len(log),
        "commits": len(pieces),
    }


def _pieces(rows: list[Any], count: int) -> list[list[Any]]:
    """In so many pieces of about the same size, in order."""
    return [rows[len(rows) * n // count : len(rows) * (n + 1) // count] for n in range(count)]


def main() -> None:
    ledger, position, since_ms, commits = sys.argv[1:5]
    print(json.dumps(measure(Path(ledger), int(position), int(since_ms), int(commits))))


if __name__ == "__main__":
    main()
