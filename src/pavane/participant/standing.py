"""What a service tells of itself when it begins: which events it takes, and what is set aside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from pavane.core.model.event import Outgoing
from pavane.core.model.journal import ListensNote
from pavane.errors import LeaseLostError
from pavane.participant.notes import note_event
from pavane.participant.set_aside import SetAside
from pavane.ports.clock import Clock
from pavane.ports.ledger import Aside, Ledger

_LOG = logging.getLogger("pavane.participant")

_TOLD = "listens"  # kept in the ledger: not 0 once the service has told that it listens
_EXPIRY_S = 3600.0  # what is parked for a week need not die on the second


class Standing:
    """Tells it into the log of the service; `wake` is called when there is something to send."""

    def __init__(
        self,
        service: str,
        ledger: Ledger,
        aside: SetAside,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._aside = aside
        self._clock = clock
        self._wake = wake

    async def tell(self, listening: Mapping[str, list[str]], more: Sequence[Outgoing] = ()) -> None:
        """Tell of all that is set aside, of `more`, and of who takes which events.

        That nobody takes any is told where somebody did before; else it would be a commit for
        nothing.
        """
        now, records = self._clock.now(), list(more)
        if listening or await self._ledger.offset(_TOLD):
            note = ListensNote(self._service, list(listening), dict(listening), now)
            records.append(note_event(self._service, note, now))
            await self._ledger.keep_offset(_TOLD, 1)
        await self._aside.tell_again(records)
        self._wake()

    async def expire(self, died: Callable[[Aside], None]) -> None:
        """For ever: now and then, see whether something was parked for too long."""
        while True:
            for dead in await self._aside.expire():
                self._wake()
                died(dead)
            await asyncio.sleep(_EXPIRY_S)


def told_if_broken(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin a part of a participant; should it break down, that is said aloud."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_tell)
    return task


def _tell(task: asyncio.Task[None]) -> None:
    if task.cancelled() or (error := task.exception()) is None:
        return
    if not isinstance(error, LeaseLostError):  # told by whoever stands by from then on
        _LOG.critical("a part of the participant has broken down", exc_info=error)
