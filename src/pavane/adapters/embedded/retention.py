"""How much of a log may go: what every group that reads it has done."""

from __future__ import annotations

import apsw

from pavane.adapters.embedded.folder import SUFFIX, Folder
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import connect, tune_reader
from pavane.adapters.sqlite.ledger import SqliteLedger

_ALL = 1 << 62


async def prune_log(folder: Folder, ledger: SqliteLedger, before: int) -> int:
    """Forget records from before a time (ms) that no known group needs; how many went.

    A group is known from its first subscription on, whether a process of it lives or not. To
    forget a group that never comes back, remove its file. StoreError when one cannot be read:
    then nothing goes.
    """
    log = await ledger.log_id()
    return await ledger.prune_log(done_by_all(folder, ledger, log), before)


def done_by_all(folder: Folder, ledger: SqliteLedger, log: str) -> int:
    """Up to here every known group has done what it gets from this log."""
    paths = [*folder.path.glob(f"*{SUFFIX}"), *folder.groups.glob(f"*{SUFFIX}")]
    done = _ALL
    for path in paths:
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
