"""How much of a log may go: what every group that reads it has done."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import apsw

from pavane.adapters.embedded.folder import SUFFIX, Folder
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import connect, tune_reader
from pavane.adapters.sqlite.ledger import SqliteLedger

_ALL = 1 << 62
_MS = 1_000_000


def _seen(path: Path) -> int:
    """When a process last had this file (ms): it writes there, and touches its lock."""
    seen = 0
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + ".lock")):
        with contextlib.suppress(FileNotFoundError):
            seen = max(seen, os.stat(each).st_mtime_ns // _MS)
    return seen


async def prune_log(
    folder: Folder, ledger: SqliteLedger, before: int, *, unseen_ms: int = 0
) -> int:
    """Forget records from before a time (ms) that no known group needs; how many went.

    A group is known from its first subscription on, whether a process of it lives or not, until it
    has not been seen for `unseen_ms` (0: for ever). To forget a group sooner, remove its file.
    StoreError when one cannot be read: then nothing goes.
    """
    log = await ledger.log_id()
    return await ledger.prune_log(done_by_all(folder, ledger, log, unseen_ms), before)


def done_by_all(folder: Folder, ledger: SqliteLedger, log: str, unseen_ms: int = 0) -> int:
    """Up to here every known group has done what it gets from this log."""
    paths = [*folder.path.glob(f"*{SUFFIX}"), *folder.groups.glob(f"*{SUFFIX}")]
    done = _ALL
    for path in paths:
        if unseen_ms and path != ledger.path and _seen(path) < time.time_ns() // _MS - unseen_ms:
            continue
        try:
            connection = connect(str(path), read_only=True)
            try:
                tune_reader(connection)
                if len(connection.execute(q.TABLES).fetchall()) == 2:
                    found = connection.execute(q.OFFSETS).fetchall()
                    ours = [place for name, place in found if name.endswith(f" {log}")]
                    done = min(done, *ours, _ALL)
            finally:
                connection.close()
        except apsw.Error as error:
            raise ledger.ours(error) from error
    return done
