"""What a run is and what it leaves: one shape for both styles, so that they can be compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pavane.engine.views.shapes import ExecutionView
from pavane.testing.simulation.dance.definitions import Drawn
from pavane.testing.simulation.dance.script import Place, Script
from pavane.testing.simulation.outside import Outside, Seen


class Run(msgspec.Struct, frozen=True):
    """One execution of a case."""

    key: str
    drawn: Drawn
    input: dict[str, Any]
    script: Script
    at_s: float = 0.0


class Lost(NamedTuple):
    """An attempt that a process had in its hands when it died."""

    place: Place
    attempt: int


class Played(msgspec.Struct):
    """One execution after it was played. `view` is None when nothing was ever heard of it."""

    view: ExecutionView | None
    views: dict[str, ExecutionView]  # by path of the scope
    standing: frozenset[Place]
    record: list[Seen]
    notes: list[tuple[int, str]]
    lost: frozenset[Lost] = frozenset()

    @property
    def status(self) -> str:
        """Of the root."""
        return self.view.status if self.view is not None else "(unknown)"


def standing(outside: Outside, prefix: str = "") -> frozenset[Place]:
    """The effects that nobody has undone, of all whose place begins with the prefix."""
    return frozenset(
        Place(scope.removeprefix(prefix), ref)
        for scope, ref in outside.standing()
        if scope.startswith(prefix)
    )
