"""Messages that cannot be handled now, or at all: parked, quarantined, dead; none is dropped."""

from __future__ import annotations

from collections.abc import Collection

from pavane.core.model.event import CloudEvent
from pavane.ports.clock import Clock
from pavane.ports.ledger import Aside, AsideKind, Entry, Ledger

PARKED_MS = 7 * 86_400_000  # a definition that nobody has registered after a week never comes
_MOST = 1000


class SetAside:
    """What a participant has put aside in its ledger, and takes back."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def put(self, event: CloudEvent, kind: AsideKind, reason: str) -> None:
        """Keep a message with its bytes and the reason, durably."""
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
        await self._ledger.commit([Entry(aside=[aside], at=now)])

    async def parked(self, known: Collection[str]) -> list[Aside]:
        """What was parked for want of a definition that is known now."""
        found = await self._ledger.aside("parked", _MOST)
        return [each for each in found if each.event.attributes.get("procversion") in known]
