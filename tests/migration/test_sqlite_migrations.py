"""A database is brought to this version's schema in one go, or refused untouched."""

from pathlib import Path

import apsw
import pytest

from pavane.adapters.sqlite import store as store_module
from pavane.adapters.sqlite.migrate import Migration, migrations
from pavane.adapters.sqlite.store import SqliteStore
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.errors import StoreError, StoreVersionError
from pavane.ports.keys import StoredKey
from pavane.testing.contracts.store.harness import dump, one, opened, revision, start

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """A database of this version with one execution in it."""
    async with opened(SqliteStore(tmp_path / "pavane.db")) as store:
        await store.commit(one(start("a")))
    return tmp_path / "pavane.db"


def content(path: Path) -> bytes:
    return path.read_bytes()


OURS = len(migrations())


def later(behind: int, name: str, sql: str) -> Migration:
    """A migration so many behind those that are shipped."""
    number = OURS + behind
    return Migration(number, f"{number:04}_{name}", sql)


def newer(monkeypatch: pytest.MonkeyPatch, *extra: Migration) -> None:
    """Let the code know more migrations than it ships."""
    known = [*migrations(), *extra]
    monkeypatch.setattr(store_module, "migrations", lambda: known)


def test_numbers_are_without_gaps_and_names_tell():
    known = migrations()
    assert [migration.number for migration in known] == list(range(1, len(known) + 1))
    assert all(migration.name[4] == "_" and migration.sql for migration in known)


async def test_a_new_database_has_a_column_for_every_field(database: Path):
    connection = apsw.Connection(str(database))
    tables = (("execution", Header), ("task", TaskRow), ("ready", Ready), ("access_key", StoredKey))
    for table, row in tables:
        columns = {str(c[1]) for c in connection.execute(f"PRAGMA table_info({table})")}
        assert columns == set(row.__struct_fields__)
    connection.close()


async def test_an_older_database_is_migrated_and_keeps_its_rows(
    database: Path, monkeypatch: pytest.MonkeyPatch
):
    newer(
        monkeypatch,
        later(1, "note", "ALTER TABLE execution ADD COLUMN note TEXT NOT NULL DEFAULT ''"),
        later(2, "more", "CREATE TABLE more (x) ; CREATE INDEX more_x ON more (x)"),
    )
    for _ in range(2):  # the second time there is nothing to do
        async with opened(SqliteStore(database)) as store:
            assert await revision(store, "a") == 1
            assert await store.commit(one(start("b"))) in (set(), {0})
    connection = apsw.Connection(str(database))
    names = [str(row[0]) for row in connection.execute("SELECT name FROM meta ORDER BY name")]
    shipped = [f"migration:{each.name}" for each in migrations()]
    assert names == [*shipped, f"migration:{OURS + 1:04}_note", f"migration:{OURS + 2:04}_more"]
    connection.close()


async def test_a_migration_that_fails_changes_nothing(
    database: Path, monkeypatch: pytest.MonkeyPatch
):
    newer(
        monkeypatch,
        later(1, "good", "CREATE TABLE good (x)"),
        later(2, "bad", "CREATE TABLE bad (x); CREATE TABLE bad (x)"),
    )
    with pytest.raises(StoreError):
        await SqliteStore(database).open()
    monkeypatch.undo()
    connection = apsw.Connection(str(database))
    tables = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_schema")}
    assert "execution" in tables
    assert not tables & {"good", "bad"}
    connection.close()
    async with opened(SqliteStore(database)) as store:
        assert await revision(store, "a") == 1


async def test_a_newer_database_is_refused_untouched(database: Path):
    connection = apsw.Connection(str(database))
    connection.execute("INSERT INTO meta (name, value) VALUES ('migration:0070_future', 'x')")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    before = content(database)
    for store in (SqliteStore(database), SqliteStore(database, read_only=True)):
        with pytest.raises(StoreVersionError) as refusal:
            await store.open()
        ours = migrations()[-1].number
        assert "schema 70" in refusal.value.message
        assert f"up to {ours}" in refusal.value.message
        assert refusal.value.remedy
    assert content(database) == before


async def test_an_edited_migration_is_refused(database: Path, monkeypatch: pytest.MonkeyPatch):
    first, *others = migrations()
    edited = [first._replace(sql="-- something else"), *others]
    monkeypatch.setattr(store_module, "migrations", lambda: edited)
    with pytest.raises(StoreError, match="another build"):
        await SqliteStore(database).open()


async def test_another_programs_database_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "others.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE customers (name)")
    connection.close()
    before = content(path)
    with pytest.raises(StoreError, match="not made by Pavane") as refusal:
        await SqliteStore(path).open()
    assert refusal.value.remedy
    assert content(path) == before


async def test_a_read_only_store_does_not_migrate(database: Path, monkeypatch: pytest.MonkeyPatch):
    newer(monkeypatch, later(1, "good", "CREATE TABLE good (x)"))
    with pytest.raises(StoreError, match="older schema"):
        await SqliteStore(database, read_only=True).open()


async def test_a_database_without_a_page_is_a_new_one(tmp_path: Path):
    path = tmp_path / "empty.db"
    apsw.Connection(str(path)).close()
    async with opened(SqliteStore(path)) as store:
        assert (await dump(store))["log"] == []
        assert await store.commit(one(start("a"))) == set()
