"""A task of which nobody heard that it is theirs goes back to its queue, as if untouched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from pavane.core.model.fact import Returned
from pavane.core.model.work import Assignment
from pavane.errors import StoppingError

_LOG = logging.getLogger("pavane.engine")


class HandingBack:
    """Gives assignments back, one by one as they are called with; nobody waits for that."""

    def __init__(self, submit: Callable[..., asyncio.Future[Any]]) -> None:
        self._submit = submit
        self._under_way: set[asyncio.Future[Any]] = set()

    def __call__(self, given: Assignment) -> None:
        """It goes back; where that cannot be told any more, its lease ends."""
        fact = Returned(given.ref, given.attempt, given.worker, begun=False)
        with contextlib.suppress(StoppingError):
            handing = self._submit(given.execution_id, fact, stopping=True)
            self._under_way.add(handing)
            handing.add_done_callback(self._done)

    def _done(self, handing: asyncio.Future[Any]) -> None:
        self._under_way.discard(handing)
        if not handing.cancelled() and (error := handing.exception()):
            _LOG.warning("a task could not be handed back, its lease has to end: %s", error)
