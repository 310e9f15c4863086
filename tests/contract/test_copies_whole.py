"""A copy is there as a whole and as it was, or not at all; it needs little memory."""

import asyncio
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from pavane.adapters.copying import copy
from pavane.adapters.postgres.store import PostgresStore
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.adapters.sqlite.store import SqliteStore
from pavane.adapters.sqlite.whole import SqliteWhole
from pavane.core.model.rows import Header, TaskRow
from pavane.errors import (
    InputError,
    NotCopiedError,
    StoreError,
    StoreFullError,
)
from pavane.ports.copying import Row, Table
from pavane.ports.ledger import Entry, RowKey
from pavane.ports.store import Change, Unit
from pavane.testing.contracts.ledger.harness import outgoing
from tests.contract.test_copies import counts, filled, store_at, whole
from tests.postgres import ask, fill, make_room

pytestmark = pytest.mark.anyio


async def test_what_is_not_empty_is_not_copied_into(tmp_path: Path, postgres_schema: str):
    await filled(tmp_path / "a.db")
    await filled(tmp_path / "b.db")
    before = (tmp_path / "b.db").read_bytes()
    with pytest.raises(NotCopiedError, match="the table definition has 1 rows"):
        await copy(whole(tmp_path / "a.db"), whole(tmp_path / "b.db"))
    assert (tmp_path / "b.db").read_bytes() == before
    await copy(whole(tmp_path / "a.db"), whole(postgres_schema))
    with pytest.raises(NotCopiedError):
        await copy(whole(tmp_path / "a.db"), whole(postgres_schema))


async def test_a_ledger_is_no_store(tmp_path: Path):
    ledger = SqliteLedger(tmp_path / "a.db")
    await ledger.open()
    await ledger.close()
    await filled(tmp_path / "b.db")
    with pytest.raises(NotCopiedError, match=r"holds a store, and .* a ledger"):
        await copy(whole(tmp_path / "a.db"), whole(tmp_path / "b.db"))
    with pytest.raises(StoreError, match="no store and no ledger"):
        await copy(whole(tmp_path / "nowhere.db"), whole(tmp_path / "c.db"))


async def test_a_services_own_tables_are_left_only_where_that_is_said(
    tmp_path: Path, postgres_schema: str
):
    ledger = SqliteLedger(tmp_path / "a.db")
    await ledger.open()
    await ledger.results.create("CREATE TABLE IF NOT EXISTS shelf (item TEXT)")
    await ledger.close()
    with pytest.raises(NotCopiedError, match="shelf"):
        await copy(whole(tmp_path / "a.db"), whole(postgres_schema))
    await copy(whole(tmp_path / "a.db"), whole(postgres_schema), leave=True)


async def test_without_room_nothing_of_it_is_there(tmp_path: Path, postgres_schema: str):
    path = tmp_path / "a.db"
    await filled(path)
    store = PostgresStore(postgres_schema)
    await store.open()
    await store.close()
    await fill(postgres_schema, "log")
    with pytest.raises(StoreFullError):
        await copy(whole(path), whole(postgres_schema))
    await make_room(postgres_schema, "log")
    await store.open()
    assert await counts(store) == {}
    await store.close()
    await copy(whole(path), whole(postgres_schema))


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from pavane.bootstrap import copy_rows

def tell(table, done, rows):
    if table == "log":
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(copy_rows(sys.argv[1], sys.argv[2], tell=tell))
"""


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
async def test_a_copy_that_is_killed_leaves_nothing_and_is_made_anew(
    to: str, tmp_path: Path, postgres_schema: str
):
    path = tmp_path / "a.db"
    await filled(path)
    there = tmp_path / "b.db" if to == "sqlite" else postgres_schema
    urls = (f"sqlite:///{path}", there if isinstance(there, str) else f"sqlite:///{there}")
    command = [sys.executable, "-c", KILLED, *urls]
    ended = await asyncio.to_thread(subprocess.run, command, check=False, timeout=60)
    assert ended.returncode == -9
    store = store_at(there)
    await store.open()
    assert await counts(store) == {}
    assert await store.workflows() == []
    await store.close()
    await copy(whole(path), whole(there))


class Careless(SqliteWhole):
    """Says that it has put all rows, and has put other ones."""

    def __init__(self, path: Path, wrong: str) -> None:
        super().__init__(path)
        self.wrong = wrong

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        if table.name == "execution":
            first = list(rows[0])
            first[table.columns.index("updated_at")] += 1
            rows = rows[1:] if self.wrong == "lost" else [tuple(first), *rows[1:]]
        await super().put(table, rows)


@pytest.mark.parametrize("wrong", ["lost", "changed"])
async def test_what_was_not_written_as_it_was_read_is_found_before_it_is_there(
    wrong: str, tmp_path: Path
):
    await filled(tmp_path / "a.db")
    with pytest.raises(StoreError, match="is not what was read: the table execution"):
        await copy(whole(tmp_path / "a.db"), Careless(tmp_path / "b.db", wrong))
    assert await whole(tmp_path / "b.db").kind() == "store"
    await copy(whole(tmp_path / "a.db"), whole(tmp_path / "b.db"))


# --- what does not fit, and what is large -------------------------------------------------------


async def test_a_nul_is_shown_in_a_reason_and_refused_in_a_key(
    tmp_path: Path, postgres_schema: str
):
    path = tmp_path / "a.db"
    store = SqliteStore(path, durable=False)
    await store.open()
    header = Header("x", "w", 1, "hash", 1, reason="bad \0 byte")
    task = TaskRow("x", "a", 0, "SIMPLE", "t", "FAILED", 1, reason="\0")
    await store.commit([Unit([Change(header, new_tasks=[task])])])
    await store.close()
    _, tables = await copy(whole(path), whole(postgres_schema))
    assert {each.table: each.fitted for each in tables if each.fitted} == {
        "execution": 1,
        "task": 1,
    }
    there = PostgresStore(postgres_schema)
    await there.open()
    async with there.snapshot() as view:
        found = await view.header("x")
        assert found is not None and found.reason == "bad \u2400 byte"
    await there.close()
    await ask(postgres_schema, "TRUNCATE execution, task, log")
    await store.open()
    await store.commit([Unit([Change(Header("y", "w", 1, "hash", 1, key="a\0b"))])])
    await store.close()
    with pytest.raises(InputError, match=r"column key of the table execution, 'y'"):
        await copy(whole(path), whole(postgres_schema))


async def test_a_large_store_needs_little_memory(tmp_path: Path, postgres_schema: str):
    path, rows, size = tmp_path / "a.db", 1000, 40_000
    ledger = SqliteLedger(path, flushing="OFF")
    await ledger.open()
    for n in range(rows):
        rows_of = {RowKey("step", "x"): os.urandom(size)}
        await ledger.commit([Entry(f"x{n:05}", rows=rows_of, records=[outgoing(f"{n}")], at=n)])
    await ledger.close()
    for before, after in [(path, postgres_schema), (postgres_schema, tmp_path / "b.db")]:
        tracemalloc.start()
        await copy(whole(before), whole(after))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < rows * size / 2, f"{most:,} bytes for {rows * size:,}"
