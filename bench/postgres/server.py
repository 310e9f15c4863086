"""The PostgreSQL server of a measurement: one that is durable, and what it used meanwhile."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from dev.services.processes import me
from dev.services.scopes import Scope, sweep

DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


@contextmanager
def served() -> Iterator[str]:
    """The URL of a server of our own on this machine, which writes as one in production does."""
    owner = me()
    scope = Scope(f"bench-{owner.pid}-{owner.born}")
    sweep(scope.root)
    scope.own(owner)
    try:
        yield scope.ensure("postgres", environment={}).url
    finally:
        scope.down()


@asynccontextmanager
async def fresh_database(url: str) -> AsyncGenerator[str]:
    """The URL of a new database on the server, which is gone afterwards. RuntimeError: not durable.

    All that was written before is on the disk when it begins, so that no side pays for another.
    """
    name = f"bench_{secrets.token_hex(4)}"
    connection: Any = await asyncpg.connect(url)
    try:
        for setting in DURABLE:
            value = await connection.fetchval(f"SHOW {setting}")
            if value != "on":
                raise RuntimeError(f"{setting} is {value!r}: this server does not keep what it has")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.execute("CHECKPOINT")
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()


class Meter:
    """What a server on this machine has used since the last `begin`.

    Its CPU is that of all its processes, also of those that have ended meanwhile. Transactions are
    those that wrote; bytes are those of its write-ahead log.
    """

    def __init__(self, connection: Any, postmaster: int) -> None:
        self._connection = connection
        self._postmaster = postmaster
        self._before = (0.0, 0, 0)

    @classmethod
    async def on(cls, url: str) -> Self:
        """A meter with a connection of its own."""
        connection: Any = await asyncpg.connect(url)
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        return cls(connection, _parent(backend))

    async def begin(self) -> None:
        """From here on."""
        self._before = await self._now()

    async def told(self, workflows: int) -> dict[str, float]:
        """Of each workflow, since `begin`."""
        pairs = zip(await self._now(), self._before, strict=True)
        cpu_s, wal_bytes, transactions = ((now - then) / workflows for now, then in pairs)
        return {
            "server_cpu_us_per_workflow": cpu_s * 1e6,
            "wal_bytes_per_workflow": wal_bytes,
            "transactions_per_workflow": transactions,
        }

    async def close(self) -> None:
        """Measure no more."""
        await self._connection.close()

    async def _now(self) -> tuple[float, int, int]:
        row = await self._connection.fetchrow(
            "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint,"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        )
        return self.cpu_s(), row[0], row[1]

    def cpu_s(self) -> float:
        """Seconds of CPU since the server began."""
        own, ended = _times(self._postmaster)
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text()
        return own + ended + sum(_times(int(child))[0] for child in children.split())


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _times(pid: int) -> tuple[float, float]:
    """Seconds of CPU of a process, and of its children that have ended."""
    try:
        times = [int(each) * _TICK_S for each in _stat(pid)[11:15]]
    except FileNotFoundError:
        return 0.0, 0.0
    return times[0] + times[1], times[2] + times[3]
