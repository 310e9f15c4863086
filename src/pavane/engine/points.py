"""The named points that the engine passes around each commit; simulations crash at them."""

from __future__ import annotations

from typing import Final

BATCH_TAKEN: Final = "batch-taken"
ROWS_LOADED: Final = "rows-loaded"
DECIDED: Final = "decided"
COMMITTED: Final = "committed"  # durable, nobody has been told yet
TOLD: Final = "told"  # callers are answered, workers not yet started
ACTED: Final = "acted"

ALL: Final = (BATCH_TAKEN, ROWS_LOADED, DECIDED, COMMITTED, TOLD, ACTED)


class NoProbe:
    """Nobody listens."""

    def at(self, point: str) -> None:
        """Pass."""
