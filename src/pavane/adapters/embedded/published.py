"""Which events stand in the logs of a folder, counted for people."""

from __future__ import annotations

from pathlib import Path

import apsw

from pavane.adapters.embedded.folder import SUFFIX, Folder
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import connect, tune_reader
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import INNER, Published


def published_in(folder: Folder) -> list[Published]:
    """Of each log, type and source. ConnectionFailedError where a log cannot be read.

    It has connections of its own, so that another thread may call it.
    """
    paths = sorted(folder.path.glob(f"*{SUFFIX}"))
    return [found for path in paths for found in _published(path)]


def _published(path: Path) -> list[Published]:
    try:
        connection = connect(str(path), read_only=True)
        try:
            tune_reader(connection)
            if len(connection.execute(q.TABLES).fetchall()) < 2:
                return []  # it is being made
            rows = connection.execute(q.PUBLISHED, (INNER,)).fetchall()
            return [Published(*row) for row in rows]
        finally:
            connection.close()
    except apsw.CantOpenError:
        if not path.exists():
            return []  # its process has tidied up meanwhile
        raise _unreadable(path, "it cannot be opened") from None
    except apsw.Error as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> ConnectionFailedError:
    return ConnectionFailedError(
        f"The log {path.name} of the bus cannot be read: {why}.",
        "See that this user may read the folder, and ask again.",
    )
