"""What is particular to a ledger in a file: plans, counters, death, copies, its schema."""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from pavane.adapters.sqlite import ledger as ledger_module
from pavane.adapters.sqlite import ledger_queries
from pavane.adapters.sqlite.connection import Flushing
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.adapters.sqlite.migrate import Migration, migrations
from pavane.adapters.sqlite.store import SqliteStore
from pavane.errors import StoreBusyError, StoreError, StoreVersionError
from pavane.ports.ledger import Entry
from pavane.testing.contracts.ledger.harness import (
    STEP,
    bare,
    dump_of,
    first,
    load,
    opened,
    outgoing,
    revision,
    second,
)
from tests.contract.test_sqlite_survival import copied, watching

pytestmark = pytest.mark.anyio

CHILD = """
import asyncio, sys
from pavane.adapters.sqlite.connection import Flushing
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.testing.contracts.ledger.harness import first

async def main():
    ledger = SqliteLedger(sys.argv[1])
    await ledger.open()
    for n in range(100_000):
        await ledger.commit([first(f"{n}"), first(f"{n}-twin")])
        await ledger.keep_offset("reader", n)
        print(n, flush=True)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payment.db"


# --- cost ---------------------------------------------------------------------------------------


def scans(connection: apsw.Connection, sql: str) -> list[str]:
    """Steps that read a whole table or index; a scan of a subquery reads only what that gave."""
    places = max(map(int, re.findall(r"\?(\d+)", sql)), default=sql.count("?"))
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("",) * places)
    return [str(row[3]) for row in rows if re.match(r"SCAN (?!\(|CONSTANT)", str(row[3]))]


async def test_no_statement_of_the_hot_path_scans(path: Path):
    async with opened(SqliteLedger(path)):
        connection = apsw.Connection(str(path))
        assert len(ledger_queries.HOT) > 25
        for name, sql in ledger_queries.HOT.items():
            # These walk an index in its order and stop at their limit.
            walks = name in {"ASIDE", "NEXT_DUE", "WORK", "HEAD"}
            assert bool(scans(connection, sql)) <= walks, name
        connection.close()


async def test_the_counters_are_exact(path: Path):
    async with opened(SqliteLedger(path)) as ledger:
        before = ledger.counters.copy()
        await ledger.commit([first("a"), first("b")])
        told = ledger.counters.since(before)
        # BEGIN, inbox, execution, rows, todos, aside, log, COMMIT: whatever the size of the batch
        assert (told["statements"], told["commits"], told["entries"]) == (8, 1, 2)
        assert (told["rows.state"], told["rows.todo"], told["records"]) == (4, 4, 4)
        before = ledger.counters.copy()
        await ledger.keep_offset("reader", 3)
        await ledger.load({"a": [STEP], "b": [STEP]})
        assert ledger.counters.since(before)["statements"] == 4
        before = ledger.counters.copy()
        assert await ledger.commit([bare("a", 1, message="m", rows={STEP: b"1"})]) == set()
        assert ledger.counters.since(before)["statements"] == 6  # the offset goes with the entry
        before = ledger.counters.copy()
        assert await ledger.commit([second("a", 1), second("b")]) == {0}
        told = ledger.counters.since(before)
        assert (told["lost"], told["entries"], told["commits"]) == (1, 1, 1)


async def test_pruning_the_log_leaves_the_newest_so_that_positions_go_on(path: Path):
    async with opened(SqliteLedger(path)) as ledger:
        await ledger.commit([Entry(records=[outgoing(f"{n}") for n in range(9)], at=10)])
        assert await ledger.prune_log(4, before=10) == 0
        assert await ledger.prune_log(4, before=11) == 4
        assert [r.position for r in await ledger.log_after(0, 99)] == [5, 6, 7, 8, 9]
        assert await ledger.prune_log(99, before=11) == 4
    async with opened(SqliteLedger(path)) as ledger:
        await ledger.commit([Entry(records=[outgoing("9")])])
        assert [r.position for r in await ledger.log_after(0, 99)] == [9, 10]


# --- death --------------------------------------------------------------------------------------


async def whole(ledger: SqliteLedger, answered: list[str]) -> None:
    """Everything that was answered is there, and each commit is whole."""
    for n in answered:
        assert await revision(ledger, n) == 1
    assert len(await ledger.seen([f"message-{n}-1" for n in answered])) == len(answered)
    beyond = str(len(answered))
    assert (await load(ledger, beyond, STEP)) == (await load(ledger, f"{beyond}-twin", STEP))
    assert len(await ledger.log_after(0, 1_000_000)) % 4 == 0
    assert await ledger.offset("reader") <= len(answered)


def child(path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CHILD, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_kill_9_loses_nothing_that_was_answered(path: Path):
    process = child(path)
    assert process.stdout is not None
    answered = [process.stdout.readline().strip() for _ in range(60)]
    with pytest.raises(StoreBusyError, match=str(process.pid)) as refusal:
        await SqliteLedger(path).open()
    assert "--ledger" in refusal.value.remedy
    process.send_signal(signal.SIGKILL)
    answered += process.stdout.read().split()
    process.wait()
    async with opened(SqliteLedger(path)) as ledger:
        await whole(ledger, answered)


async def test_a_copy_of_any_moment_opens_clean(path: Path, tmp_path: Path):
    """A copy is what a snapshot of the disk would hold: database first, then its log."""
    answered: list[str] = []

    async def write(ledger: SqliteLedger) -> None:
        for n in range(1000):
            await ledger.commit([first(f"{n}"), first(f"{n}-twin")])
            answered.append(f"{n}")

    async with opened(SqliteLedger(path)) as ledger:
        writing = asyncio.ensure_future(write(ledger))
        for n in range(8):
            await asyncio.sleep(0.013 * n)
            folder = tmp_path / f"copy-{n}"
            folder.mkdir()
            safe = list(answered)
            for name in ("payment.db", "payment.db-wal"):
                shutil.copyfile(path.with_name(name), folder / name)
            async with opened(SqliteLedger(folder / "payment.db")) as copy:
                await whole(copy, safe)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    assert len(answered) > 10


async def test_what_is_answered_survives_the_loss_of_power(tmp_path: Path):
    """Only what was flushed before the answer counts; and without flushing it would not."""
    survived: dict[Flushing, int] = {"FULL": 0, "OFF": 0}
    for flushing in survived:
        folder = tmp_path / flushing
        folder.mkdir()
        with watching(folder) as disk:
            async with opened(SqliteLedger(folder / "pavane.db", flushing=flushing)) as ledger:
                for n in range(12):
                    assert await ledger.commit([first(f"{n}")]) == set()
                    copy = copied(disk.folder, folder / f"after-{n}")
                    async with opened(SqliteLedger(copy)) as after:
                        survived[flushing] += await revision(after, f"{n}") == 1
    assert survived["FULL"] == 12
    assert survived["OFF"] < 12


async def test_offsets_are_kept_at_close(path: Path):
    async with opened(SqliteLedger(path)) as ledger:
        await ledger.keep_offset("reader", 7)
    async with opened(SqliteLedger(path)) as ledger:
        assert await ledger.offset("reader") == 7


# --- schema -------------------------------------------------------------------------------------


def test_numbers_are_without_gaps():
    known = migrations("ledger")
    assert [migration.number for migration in known] == list(range(1, len(known) + 1))


async def test_an_older_ledger_is_migrated_and_a_newer_one_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with opened(SqliteLedger(path)) as ledger:
        await ledger.commit([first("a")])
        before = await dump_of(ledger, "a")
    more = Migration(9, "0009_note", "ALTER TABLE execution ADD COLUMN note TEXT")
    known = [*migrations("ledger"), more]
    monkeypatch.setattr(ledger_module, "migrations", lambda _kind: known)
    async with opened(SqliteLedger(path)) as ledger:
        assert await dump_of(ledger, "a") == before
        assert await ledger.commit([second("a")]) == set()
    monkeypatch.undo()
    with pytest.raises(StoreVersionError) as refusal:
        await SqliteLedger(path).open()
    assert "--ledger" in refusal.value.remedy


async def test_a_store_is_no_ledger_and_a_ledger_no_store(tmp_path: Path):
    store = SqliteStore(tmp_path / "store.db")
    await store.open()
    await store.close()
    async with opened(SqliteLedger(tmp_path / "ledger.db")):
        pass
    with pytest.raises(StoreError, match="holds a store"):
        await SqliteLedger(tmp_path / "store.db").open()
    with pytest.raises(StoreError, match="holds a ledger"):
        await SqliteStore(tmp_path / "ledger.db").open()
