"""What is asked of a participant itself, on the topic of its role: by people, or by other homes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pavane.core.model.event import CloudEvent
from pavane.errors import StoreError
from pavane.participant.forgetting import Forgetting, read_forgotten
from pavane.participant.settling import read_settle
from pavane.participant.taking_back import TakingBack

_LOG = logging.getLogger("pavane.participant")

_PAUSE_S = 1.0  # after trouble with the ledger

Deed = Callable[[], Awaitable[None]]


class Orders:
    """Reads them; what they ask for is done when it is durable."""

    def __init__(self, taking_back: TakingBack, forgetting: Forgetting) -> None:
        self._taking_back = taking_back
        self._forgetting = forgetting

    def read(self, event: CloudEvent) -> Deed | None:
        """What the event asks for; None: it is a message between roles."""
        settle = read_settle(event)
        if settle is not None:
            return lambda: self._taking_back.settle(settle)
        forgotten = read_forgotten(event)
        if forgotten is not None:
            return lambda: self._forget(forgotten)
        return None

    async def _forget(self, ids: list[str]) -> None:
        while True:
            try:
                return await self._forgetting.hear(ids)
            except StoreError as error:
                _LOG.warning("the ledger has trouble: %s", error)
                await asyncio.sleep(_PAUSE_S)
