"""Stores and ledgers copied between SQLite and PostgreSQL: all of it or nothing, and only alone."""

import asyncio
import os
import random
import secrets
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import pytest

from pavane.adapters.copied_tables import ONLY_THERE, TABLES
from pavane.adapters.copying import copy
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.store import PostgresStore
from pavane.adapters.postgres.whole import PostgresWhole
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.adapters.sqlite.store import SqliteStore
from pavane.adapters.sqlite.whole import SqliteWhole
from pavane.core.model.rows import Header
from pavane.errors import (
    StoreBusyError,
)
from pavane.ports.copying import Whole
from pavane.ports.ledger import Entry
from pavane.ports.results import Result
from pavane.ports.store import Change, Store, StoredWorkflow, Unit
from pavane.testing.contracts.ledger.harness import dump as dump_ledger
from pavane.testing.contracts.store.harness import dump
from tests.contract.histories import History
from tests.contract.ledger_histories import History as LedgerHistory
from tests.contract.test_postgres_histories import everything
from tests.postgres import apart, ask

pytestmark = pytest.mark.anyio

STEPS = 250
GOES_ON = 60
STRICT = os.environ.get("PAVANE_STRICT", "") not in {"", "0"}


@pytest.fixture
def seed() -> int:
    given = os.environ.get("PAVANE_SEED")
    found = int(given) if given else 0 if STRICT else random.SystemRandom().randrange(1 << 32)
    print(f"repeat with PAVANE_SEED={found}")
    return found


@pytest.fixture
def other_schema(postgres_url: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    yield f"{postgres_url}?schema={name}"
    apart(ask(postgres_url, f'DROP SCHEMA IF EXISTS "{name}" CASCADE'))


def whole(url: str | Path) -> Whole:
    return PostgresWhole(place_of(url)) if isinstance(url, str) else SqliteWhole(url)


def store_at(url: str | Path) -> PostgresStore | SqliteStore:
    return PostgresStore(url) if isinstance(url, str) else SqliteStore(url, durable=False)


async def filled(path: Path, n: int = 3) -> None:
    """A SQLite store with something in each table."""
    store = SqliteStore(path, durable=False)
    await store.open()
    await store.put_definition("hash", b"{}", 1)
    await store.put_workflow(StoredWorkflow("w", 1, "hash", 1))
    await store.put_task_definitions({"t": b"{}"})
    await store.put_schedule("daily", b"{}")
    changes = [
        Change(Header(f"x{k}", "w", 1, "hash", 1, status="RUNNING"), entries=b"[]", at=k)
        for k in range(n)
    ]
    await store.commit([Unit([change]) for change in changes])
    await store.close()


# --- what is copied -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["store", "ledger"])
async def test_each_table_and_each_column_is_copied_or_named_as_the_places_own(
    kind: Any, tmp_path: Path, postgres_schema: str
):
    """A migration that adds one has to say which it is."""
    file = tmp_path / "a.db"
    url = postgres_schema
    made: list[Any] = (
        [SqliteStore(file), PostgresStore(url)]
        if kind == "store"
        else [SqliteLedger(file), PostgresLedger(url)]
    )
    for each in made:
        await each.open()
        await each.close()
    connection = apsw.Connection(str(file))
    sqlite: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table'"
    ):
        sqlite.setdefault(table, set()).add(column)
    connection.close()
    postgres: dict[str, set[str]] = {}
    columns = "SELECT table_name, column_name FROM information_schema.columns"
    for table, column in await ask(url, f"{columns} WHERE table_schema = $1", place_of(url).schema):
        postgres.setdefault(table, set()).add(column)
    copied = {table.name: set(table.columns) for table in TABLES[kind]}
    for found in (sqlite, postgres):
        assert {name: found[name] for name in found.keys() - ONLY_THERE} == copied


async def test_a_random_store_is_the_same_wherever_it_is_copied_and_goes_on(
    seed: int, tmp_path: Path, postgres_schema: str, other_schema: str
):
    history = History(seed)
    memory, sqlite = MemoryStore(), SqliteStore(tmp_path / "1.db", durable=False)
    await memory.open()
    await sqlite.open()
    await _go_on(history, STEPS, memory, sqlite)
    right = await dump(sqlite)
    await sqlite.close()
    places = (tmp_path / "1.db", postgres_schema, tmp_path / "2.db", tmp_path / "3.db")
    for before, after in [*pairwise(places), (postgres_schema, other_schema)]:
        kind, tables = await copy(whole(before), whole(after))
        assert kind == "store"
        assert sum(each.rows for each in tables) > 100
    copies = [store_at(place) for place in (*places[1:], other_schema)]
    for each in copies:
        await each.open()
        assert await dump(each) == right
    await _go_on(history, GOES_ON, memory, *copies)
    expected = await everything(memory)
    for each in copies:
        assert await everything(each) == expected
        await each.close()


async def _go_on(history: History, steps: int, memory: Store, *others: Store) -> None:
    for _ in range(steps):
        operation = history.draw()
        expected = await operation.run(memory)
        for other in others:
            assert await operation.run(other) == expected, operation.name
        if operation.name == "commit":
            history.settle(operation, expected)


