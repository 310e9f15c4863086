"""Use case: somebody waits for an execution to end."""

from __future__ import annotations

import asyncio

from pavane.core.model.rows import Header
from pavane.engine import act
from pavane.engine.others import LOOK_S
from pavane.engine.recent import Recent
from pavane.engine.request import unknown
from pavane.engine.waiting import Waiting
from pavane.errors import ResultTimeoutError
from pavane.ports.store import Store


class Ends:
    """Ends that this node commits are told of; for those that others commit it looks."""

    def __init__(self, store: Store, waiting: Waiting, recent: Recent) -> None:
        self._store = store
        self._waiting = waiting
        self._recent = recent
        self._is_alone = store.members is None

    async def wait(self, execution_id: str, timeout_s: float | None) -> Header:
        """As `Engine.wait`."""
        future = self._waiting.end_of(execution_id)
        try:
            if not (self._is_alone and self._recent.goes_on(execution_id)):
                header = await self._header(execution_id)
                if act.is_over(header):
                    return header
            async with asyncio.timeout(timeout_s):
                return await (
                    future if self._is_alone else self._told_or_seen(future, execution_id)
                )
        except TimeoutError:
            raise ResultTimeoutError(
                f"Execution {execution_id} has not ended within {timeout_s:g} s.",
                "It goes on; ask again later.",
            ) from None
        finally:
            self._waiting.forget(execution_id, future)

    async def _told_or_seen(self, told: asyncio.Future[Header], execution_id: str) -> Header:
        while True:
            done, _ = await asyncio.wait([told], timeout=LOOK_S)
            if done:
                return told.result()
            header = await self._header(execution_id)
            if act.is_over(header):
                return header

    async def _header(self, execution_id: str) -> Header:
        async with self._store.snapshot() as snapshot:
            header = await snapshot.header(execution_id)
        if header is None:
            raise unknown(execution_id)
        return header
