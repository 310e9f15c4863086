"""Messages that cannot be handled now, or at all: parked, quarantined, dead; none is dropped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from pavane.core.model import status as st
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.journal import StepNote
from pavane.core.projection import message as m
from pavane.core.projection.wire import from_event
from pavane.errors import InputError, NotFoundError, StoreError
from pavane.participant.notes import note_event
from pavane.ports.clock import Clock
from pavane.ports.ledger import Aside, AsideKind, Entry, Ledger

_LOG = logging.getLogger("pavane.participant")

PARKED_MS = 7 * 86_400_000  # a definition that nobody has registered after a week never comes
_MOST = 1000
_PAUSE_S = (0.1, 5.0)


class SetAside:
    """What a participant has put aside in its ledger, and takes back."""

    def __init__(self, role: str, ledger: Ledger, clock: Clock) -> None:
        self._role = role
        self._ledger = ledger
        self._clock = clock

    async def put(self, event: CloudEvent, kind: AsideKind, reason: str) -> None:
        """Keep a message with its bytes and the reason, durably, however long the ledger takes."""
        now = self._clock.now()
        aside = Aside(
            id=event.id,
            kind=kind,
            execution=event.attributes.get("procinstance", ""),
            reason=reason,
            event=event,
            at=now,
            until=now + PARKED_MS if kind == "parked" else 0,
        )
        _LOG.warning("%s: a message is %s: %s (%s)", self._role, kind, reason, event.id)
        entry = Entry(aside=[aside], records=self._told(event, kind, reason, now), at=now)
        pause_s, longest_s = _PAUSE_S
        while True:
            try:
                await self._ledger.commit([entry])
                return
            except StoreError as error:
                _LOG.warning("the ledger has trouble: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, longest_s)

    def _told(self, event: CloudEvent, kind: AsideKind, reason: str, now: int) -> list[Outgoing]:
        """For people: the step whose token it is does not go on, and why."""
        try:
            envelope = from_event(event)
        except InputError:
            return []
        message = envelope.message
        ref = message.node.removeprefix(f"{message.scope}/") if message.scope else message.node
        if message.kind != m.TOKEN or kind == "dead" or ref == "(end)":
            return []
        note = StepNote(
            execution=envelope.execution,
            scope=message.scope,
            generation=message.generation,
            ref=ref,
            at=message.at,
            attempt=0,
            type="SIMPLE",
            task=ref,
            status=st.SCHEDULED,
            service=self._role,
            holds=f"its token is {kind}: {reason}",
            time=now,
        )
        return [note_event(self._role, note, now)]

    async def parked(self, known: Collection[str]) -> list[Aside]:
        """What was parked for want of a definition that is known now."""
        found = await self._ledger.aside("parked", _MOST)
        return [each for each in found if each.event.attributes.get("procversion") in known]

    async def ids(self) -> set[str]:
        """All that is set aside now."""
        return {each.id for each in await self._ledger.aside(None, _MOST)}

    async def find(self, id: str) -> Aside:
        """A message that was set aside. NotFoundError."""
        for each in await self._ledger.aside(None, _MOST):
            if each.id == id:
                return each
        raise NotFoundError(f"{self._role} has set no message {id!r} aside.", "List what it has.")
