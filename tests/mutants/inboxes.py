"""Ledgers that do not know what was handled, and are right otherwise."""

from msgspec.structs import replace

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.ports.ledger import Entry


class NoInbox(MemoryLedger):
    """2, fenced: handles a message as often as it comes."""

    def _wins(self, entry: Entry) -> bool:
        return super()._wins(replace(entry, message="", others=[]))


class LooksAtOne(MemoryLedger):
    """2, fenced: an entry is known by its first message."""

    def _wins(self, entry: Entry) -> bool:
        return super()._wins(replace(entry, others=[]))


class ForgetsInbox(MemoryLedger):
    """3, durable: keeps the ids of messages in the process."""

    def crash(self) -> MemoryLedger:
        self._rows.inbox.clear()
        return super().crash()
