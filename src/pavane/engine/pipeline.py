"""The way of requests through batches: while one batch is made durable, the next is decided.

An execution is in at most one batch at a time: requests for one that is being committed wait, and
a decision that reaches into one waits for that commit. Batches are written one after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection

from pavane.engine import points
from pavane.engine.batch import Batch
from pavane.engine.request import Request
from pavane.engine.work_set import WorkSet
from pavane.errors import ContendedError, PavaneError, StoppingError, StoreFullError
from pavane.ports.clock import Clock
from pavane.ports.probe import Probe

_LOG = logging.getLogger("pavane.engine")

_BATCH_MAX = 512
_TRIES_MAX = 100  # of a request that keeps losing to other nodes


class Pipeline:
    """Takes requests; `act` is called with each batch that is durable and with what won in it."""

    def __init__(
        self,
        new_batch: Callable[[], Batch],
        act: Callable[[Batch, list[WorkSet]], None],
        clock: Clock,
        probe: Probe,
    ) -> None:
        self._new_batch = new_batch
        self._act = act
        self._clock = clock
        self._probe = probe
        self._queue: deque[Request] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._saving: asyncio.Task[None] | None = None
        self._saved: Collection[str] = ()  # executions in the batch that is being saved

    def add(self, request: Request) -> None:
        """Queue a request; it is answered after the commit of its batch."""
        self._queue.append(request)
        self._idle.clear()
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many requests wait for a batch."""
        return len(self._queue)

    async def idle(self) -> None:
        """Wait until nothing is queued or being saved."""
        await self._idle.wait()

    def refuse(self, error: PavaneError) -> None:
        """Answer all that is queued with an error."""
        for request in self._queue:
            request.error = error
            request.answer()
        self._queue.clear()

    async def run(self) -> None:
        """Batch after batch; cancel to stop, after `idle`."""
        try:
            while True:
                self._wake.clear()
                requests = self._take()
                if requests:
                    await self._decide(requests)
                elif not self._queue and self._saving is None:
                    self._idle.set()
                    await self._wake.wait()
                else:
                    await self._wake.wait()
                    self._check_saving()
        finally:
            if self._saving is not None:
                self._saving.cancel()

    def _take(self) -> list[Request]:
        """The next requests whose execution is not being saved, in their order."""
        taken: list[Request] = []
        left: deque[Request] = deque()
        while self._queue and len(taken) < _BATCH_MAX:
            request = self._queue.popleft()
            if request.execution_id in self._saved or (request.alone and taken):
                left.append(request)
            else:
                taken.append(request)
                if request.alone:
                    break
        left.extend(self._queue)
        self._queue = left
        return taken

    async def _decide(self, requests: list[Request]) -> None:
        now = self._clock.now()
        batch = self._new_batch()
        self._probe.at(points.BATCH_TAKEN)
        try:
            requests, later = await batch.known_keys(requests)
            for request in later:
                self.add(request)
            await batch.decide(requests, now, self._settled)
            self._probe.at(points.DECIDED)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, the loop goes on
            self._fail(batch, requests, error)
            return
        await self._settled(None)
        self._saved = batch.work.keys()
        self._saving = asyncio.get_running_loop().create_task(self._save(batch, now))

    async def _save(self, batch: Batch, now: int) -> None:
        try:
            won = await batch.commit(now)
        except Exception as error:  # noqa: BLE001 - each request gets it, the loop goes on
            self._fail(batch, batch.requests, error)
        else:
            self._try_again(batch.lost)
            self._saved = ()
            try:
                self._act(batch, won)
            except Exception:  # noqa: BLE001 - it is durable, and the loop goes on
                _LOG.exception("after a commit")
            finally:
                self._wake.set()
        self._saved = ()
        self._saving = None
        self._wake.set()

    def _check_saving(self) -> None:
        """What a simulation raises at a point ends this loop as well."""
        if self._saving is not None and self._saving.done():
            self._saving.result()

    async def _settled(self, execution_ids: Collection[str] | None) -> None:
        """Wait for the commit under way, if it is about one of these (None: in any case)."""
        saving = self._saving
        if saving is not None and (
            execution_ids is None or not self._saved_apart_from(execution_ids)
        ):
            await saving

    def _saved_apart_from(self, execution_ids: Collection[str]) -> bool:
        return all(execution_id not in self._saved for execution_id in execution_ids)

    def _fail(self, batch: Batch, requests: list[Request], error: Exception) -> None:
        """Nothing of the batch was written: each request once more alone, or its error."""
        batch.give_back_all()
        ours = isinstance(error, StoreFullError | StoppingError)
        if len(requests) > 1 and not ours:
            _LOG.warning("a batch failed, its %d requests go alone: %s", len(requests), error)
            for request in requests:
                request.alone, request.error = True, None
                self.add(request)
            return
        if not isinstance(error, PavaneError):
            _LOG.error("a request failed", exc_info=error)
        for request in requests:
            request.error = error
            request.answer()

    def _try_again(self, lost: list[Request]) -> None:
        """Requests that lost to another node are decided anew on what it wrote."""
        for request in lost:
            request.tries += 1
            if request.tries > _TRIES_MAX:
                request.error = ContendedError(
                    f"Execution {request.execution_id} kept changing under this request.",
                    "Try again.",
                )
                request.answer()
            else:
                self.add(request)
