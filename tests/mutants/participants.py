"""Participants that are wrong in the known ways, each a subclass that changes one thing."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import structs

from pavane.core.projection import rows as r
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.local import Attempted, Rang
from pavane.core.projection.message import Message
from pavane.participant.participant import Participant
from pavane.participant.relay import OFFSET, Relay, stamped
from pavane.participant.roles.batches import Batches
from pavane.ports.bus import Delivery
from pavane.ports.ledger import Entry


class EarlyAcknowledge(Participant):
    """Says that a message is done before anything is committed."""

    def _hear(self, delivery: Delivery, *more: Any, **named: Any) -> None:
        if delivery.topic:
            asyncio.ensure_future(self._done([delivery])).add_done_callback(
                lambda _: Participant._hear(self, Delivery("", delivery.event), *more, **named)
            )
        else:
            super()._hear(delivery, *more, **named)


class _Forgetful(Relay):
    async def _copy(self, position: int) -> int:
        while records := await self._ledger.log_after(position, 500):
            position = records[-1].position
            await self._ledger.keep_offset(OFFSET, position)
            await self._ledger.commit([Entry(message=f"keep {position}", at=0)])
            await asyncio.sleep(0.5)  # the process may die here
            await self._bus.publish([stamped(record) for record in records])
        return position


class RecordLostOnCrash(Participant):
    """Remembers that a record was sent before it sends it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.relay = _Forgetful(self.ledger, self._bus, self._probe)


class DeadLetterIgnored(Participant):
    """Puts a dead token aside and leaves it at that."""

    def _declare_dead(self, execution: str, definition: str, message: Message) -> None:
        del execution, definition, message


class LostIgnored(Participant):
    """Does not look at what the last process had in its hands."""

    async def _take_up(self) -> None:
        return


class Unfenced(Batches):
    """Takes an entry that lost for one that won."""

    async def _commit(self, entries: Any) -> set[int]:
        await super()._commit(entries)
        return set()


class VersionNotChecked(Participant):
    """Never notices that somebody else has written meanwhile."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._batches.__class__ = Unfenced


class AttemptNotFenced(Dancer):
    """Takes a late result of an earlier attempt for that of the present one."""

    def on_attempted(self, event: Attempted) -> None:
        row = self.step_row(self.node(event.node), event.at)
        if row is not None and row.status in (r.RUNNING, r.RETRYING, r.LATE):
            event = Attempted(
                event.node,
                event.at,
                row.attempt,
                event.status,
                event.undo,
                event.output,
                event.reason,
            )
        super().on_attempted(event)


class TimerFiresTwice(Dancer):
    """Begins the next attempt at each ring, whatever the step has come to."""

    def retry_rang(self, event: Rang) -> None:
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is not None and row.status in (r.RETRYING, r.RUNNING):
            row = structs.replace(row, status=r.RUNNING, attempt=row.attempt + 1)
            self.attempt(node, at, row)
