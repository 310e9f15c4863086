"""One transaction for all entries that are ready while another transaction is being written."""

from __future__ import annotations

import asyncio

from pavane.ports.ledger import Entry, Ledger

_MOST = 500  # entries of one transaction


class Commits:
    """Writes entries to a ledger, in the order in which they come."""

    __slots__ = ("_ledger", "_waiting", "_writing")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[Entry, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def commit(self, entry: Entry) -> bool:
        """Write an entry; whether it won. Raises what the ledger raises: then nothing is written.

        Who is cancelled here does not know whether the entry was written.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, answer))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
        return await answer

    async def _write(self) -> None:
        batch: list[tuple[Entry, asyncio.Future[bool]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                try:
                    lost = await self._ledger.commit([entry for entry, _ in batch])
                except Exception as error:  # noqa: BLE001  # handed to whoever waits
                    for _, answer in batch:
                        if not answer.done():
                            answer.set_exception(error)
                else:
                    for index, (_, answer) in enumerate(batch):
                        if not answer.done():
                            answer.set_result(index not in lost)
        finally:
            self._writing = None
            for _, answer in (*batch, *self._waiting):
                answer.cancel()  # only those that have no answer: the writing was cancelled
            self._waiting.clear()
