"""What a store in a file outlives: loss of power, death, a full disk, others, damage."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from pavane.adapters.sqlite.store import SqliteStore
from pavane.errors import PavaneError, StoreBusyError, StoreError
from pavane.ports.store import Search
from pavane.testing.contracts.store.harness import (
    dump,
    each,
    finish,
    header,
    one,
    opened,
    revision,
    start,
)

pytestmark = pytest.mark.anyio

SYSTEM = apsw.vfs_names()[0]  # the file system that SQLite uses unless told otherwise

CHILD = """
import asyncio, resource, signal, sys
from pavane.adapters.sqlite.store import SqliteStore
from pavane.errors import StoreFullError
from pavane.testing.contracts.store.harness import each, one, start

async def main():
    store = SqliteStore(sys.argv[2])
    await store.open()
    await globals()[sys.argv[1]](store)

async def hold(store):
    print("open", flush=True)
    await asyncio.sleep(60)

async def count(store):
    for n in range(100_000):
        await store.commit([*one(start(f"{n}"), start(f"{n}-child"))])
        print(n, flush=True)

async def fill(store):
    limit = 600_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    done = 0
    try:
        while True:
            await store.commit(each([start(f"{done}-{n}") for n in range(20)]))
            done += 1
    except StoreFullError as error:
        print(done, error, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.commit(each([start(f"{done}-{n}") for n in range(20)]))
    print("went on", flush=True)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pavane.db"


def child(job: str, path: Path) -> "subprocess.Popen[str]":
    """A process of its own that does a job on the store, line by line."""
    command = [sys.executable, "-c", CHILD, job, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# --- power and death ----------------------------------------------------------------------------


class Watched(apsw.VFS):
    """A file system that keeps, of each file, what would be there after a loss of power."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken = False  # flushing fails
        super().__init__("watched", SYSTEM)

    def xOpen(  # noqa: N802  apsw's name
        self, name: "apsw.URIFilename | str | None", flags: list[int]
    ) -> "WatchedFile":
        return WatchedFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802  apsw's name
        super().xDelete(filename, syncdir)
        if Path(filename).parent == self.folder.parent:
            (self.folder / Path(filename).name).unlink(missing_ok=True)


class WatchedFile(apsw.VFSFile):
    def __init__(
        self, watched: Watched, name: "apsw.URIFilename | str | None", flags: list[int]
    ) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.path = Path(path) if path else None
        self.watched, self.folder = watched, watched.folder
        super().__init__(SYSTEM, name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802  apsw's name
        if self.watched.broken:
            error = apsw.IOError("the disk does not answer")
            vars(error).update(extendedresult=apsw.SQLITE_IOERR_FSYNC)
            raise error
        super().xSync(flags)
        if self.path is not None and self.path.parent == self.folder.parent:
            shutil.copyfile(self.path, self.folder / self.path.name)


async def test_what_is_answered_survives_the_loss_of_power(tmp_path: Path):
    """Only what was flushed before the answer counts, not what the page cache still holds."""
    assert await commits_that_survive(tmp_path, durable=True) == 30


async def test_and_without_flushing_it_would_not(tmp_path: Path):
    assert await commits_that_survive(tmp_path, durable=False) < 30


async def commits_that_survive(folder: Path, *, durable: bool) -> int:
    """How many of thirty commits would be there, were the power lost right after each."""
    survived = 0
    with watching(folder) as disk:
        async with opened(SqliteStore(folder / "pavane.db", durable=durable)) as store:
            for n in range(30):
                assert await store.commit(each([start(f"{n}-{m}") for m in range(20)])) == set()
                async with opened(SqliteStore(copied(disk.folder, folder / f"after-{n}"))) as after:
                    survived += await dump(after) == await dump(store)
    return survived


@contextmanager
def watching(folder: Path) -> Generator[Watched]:
    """Every file in the folder is watched; what would survive is in its folder `safe`."""
    safe = folder / "safe"
    safe.mkdir()
    watched = Watched(safe)
    apsw.set_default_vfs("watched")
    try:
        yield watched
    finally:
        apsw.set_default_vfs(SYSTEM)
        watched.unregister()


async def test_after_a_flush_that_failed_nothing_is_answered(tmp_path: Path):
    """What the disk holds then is unknown: only opening the database again can tell."""
    with watching(tmp_path) as disk:
        store = SqliteStore(tmp_path / "pavane.db")
        await store.open()
        await store.commit(one(start("a")))
        disk.broken = True
        with pytest.raises(StoreError, match="does not answer") as failure:
            await store.commit(one(finish("a")))
        assert type(failure.value) is StoreError
        disk.broken = False
        with pytest.raises(StoreError):
            await store.commit(one(finish("a")))
        with pytest.raises(StoreError):
            await store.load({"a": set()})
        async with opened(store.crash()) as reborn:
            found = await revision(reborn, "a")
            assert found in {1, 2}
            assert await reborn.commit(one(finish("a", found + 1))) == set()


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to / "pavane.db"


async def test_kill_9_loses_nothing_that_was_answered(path: Path):
    for n in range(3):
        path = path.with_name(f"pavane-{n}.db")
        process = child("count", path)
        answered = [line(process) for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        answered += (process.stdout.read() if process.stdout else "").split()
        process.wait()
        async with opened(SqliteStore(path)) as store:
            for n in answered:
                assert await revision(store, n) == 1
                assert await revision(store, f"{n}-child") == 1
            beyond = str(len(answered))
            assert await revision(store, beyond) == await revision(store, f"{beyond}-child")


async def test_a_disk_that_is_really_full(path: Path):
    process = child("fill", path)
    said = line(process)
    assert line(process) == "went on"
    assert process.wait() == 0
    batches = int(said.split()[0])
    assert batches > 2
    assert "no room" in said
    async with opened(SqliteStore(path)) as store, store.snapshot() as view:
        assert len(await view.search(Search(limit=10_000))) == (batches + 1) * 20


# --- other processes ----------------------------------------------------------------------------


async def test_another_process_is_refused_by_name_and_kill_9_frees_the_store(path: Path):
    process = child("hold", path)
    assert line(process) == "open"
    with pytest.raises(StoreBusyError) as refusal:
        await SqliteStore(path).open()
    assert str(path) in refusal.value.message
    assert str(process.pid) in refusal.value.message
    process.kill()
    process.wait()
    async with opened(SqliteStore(path)) as store:
        assert await store.commit(one(start("a"))) == set()


async def test_the_lock_is_not_fooled_by_another_name(path: Path):
    alias = path.with_name("alias.db")
    async with opened(SqliteStore(path)):
        alias.symlink_to(path)
        with pytest.raises(StoreBusyError):
            await SqliteStore(alias).open()


async def test_reading_beside_a_server(path: Path):
    async with opened(SqliteStore(path)) as server:
        await server.put_definition("h", b"{}", 1)
        await server.commit(one(start("a")))
        async with opened(SqliteStore(path, read_only=True)) as reader:
            async with reader.snapshot() as view:
                assert await server.commit(one(finish("a"))) == set()
                assert await view.header("a") == header("a")
            async with reader.snapshot() as view:
                assert await view.header("a") == finish("a").header
                assert await view.counts() == {("fulfil_order", "COMPLETED"): 1}
            assert await reader.definition("h") == b"{}"
            for write in (reader.commit(one(start("b"))), reader.put_definition("x", b"", 1)):
                with pytest.raises(StoreError) as refusal:
                    await write
                assert refusal.value.remedy
        assert await revision(server, "b") == 0


async def test_reading_where_no_server_runs(path: Path):
    async with opened(SqliteStore(path)) as server:
        await server.commit(one(start("a")))
    async with opened(SqliteStore(path, read_only=True)) as reader, reader.snapshot() as view:
        assert await view.header("a") == header("a")


# --- damage -------------------------------------------------------------------------------------


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all " * 1000)


def damaged(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [garbage, damaged, folder])
@pytest.mark.parametrize("read_only", [False, True])
async def test_a_file_that_cannot_be_used(
    path: Path, spoil: Callable[[Path], None], *, read_only: bool
):
    if spoil is damaged:
        async with opened(SqliteStore(path)):
            pass
    spoil(path)
    with pytest.raises(PavaneError) as refusal:
        await SqliteStore(path, read_only=read_only).open()
    assert type(refusal.value) is StoreError
    assert str(path) in refusal.value.message
    assert refusal.value.remedy
    assert isinstance(refusal.value.__cause__, apsw.Error)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_folder_that_is_not_there(tmp_path: Path, *, read_only: bool):
    with pytest.raises(StoreError, match="folder does not exist") as refusal:
        await SqliteStore(tmp_path / "nowhere" / "pavane.db", read_only=read_only).open()
    assert refusal.value.remedy


async def test_a_store_that_failed_to_open_leaves_no_lock(path: Path):
    garbage(path)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            await SqliteStore(path).open()
