"""Moving the write-ahead log into the database without holding commits up.

A checkpoint writes and flushes megabytes. Done after a commit on the writer's connection it makes
the next batch wait: 19 to 77 ms at worst, measured. So most of it is done beside the commits, by a
thread with a connection of its own. It never catches up with a busy writer, and the log can begin
anew only when nothing is left in it: so when the log has become long and little is left, that
little is moved between two commits (6 to 12 ms at worst).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

import apsw

from pavane.adapters.sqlite.connection import Connection
from pavane.adapters.sqlite.counters import FileCounters

# In pages: as many are moved at a time beside the commits; from LONG on the log shall begin anew,
# once LITTLE or less is left; at LONGEST whatever is left is moved between two commits.
SOME = 1000
LONG = 4000
LITTLE = 500
LONGEST = 4 * LONG


class Checkpointer:
    """Watches the length of the log and decides what is moved, when and where.

    `connect` opens a connection for the thread, or is None where everything happens between
    commits, for virtual time and databases in memory. All but the thread's own work is called by
    whoever holds the writer's connection.
    """

    def __init__(
        self,
        connection: Connection,
        counters: FileCounters,
        connect: Callable[[], Connection] | None,
    ) -> None:
        self._connection = connection
        self._counters = counters
        self._connect = connect
        self._pages = 0  # in the log
        self._moved = 0  # of these, to the database
        self._moving = False
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        connection.set_wal_hook(self._note)

    def _note(self, _connection: object, _name: str, pages: int) -> int:
        """SQLite calls it after each commit with the length of the log."""
        if pages < self._pages:  # it began anew
            self._counters.wal_pages += pages
            self._moved = 0
        else:
            self._counters.wal_pages += pages - self._pages
        self._pages = pages
        return apsw.SQLITE_OK

    @property
    def _left(self) -> int:
        return self._pages - self._moved if self._moved <= self._pages else self._pages

    @property
    def due(self) -> bool:
        """Whether the rest is to be moved now, before the next commit."""
        if self._pages < LONG or self._moving:
            return False
        return self._left <= LITTLE or self._connect is None or self._pages >= LONGEST

    def move_rest(self) -> None:
        """Move what is left on the writer's connection, so that the log can begin anew."""
        self._checkpoint(self._connection)

    def move_some_beside(self) -> None:
        """Have the thread move what there is, when it is worth it and none is under way."""
        if self._connect is None or self._moving or self._left < SOME:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pavane-checkpoint", daemon=True)
            self._thread.start()
        self._moving = True
        self._calls.put(True)

    def stop(self) -> None:
        """Finish what is under way and end the thread."""
        if self._thread is not None:
            self._calls.put(False)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        assert self._connect is not None
        try:
            connection = self._connect()
        except apsw.Error:
            self._connect, self._moving = None, False  # then all is done between commits
            return
        while self._calls.get():
            self._checkpoint(connection)
            self._moving = False
        connection.close()

    def _checkpoint(self, connection: Connection) -> None:
        try:
            _, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            return  # nothing is lost: the log grows, and the next call tries again
        self._counters.checkpoints += 1
        self._moved = max(moved, 0)
