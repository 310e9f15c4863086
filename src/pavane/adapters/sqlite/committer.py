"""COMMIT in a thread of its own: the only work of the store that does not run on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

import apsw

from pavane.adapters.sqlite.checkpointer import Checkpointer
from pavane.adapters.sqlite.connection import Connection
from pavane.adapters.sqlite.counters import FileCounters

_HAND_OVER_S = 0.002  # how long the loop waits at most for the thread to begin


class Committer:
    """Ends the transaction that the store has begun, with the fsync off the event loop.

    While a commit is under way the connection belongs to the thread: `idle` must be awaited before
    it is used. Without a thread (`threaded=False`, for virtual time) a commit blocks the loop.
    """

    def __init__(
        self,
        connection: Connection,
        counters: FileCounters,
        checkpointer: Checkpointer,
        *,
        threaded: bool,
    ) -> None:
        self._connection = connection
        self._counters = counters
        self._checkpointer = checkpointer
        self._busy: asyncio.Future[None] | None = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        if threaded:
            self._thread = threading.Thread(target=self._run, name="pavane-commit", daemon=True)
            self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a commit is under way."""
        return self._busy is not None

    async def idle(self) -> None:
        """Wait until the connection is free. No await may come between this and its use."""
        while self._busy is not None:
            await asyncio.shield(self._busy)

    async def commit(self) -> None:
        """End the transaction; raises apsw.Error when it could not, and then it was rolled back.

        A caller that is cancelled meanwhile does not stop the commit.
        """
        if self._thread is None:
            error = self._end()
            if self._checkpointer.due:
                self._checkpointer.move_rest()
        else:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[apsw.Error | None] = loop.create_future()
            idle: asyncio.Future[None] = loop.create_future()
            self._busy = idle
            begun = threading.Lock()
            begun.acquire()
            self._jobs.put(lambda: self._commit(loop, begun, done, idle))
            # Waiting lets go of the interpreter lock. Without this the thread gets it, and COMMIT
            # begins, only when the loop has nothing more to do: nothing would run side by side.
            begun.acquire(timeout=_HAND_OVER_S)
            error = await asyncio.shield(done)
        if error is not None:
            raise error

    def stop(self) -> None:
        """Finish what is under way and end the thread."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        self._checkpointer.stop()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _commit(
        self,
        loop: asyncio.AbstractEventLoop,
        begun: threading.Lock,
        done: asyncio.Future[apsw.Error | None],
        idle: asyncio.Future[None],
    ) -> None:
        """In the thread: answer once the commit is safe, then see to the length of the log."""
        begun.release()
        error = self._end()
        if self._checkpointer.due:
            _tell(loop, lambda: done.set_result(error))
            self._checkpointer.move_rest()
            _tell(loop, lambda: self._free(idle))
        else:
            _tell(loop, lambda: (done.set_result(error), self._free(idle)))
            self._checkpointer.move_some_beside()

    def _free(self, idle: asyncio.Future[None]) -> None:
        self._busy = None
        idle.set_result(None)

    def _end(self) -> apsw.Error | None:
        self._counters.statements += 1
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return error
        self._counters.commits += 1
        return None


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(callback)
