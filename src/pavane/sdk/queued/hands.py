"""What a process has taken from the bus and not reported: attempts, with all copies."""

from __future__ import annotations

from pavane.engine.sessions import Held
from pavane.ports.bus import Delivery, Subscription

Taken = tuple[Delivery, Subscription]


class Hands:
    """Attempts in hand, each with the messages that brought it."""

    def __init__(self) -> None:
        self._held: dict[Held, list[Taken]] = {}

    def take(self, held: Held, delivery: Delivery, subscription: Subscription) -> bool:
        """A message brings an attempt. False: it is in hand already."""
        copies = self._held.setdefault(held, [])
        copies.append((delivery, subscription))
        return len(copies) == 1

    def let_go(self, held: Held) -> list[Taken]:
        """It is reported: these messages are done."""
        return self._held.pop(held, [])

    def of(self, topic: str) -> list[Held]:
        """What came on a topic."""
        return [held for held, copies in self._held.items() if copies[0][0].topic == topic]

    def service(self, held: Held) -> str:
        """Whose task it is, "" for one that is not in hand."""
        copies = self._held.get(held)
        return copies[0][0].topic.rpartition("_pavane.tasks.")[2] if copies else ""
