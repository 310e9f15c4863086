"""Results that are ready together share a commit."""

from __future__ import annotations

import asyncio

from pavane.ports.results import Result, Results


class Recorder:
    """Writes results in batches: what comes while one is written goes into the next."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._waiting: list[tuple[Result, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, result: Result) -> None:
        """Returns when it is durable; StoreError when it could not be."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._waiting.append((result, written))
        if self._writing is None:
            self._writing = loop.create_task(self._write())
        await written

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._results.record([result for result, _ in batch])
                except Exception as error:  # noqa: BLE001  # handed to those who wait
                    for _, written in batch:
                        if not written.done():
                            written.set_exception(error)
                else:
                    for _, written in batch:
                        if not written.done():
                            written.set_result(None)
        finally:
            self._writing = None
