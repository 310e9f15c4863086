"""One server process per database file: a lock that the operating system lets go of at death."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from pavane.errors import StoreBusyError, StoreError, StoreFullError


class ServerLock:
    """An flock on `<database>.lock`. The file stays behind; only the lock on it means anything.

    It is held by the open file, not by the process, so that opening a store twice in one process is
    refused too, and `kill -9` frees it.
    """

    def __init__(self, database: Path, option: str = "--store") -> None:
        self._database = database
        self._option = option
        self._path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock, or raise StoreBusyError naming who holds it; StoreError if it cannot."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 32).decode(errors="replace").strip()
            os.close(file)
            raise StoreBusyError(
                f"The database {self._database} is in use by another server"
                + (f" (process {holder})." if holder else "."),
                f"Stop that server, or give this one another {self._option}; a SQLite "
                f"{self._option[2:]} serves one.",
            ) from error
        except OSError as error:
            os.close(file)
            raise self._unusable(error) from error
        with contextlib.suppress(OSError):  # a full disk: only a name for messages is missing
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def _unusable(self, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFullError(
                f"There is no room left for the database {self._database} ({error.strerror}).",
                "Make room on its disk, then start the server again.",
            )
        return StoreError(
            f"The database {self._database} cannot be locked ({self._path.name}: "
            f"{error.strerror}).",
            "Check that its folder may be written to and that its disk can lock files.",
        )

    def release(self) -> None:
        """Let go; fine when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
