"""Messages that cannot be handled now, or at all: parked, quarantined, dead; none is dropped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence

from msgspec import structs

from pavane.core.model import status as st
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.journal import AsideNote, StepNote
from pavane.core.projection import message as m
from pavane.core.projection.choreography import MADE
from pavane.core.projection.wire import Envelope, from_event
from pavane.errors import InputError, NotFoundError, StoreError
from pavane.participant import telling
from pavane.participant.handlers.lanes import PREFIX as LANES
from pavane.participant.notes import note_event
from pavane.ports.clock import Clock
from pavane.ports.ledger import Aside, AsideKind, Entry, Ledger

_LOG = logging.getLogger("pavane.participant")

PARKED_MS = 7 * 86_400_000  # a definition that nobody has registered after a week never comes
_MOST = 1_000_000
_PAUSE_S = (0.1, 5.0)
_KEPT = "; it was not given up: "


def unknown_here(role: str, envelope: Envelope) -> str:
    """Why a message of an execution of another version waits."""
    return (
        f"definition {envelope.definition} of {envelope.workflow} is unknown here; it waits for a "
        f"process of {role} that has it"
    )


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
        await self._steadily(Entry(aside=[aside], records=self._told(aside, now), at=now))

    async def again(self, id: str, reason: str) -> None:
        """It was taken back, and cannot be handled either: it stays, with the newer reason."""
        with contextlib.suppress(NotFoundError):  # somebody else has settled it
            old = await self.find(id)
            now = self._clock.now()
            aside = structs.replace(old, kind="dead", reason=reason, at=now, until=0)
            told = self._told(aside, now)
            await self._steadily(Entry(taken=[id], aside=[aside], records=told, at=now))

    async def keep(self, aside: Aside, why: str) -> None:
        """It was to be given up, and must not be: it stays, and tells why."""
        now = self._clock.now()
        reason = f"{aside.reason.partition(_KEPT)[0]}{_KEPT}{why}"
        kept = structs.replace(aside, reason=reason, at=now)
        told = [self._record(telling.stopped(self._role, kept, now), now)]
        await self._steadily(Entry(taken=[aside.id], aside=[kept], records=told, at=now))

    async def drop(self, aside: Aside, reason: str) -> bool:
        """Give it up for good, and say why; False when it was settled already."""
        now = self._clock.now()
        told = [self._record(self.left(aside, "discarded", reason), now)]
        return await self._steadily(Entry(taken=[aside.id], records=told, at=now))

    async def expire(self) -> list[Aside]:
        """Count as dead what was parked for too long; what died now."""
        now = self._clock.now()
        died: list[Aside] = []
        for each in await self._ledger.aside("parked", _MOST):
            if 0 < each.until <= now:
                reason = f"{each.reason}, and it has waited too long"
                dead = structs.replace(each, kind="dead", reason=reason, at=now, until=0)
                told = self._told(dead, now)
                if await self._steadily(Entry(taken=[each.id], aside=[dead], records=told, at=now)):
                    died.append(dead)
        return died

    async def tell_again(self, more: Sequence[Outgoing]) -> None:
        """Tell of all that is set aside, and `more`: the logs may no longer reach back so far."""
        now = self._clock.now()
        records = [
            self._record(telling.stopped(self._role, each, now), now)
            for each in await self._ledger.aside(None, _MOST)
            if not each.execution.startswith(LANES)
        ]
        if records or more:
            await self._steadily(Entry(records=[*records, *more], at=now))

    def left(self, aside: Aside, status: telling.Left, reason: str = "") -> AsideNote:
        """What is told when it waits no more."""
        now = self._clock.now()
        return telling.left(self._role, aside.id, aside.event, status, now, reason)

    def record_left(self, aside: Aside, status: telling.Left, reason: str = "") -> Outgoing:
        """The same as a record of the journal."""
        return self._record(self.left(aside, status, reason), self._clock.now())

    def _record(self, note: AsideNote, now: int) -> Outgoing:
        return note_event(self._role, note, now)

    async def _steadily(self, entry: Entry) -> bool:
        pause_s, longest_s = _PAUSE_S
        while True:
            try:
                return not await self._ledger.commit([entry])
            except StoreError as error:
                _LOG.warning("the ledger has trouble: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, longest_s)

    def _told(self, aside: Aside, now: int) -> list[Outgoing]:
        """For people: what has stopped, and that the step whose token it is does not go on."""
        attempts = 1 if aside.kind == "dead" else 0
        told = [self._record(telling.stopped(self._role, aside, now, attempts=attempts), now)]
        return told + self._step_told(aside.event, aside.kind, aside.reason, now)

    def _step_told(
        self, event: CloudEvent, kind: AsideKind, reason: str, now: int
    ) -> list[Outgoing]:
        try:
            envelope = from_event(event)
        except InputError:
            return []
        message = envelope.message
        ref = message.node.removeprefix(f"{message.scope}/") if message.scope else message.node
        if message.kind != m.TOKEN or kind == "dead" or ref == "(end)" or ref.endswith(MADE):
            return []  # what is made of a step is named for people by who knows the definition
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
