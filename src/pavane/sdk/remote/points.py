"""The named points that a worker passes around each report; campaigns crash at them."""

from __future__ import annotations

from typing import Final

REPORTING: Final = "worker-reporting"  # results are in hand, nothing is sent
REPORTED: Final = "worker-reported"  # the server has them, nobody here knows yet

ALL: Final = (REPORTING, REPORTED)


class NoProbe:
    """Nobody listens."""

    def at(self, point: str) -> None:
        """Pass."""
