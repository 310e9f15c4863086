"""Named points that the engine passes: where telemetry listens, and where simulations crash."""

from __future__ import annotations

from typing import Protocol


class Probe(Protocol):
    """Called synchronously; a simulation may raise from it, or kill the process."""

    def at(self, point: str) -> None:
        """The engine is at this point. The names are in `engine/points.py`."""
        ...
