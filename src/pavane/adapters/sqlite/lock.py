"""One server process per database file: a lock that the system lets go of at death, and a lease.

The lock is an flock on `<database>.lock`. A process that is stopped, not dead, keeps its flock; so
where the holder has a lease it touches the file while it lives, and one that has not done so for
the length of its lease may be put out: another process puts a new file in the place of the old one.
It does so inside a write transaction of the database, and whoever writes looks inside each of its
own whether the file at that place is still the one it locked. SQLite lets one of them write at a
time, so nothing of the former holder is committed any more, whenever it wakes up and whatever the
clocks say: who waits counts the silence by its own clock, and compares no time with anybody's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from pavane.errors import StoreBusyError, StoreError, StoreFullError

_LOOKS: Final = (
    3  # how often the holder must be found silent, however long one look is behind another
)


class ServerLock:
    """Held by the open file, not by the process, so that opening a store twice in one process is

    refused too, and `kill -9` frees it. The file stays behind; only the lock on it means anything.
    `lease_s` 0: this holder is never put out. What counts for who waits is the holder's.
    """

    def __init__(self, database: Path, option: str = "--store", lease_s: float = 0.0) -> None:
        self.lease_s = lease_s
        self._database = database
        self._option = option
        self._path = database.with_name(database.name + ".lock")
        self._file: int | None = None
        self._number = 0  # of the file that is held
        self._sign: tuple[int, int] = (0, 0)  # of life, as it was last seen of another holder
        self._seen_s = 0.0
        self._silent_s = 0.0

    def take(self) -> None:
        """Take the lock, or raise StoreBusyError naming who holds it; StoreError if it cannot."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder, _ = _read(file)
            os.close(file)
            raise self._busy(holder) from error
        except OSError as error:
            os.close(file)
            raise self._unusable(error) from error
        self._keep(file)
        if not self.holds():  # the file was replaced between opening and locking it
            self.release()
            raise self._busy("")

    def _keep(self, file: int) -> None:
        with contextlib.suppress(OSError):  # a full disk: only a name for messages is missing
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n{self.lease_s:g}\n".encode(), 0)
        self._file = file
        self._number = os.fstat(file).st_ino

    # --- the lease ------------------------------------------------------------------------------

    def holds(self) -> bool:
        """Whether nobody else has the place. Certain only inside a write transaction."""
        try:
            return self._file is not None and os.stat(self._path).st_ino == self._number
        except OSError:
            return False

    def beat(self) -> None:
        """Show that this process lives."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.utime(self._file)

    def may_be_replaced(self, now_s: float) -> bool:
        """Whether the holder has been silent for its lease, looked at again and again.

        `now_s` grows steadily; only its differences count. Whoever was stopped himself between two
        looks has seen little of the silence, so no look counts for more than a part of the lease.
        """
        try:
            sign, lease_s = self._look()
        except OSError:
            return False
        if sign != self._sign or lease_s <= 0:
            self._sign, self._silent_s = sign, 0.0
        else:
            self._silent_s += min(now_s - self._seen_s, lease_s / _LOOKS)
        self._seen_s = now_s
        return lease_s > 0 and self._silent_s >= lease_s * 0.999

    def _look(self) -> tuple[tuple[int, int], float]:
        file = os.open(self._path, os.O_RDONLY)
        try:
            found = os.fstat(file)
            _, lease_s = _read(file)
        finally:
            os.close(file)
        return (found.st_ino, found.st_mtime_ns), lease_s

    def replace(self) -> None:
        """Put the silent holder out. Call it inside a write transaction of the database.

        StoreBusyError when there is a sign of life after all.
        """
        try:
            sign, _ = self._look()
            if sign != self._sign:
                raise self._busy("")
            new = self._path.with_name(self._path.name + "-new")
            new.unlink(missing_ok=True)
            file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._keep(file)
                new.rename(self._path)
            except BaseException:
                self._file = None
                os.close(file)
                raise
        except OSError as error:
            raise self._unusable(error) from error

    # --- words ----------------------------------------------------------------------------------

    def _busy(self, holder: str) -> StoreBusyError:
        return StoreBusyError(
            f"The database {self._database} is in use by another server"
            + (f" (process {holder})." if holder else "."),
            f"Stop that server, or give this one another {self._option}; a SQLite "
            f"{self._option[2:]} serves one.",
        )

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


def _read(file: int) -> tuple[str, float]:
    """Who holds it, and the length of the lease in seconds; 0 where there is none."""
    holder, _, rest = os.pread(file, 64, 0).decode(errors="replace").partition("\n")
    try:
        return holder.strip(), float(rest.strip() or 0)
    except ValueError:
        return holder.strip(), 0.0
