"""Fill a SQLite store with many ended runs, to see what the size of a store costs.

    python -m bench.bulk_load FILE [--runs 1000000] [--payload 300]

Each run has what a three-step order leaves behind: a header, three tasks, input and output, four
log records; one in fifty failed and was undone. The rows are made by SQL inside the database, in
the order of their ids, with neither fsync nor journal: a crash here only means starting again.
"""

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

import apsw
import msgspec

from pavane.adapters.sqlite.store import SqliteStore
from pavane.core.model.rows import Header, TaskRow
from pavane.ports.store import StoredWorkflow

WORKFLOW = "bulk_order"
DEFINITION = b'{"name":"bulk_order","version":1,"tasks":[]}'
BEGIN_AT = 1_700_000_000_000  # epoch ms of the first run
APART_MS = 25
CHUNK = 50_000  # runs per transaction

RUNS = """INSERT INTO temp.run (n, id, at, status)
WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?2)
SELECT n,
    printf('%s-%s-7%03x-a%03x-%012x', substr(hex48, 1, 8), substr(hex48, 9, 4),
        abs(random() % 4096), abs(random() % 4096), abs(random() % (1 << 48))),
    at,
    CASE WHEN n % 50 = 0 THEN 'COMPENSATED' ELSE 'COMPLETED' END
FROM (SELECT n, ?3 + n * ?4 AS at, printf('%012x', ?3 + n * ?4) AS hex48 FROM number)"""

LOGS = """INSERT INTO log (execution_id, at, entries)
SELECT id, at + step * 40,
    CAST(printf('[{"fact":"completed","ref":"step_%d","attempt":0}]', step) AS BLOB)
FROM temp.run, temp.step ORDER BY n, step"""

VALUES = """INSERT INTO value (execution_id, name, body)
SELECT id, name, CASE name WHEN 'input' THEN ?1 ELSE CAST('{"parcel":"P1"}' AS BLOB) END
FROM temp.run, (SELECT 'input' AS name UNION ALL SELECT 'output') ORDER BY n, name"""


def insert(table: str, row: type[msgspec.Struct], given: dict[str, str], source: str) -> str:
    """An INSERT … SELECT with the given expressions, and the defaults for all other fields."""
    fields = msgspec.structs.fields(row)
    columns = {field.name: str(literal(field.default)) for field in fields} | given
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"


def literal(default: Any) -> str | int:
    if isinstance(default, str):
        return "''"
    if isinstance(default, bytes):
        return "x''"
    return default if isinstance(default, int) else "NULL"


HEADERS = insert(
    "execution",
    Header,
    {
        "id": "id",
        "workflow": f"'{WORKFLOW}'",
        "version": "1",
        "definition": "'bulk'",
        "revision": "4",
        "status": "status",
        "cause": "iif(status = 'COMPENSATED', 'FAILED', '')",
        "key": "'bulk-' || n",
        "created_at": "at",
        "updated_at": "at + 120",
        "ended_at": "at + 120",
        "seq": "3",
    },
    "temp.run ORDER BY n",
)

TASKS = insert(
    "task",
    TaskRow,
    {
        "execution_id": "id",
        "ref": "'step_' || step",
        "attempt": "0",
        "type": "'SIMPLE'",
        "name": "'do_step_' || step",
        "status": "'COMPLETED'",
        "seq": "step",
        "input": "?1",
        "output": 'CAST(\'{"id":"R-1","total":"12.50"}\' AS BLOB)',
        "worker": "'bulk'",
        "scheduled_at": "at",
        "first_scheduled_at": "at",
        "started_at": "at + 2",
        "updated_at": "at + 40",
        "ended_at": "at + 40",
        "polls": "1",
    },
    "temp.run, temp.step WHERE step < 4 ORDER BY n, step",
)


async def prepare(path: Path) -> None:
    """A new store with the one definition that all runs have."""
    store = SqliteStore(path)
    await store.open()
    await store.put_definition("bulk", DEFINITION, BEGIN_AT)
    await store.put_workflow(StoredWorkflow(WORKFLOW, 1, "bulk", BEGIN_AT))
    await store.close()


def fill(path: Path, runs: int, payload: int, *, loud: bool = False) -> float:
    """Add the runs to a new store; returns the seconds it took."""
    begun = time.perf_counter()
    asyncio.run(prepare(path))
    connection = apsw.Connection(str(path))
    for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    connection.execute(
        """CREATE TEMP TABLE run (n INTEGER PRIMARY KEY, id TEXT, at INTEGER, status TEXT);
        CREATE TEMP TABLE step (step INTEGER PRIMARY KEY);
        INSERT INTO temp.step VALUES (1), (2), (3), (4)"""
    )
    body = b'{"order":"' + b"x" * max(0, payload - 12) + b'"}'
    for first in range(0, runs, CHUNK):
        with connection:
            connection.execute("DELETE FROM temp.run")
            connection.execute(RUNS, (first, min(first + CHUNK, runs), BEGIN_AT, APART_MS))
            connection.execute(HEADERS)
            connection.execute(TASKS, (body,))
            connection.execute(VALUES, (body,))
            connection.execute(LOGS)
        if loud:
            done = min(first + CHUNK, runs)
            print(f"{done:>9} runs, {time.perf_counter() - begun:6.1f} s", flush=True)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.close()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument(
        "--payload", type=int, default=300, help="bytes of an order and of an input"
    )
    options = parser.parse_args()
    if options.file.exists():
        parser.error(f"{options.file} exists already; give a new file")
    seconds = fill(options.file, options.runs, options.payload, loud=True)
    size = options.file.stat().st_size
    print(f"{options.runs} runs, {size / 1e6:.0f} MB, {seconds:.0f} s")


if __name__ == "__main__":
    main()
