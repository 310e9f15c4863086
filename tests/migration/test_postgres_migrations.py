"""A schema is brought to this version's beside nodes that use it, or refused untouched."""

import asyncio
import re
import secrets

import pytest

from pavane.adapters.migrations import Migration
from pavane.adapters.postgres import store as store_module
from pavane.adapters.postgres.migrate import migrations
from pavane.adapters.postgres.store import PostgresStore
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.errors import StoreError, StoreVersionError
from pavane.ports.keys import StoredKey
from pavane.testing.contracts.store.harness import dump, finish, one, opened, revision, start
from tests.postgres import ask

pytestmark = pytest.mark.anyio

OURS = len(migrations())
COLUMN = "ALTER TABLE execution ADD COLUMN note text NOT NULL DEFAULT ''"


@pytest.fixture
async def url(postgres_schema: str) -> str:
    """A schema of this version with one execution in it."""
    async with opened(PostgresStore(postgres_schema)) as store:
        await store.commit(one(start("a")))
    return postgres_schema


def later(behind: int, name: str, sql: str) -> Migration:
    """A migration so many behind those that are shipped."""
    number = OURS + behind
    return Migration(number, f"{number:04}_{name}", sql)


def newer(monkeypatch: pytest.MonkeyPatch, *extra: Migration) -> None:
    """Let the code know more migrations than it ships."""
    known = [*migrations(), *extra]
    monkeypatch.setattr(store_module, "migrations", lambda: known)


async def content(url: str) -> list[str]:
    """The schema's tables and columns, and what is noted about it."""
    sql = """SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = current_schema() ORDER BY 1"""
    rows = await ask(url, sql)
    noted = await ask(url, "SELECT name || '=' || value FROM meta ORDER BY 1")
    return [row[0] for row in (*rows, *noted)]


@pytest.mark.parametrize("kind", ["", "ledger"])
def test_numbers_are_without_gaps_and_names_tell(kind: str):
    known = migrations(kind)
    assert [migration.number for migration in known] == list(range(1, len(known) + 1))
    assert all(migration.name[4] == "_" and migration.sql for migration in known)


async def test_a_new_schema_has_a_column_for_every_field(url: str):
    columns = await content(url)
    tables = (("execution", Header), ("task", TaskRow), ("ready", Ready), ("access_key", StoredKey))
    for table, row in tables:
        found = {name.split(".")[1] for name in columns if name.startswith(f"{table}.")}
        assert found == set(row.__struct_fields__)


async def test_all_text_is_compared_by_code_point(url: str):
    sql = """SELECT a.attrelid::regclass::text || '.' || a.attname FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
            AND l.collname <> 'C' ORDER BY 1"""
    assert [row[0] for row in await ask(url, sql)] == ["meta.value"]


async def test_an_older_schema_is_migrated_and_keeps_its_rows(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    newer(monkeypatch, later(1, "note", COLUMN), later(2, "more", "CREATE TABLE more (x int)"))
    for _ in range(2):  # the second time there is nothing to do
        async with opened(PostgresStore(url)) as store:
            assert await revision(store, "a") == 1
            assert await store.commit(one(start("b"))) in (set(), {0})
    noted = await content(url)
    for name in (f"{OURS + 1:04}_note", f"{OURS + 2:04}_more"):
        assert any(each.startswith(f"migration:{name}=") for each in noted)


async def test_nodes_that_open_at_once_migrate_once(
    postgres_schema: str, monkeypatch: pytest.MonkeyPatch
):
    newer(monkeypatch, later(1, "more", "CREATE TABLE more (x int)"))
    stores = [PostgresStore(postgres_schema) for _ in range(5)]
    await asyncio.gather(*(store.open() for store in stores))
    for n, store in enumerate(stores):
        assert await store.commit(one(start(f"{n}"))) == set()
    await asyncio.gather(*(store.close() for store in stores))


async def test_old_code_works_on_a_newer_schema_that_serves_it(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    """A node that runs while another one brings the schema up to date, and one that starts then."""
    async with opened(PostgresStore(url)) as running:
        await running.load({"a": {("task", "reserve")}})
        with monkeypatch.context() as patch:
            newer(patch, later(1, "note", f"-- serves: {OURS}\n{COLUMN}"))
            async with opened(PostgresStore(url)) as new:
                assert await new.commit(one(start("b"))) == set()
                assert await running.commit(one(finish("a"), start("c"))) == set()
                assert await revision(running, "b") == 1
                assert await new.commit(one(finish("b"), finish("c"))) == set()
        before = await content(url)
        async with opened(PostgresStore(url)) as late:
            assert await late.commit(one(start("d"))) == set()
            assert await revision(running, "d") == 1
            assert await dump(late) == await dump(running)
        assert await content(url) == before


async def test_a_migration_that_fails_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch):
    before = await content(url)
    bad = later(2, "bad", "CREATE TABLE bad (x int); CREATE TABLE bad (x int)")
    newer(monkeypatch, later(1, "good", "CREATE TABLE good (x int)"), bad)
    with pytest.raises(StoreError):
        await PostgresStore(url).open()
    assert await content(url) == before
    monkeypatch.undo()
    async with opened(PostgresStore(url)) as store:
        assert await revision(store, "a") == 1


async def test_a_newer_schema_that_does_not_serve_is_refused_untouched(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        newer(patch, later(1, "note", COLUMN), later(2, "more", "CREATE TABLE more (x int)"))
        async with opened(PostgresStore(url)):
            pass
    before = await content(url)
    for store in (PostgresStore(url), PostgresStore(url, read_only=True)):
        with pytest.raises(StoreVersionError, match=f"up to {OURS}") as refusal:
            await store.open()
        assert f"schema {OURS + 2}" in refusal.value.message
        assert refusal.value.remedy
    assert await content(url) == before


async def test_an_edited_migration_is_refused(url: str, monkeypatch: pytest.MonkeyPatch):
    first, *others = migrations()
    edited = [first._replace(sql="-- something else"), *others]
    monkeypatch.setattr(store_module, "migrations", lambda: edited)
    with pytest.raises(StoreError, match="another build"):
        await PostgresStore(url).open()


async def test_another_programs_schema_is_refused_untouched(postgres_schema: str):
    name = postgres_schema.rpartition("=")[2]
    await ask(postgres_schema, f"CREATE SCHEMA {name}; CREATE TABLE {name}.customers (name text)")
    with pytest.raises(StoreError, match="not made by Pavane") as refusal:
        await PostgresStore(postgres_schema).open()
    assert refusal.value.remedy
    sql = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    assert (await ask(postgres_schema, sql))[0][0] == 1


async def test_a_read_only_store_does_not_migrate(
    url: str, postgres_schema: str, monkeypatch: pytest.MonkeyPatch
):
    newer(monkeypatch, later(1, "good", "CREATE TABLE good (x int)"))
    for place in (url, re.sub("schema=.*", "schema=test_never_made", url)):
        with pytest.raises(StoreError, match="no schema of this version"):
            await PostgresStore(place, read_only=True).open()


async def test_a_database_that_keeps_no_unicode_is_refused(postgres_url: str):
    name = f"latin_{secrets.token_hex(4)}"
    await ask(
        postgres_url,
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
    )
    try:
        with pytest.raises(StoreError, match="LATIN1") as refusal:
            await PostgresStore(postgres_url.rpartition("/")[0] + f"/{name}").open()
        assert refusal.value.remedy
    finally:
        await ask(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")