async def test_a_random_ledger_is_the_same_wherever_it_is_copied_and_goes_on(
    seed: int, tmp_path: Path, postgres_schema: str, other_schema: str
):
    history = LedgerHistory(seed)
    memory, sqlite = MemoryLedger(), SqliteLedger(tmp_path / "1.db", flushing="OFF")
    await memory.open()
    await sqlite.open()
    await _ledgers_go_on(history, STEPS, memory, sqlite)
    for each in (memory, sqlite):
        await each.results.record([Result(name, b"{}", at) for name, at in RESULTS.items()])
    await asyncio.gather(*(each.prune(6, 0) for each in (memory, sqlite)))
    places = (tmp_path / "1.db", postgres_schema, tmp_path / "2.db", tmp_path / "3.db")
    await sqlite.close()
    for before, after in [*pairwise(places), (postgres_schema, other_schema)]:
        kind, tables = await copy(whole(before), whole(after))
        assert kind == "ledger"
        assert sum(each.rows for each in tables) > 100
    copies: list[Any] = [SqliteLedger(place, flushing="OFF") for place in places[2:]]
    copies += [PostgresLedger(url, lease_s=30.0) for url in (postgres_schema, other_schema)]
    for each in copies:
        await each.open()
        assert await each.results.find(list(RESULTS)) == await memory.results.find(list(RESULTS))
        async with each.results.transaction(["x"], asked=_ASKED[type(each)]) as transaction:
            assert transaction.known_since == 6
    await _ledgers_go_on(history, GOES_ON, memory, *copies)
    for each in copies:
        await each.close()


RESULTS = {"old": 5, "new": 7}
_ASKED = {SqliteLedger: "apsw.Connection", PostgresLedger: "asyncpg.Connection"}


async def _ledgers_go_on(history: LedgerHistory, steps: int, memory: Any, *others: Any) -> None:
    for _ in range(steps):
        operation = history.draw()
        expected = await operation.run(memory)
        for other in others:
            assert await operation.run(other) == expected, operation.name
    ids = (history.executions, history.ids)
    right = await dump_ledger(memory, *ids)
    for other in others:
        assert await dump_ledger(other, *ids) == right
    history.revisions.update({id: rows[0] for id, rows in right["rows"].items()})


# --- only alone ---------------------------------------------------------------------------------


async def test_what_is_in_use_is_not_copied(tmp_path: Path, postgres_schema: str):
    path = tmp_path / "a.db"
    await filled(path)
    server = SqliteStore(path)
    await server.open()
    with pytest.raises(StoreBusyError, match="in use by another server"):
        await copy(whole(path), whole(postgres_schema))
    await server.close()
    await copy(whole(path), whole(postgres_schema))
    node = PostgresStore(postgres_schema)
    await node.open()
    await node.members.beat({"node-7": b""}, 60_000)
    with pytest.raises(StoreBusyError, match="node-7"):
        await copy(whole(postgres_schema), whole(tmp_path / "b.db"))
    with pytest.raises(StoreBusyError, match="node-7"):
        await copy(whole(path), whole(postgres_schema))
    await node.members.leave(["node-7"])
    await node.close()
    await copy(whole(postgres_schema), whole(tmp_path / "b.db"))


async def test_a_ledger_that_is_served_is_not_copied(tmp_path: Path, postgres_schema: str):
    path = tmp_path / "a.db"
    mine = SqliteLedger(path)
    await mine.open()
    await mine.commit([Entry(message="m", at=1)])
    with pytest.raises(StoreBusyError):
        await copy(whole(path), whole(postgres_schema))
    await mine.close()
    await copy(whole(path), whole(postgres_schema))
    theirs = PostgresLedger(postgres_schema)
    await theirs.open()
    assert await theirs.seen(["m"]) == {"m"}
    with pytest.raises(StoreBusyError, match="another process serves it"):
        await copy(whole(postgres_schema), whole(tmp_path / "b.db"))
    await theirs.close()


async def test_nobody_writes_to_either_meanwhile(tmp_path: Path, postgres_schema: str):
    """Whoever begins to in the middle of it waits, or is refused, and nothing of it is lost."""
    path = tmp_path / "a.db"
    await filled(path, 5000)
    late: list[Any] = []

    def tell(table: str, _done: int, _rows: int) -> None:
        if table == "execution" and not late:
            node = PostgresStore(postgres_schema)

            async def write() -> None:
                with pytest.raises(StoreBusyError):
                    await SqliteStore(path).open()
                await node.open()
                await node.commit([Unit([Change(Header("late", "w", 1, "hash", 1))])])
                await node.close()

            late.append(asyncio.ensure_future(write()))

    await copy(whole(path), whole(postgres_schema), tell=tell)
    await late[0]
    store = PostgresStore(postgres_schema)
    await store.open()
    assert sum((await counts(store)).values()) == 5001
    await store.close()


async def counts(store: Store) -> Any:
    async with store.snapshot() as view:
        return await view.counts()
