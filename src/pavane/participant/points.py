"""The named points that a participant passes around each commit; simulations crash at them."""

from __future__ import annotations

from typing import Final

TAKEN: Final = "part-taken"  # messages and results are in hand, nothing is decided
DECIDED: Final = "part-decided"
COMMITTED: Final = "part-committed"  # durable; not acknowledged, not sent
ACKNOWLEDGED: Final = "part-acknowledged"  # the bus knows; attempts are not yet begun
RELAYED: Final = "part-relayed"  # sent; the relay's position is not yet kept

ALL: Final = (TAKEN, DECIDED, COMMITTED, ACKNOWLEDGED, RELAYED)


class NoProbe:
    """Nobody listens."""

    def at(self, point: str) -> None:
        """Pass."""
