"""Time and chance, given from outside, so that everything runs in virtual time with a seed."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall-clock time. Waiting is done on the event loop, which virtual time replaces as well."""

    def now(self) -> int:
        """Epoch milliseconds. May step back; nothing durable depends on its being monotonic."""
        ...


class Chance(Protocol):
    """Randomness for ids. `random.Random` is one."""

    def getrandbits(self, k: int, /) -> int: ...
