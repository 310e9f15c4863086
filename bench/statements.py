"""What SQLite itself does for the statements of the hot path, counted by SQLite.

A plan can promise to use an index; these counters say how many rows were stepped over in scans and
how many instructions ran, so that a small store and a large one can be compared exactly.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec

from bench import order
from bench.load import Load
from pavane.adapters.sqlite import queries
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine


class Work(msgspec.Struct):
    """What all runs of one statement came to."""

    runs: int = 0
    scanned: int = 0  # rows stepped over in scans of whole tables
    sorted: int = 0  # sorts that no index spared
    instructions: int = 0


async def counted(path: Path, workflows: int, in_flight: int) -> dict[str, Work]:
    """The work for that many orders, by the statement's name in `queries`, or its text."""
    names = {sql: name for name, sql in queries.HOT.items()}
    told: dict[str, Work] = {}

    def note(event: dict[str, Any]) -> None:
        work = told.setdefault(names.get(event["sql"], str(event["sql"])), Work())
        counts = event["stmt_status"]
        work.runs += 1
        work.scanned += counts["SQLITE_STMTSTATUS_FULLSCAN_STEP"]
        work.sorted += counts["SQLITE_STMTSTATUS_SORT"]
        work.instructions += counts["SQLITE_STMTSTATUS_VM_STEP"]

    store = SqliteStore(path, commit_thread=False)
    async with running_engine(store, services=order.SERVICES) as engine:
        await engine.register([order.definition()])
        load = Load(engine)
        await load.one()
        connection = cast(apsw.Connection, store._connection)
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)
        await load.many(workflows, in_flight)
        connection.trace_v2(0, None)
    return told


def scanning(path: Path) -> dict[str, list[str]]:
    """Hot statements whose plan reads a whole table or index in this database, with that plan."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found: dict[str, list[str]] = {}
    for name, sql in queries.HOT.items():
        places = max(map(int, re.findall(r"\?(\d+)", sql)), default=sql.count("?"))
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("",) * places)
        plan = [str(row[3]) for row in rows]
        # A scan of a subquery reads only what the subquery gave; `level` is one in READY.
        if any(re.match(r"SCAN (?!\(|CONSTANT|level$)", step) for step in plan):
            found[name] = plan
    connection.close()
    return found
