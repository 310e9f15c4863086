"""Use case: somebody waits for an execution to end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pavane.core.model.rows import Header
from pavane.engine import act
from pavane.engine.glance import Glance
from pavane.engine.recent import Recent
from pavane.engine.request import unknown
from pavane.engine.waiting import LOOK_S, Waiting
from pavane.errors import PavaneError, ResultTimeoutError
from pavane.ports.store import Store


class Ends:
    """Ends that this node commits are told of; for those that others commit it looks as well."""

    def __init__(self, store: Store, waiting: Waiting, recent: Recent) -> None:
        self._glance = Glance(store)
        self._waiting = waiting
        self._recent = recent
        self._is_alone = store.members is None
        self._looking: dict[str, asyncio.Task[None]] = {}

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

    def told(self, execution_id: str) -> None:
        """Another node says that it has ended."""
        if self._waiting.awaits(execution_id) and execution_id not in self._looking:
            looking = asyncio.get_running_loop().create_task(self._look(execution_id))
            self._looking[execution_id] = looking
            looking.add_done_callback(lambda _: self._looking.pop(execution_id, None))

    async def _look(self, execution_id: str) -> None:
        with suppress(PavaneError):  # then whoever waits looks in a while
            header = await self._header(execution_id)
            if act.is_over(header):
                self._waiting.ended(header)

    async def _told_or_seen(self, told: asyncio.Future[Header], execution_id: str) -> Header:
        while True:
            done, _ = await asyncio.wait([told], timeout=LOOK_S)
            if done:
                return told.result()
            header = await self._header(execution_id)
            if act.is_over(header):
                return header

    async def _header(self, execution_id: str) -> Header:
        header = await self._glance.header(execution_id)
        if header is None:
            raise unknown(execution_id)
        return header
