"""Handlers that both styles share: scripted by step and attempt, not by an execution's id."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from pavane.core.model.work import Assignment
from pavane.testing.simulation.dance.script import Place, Script
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.scripts import Mood, Scripts, Turn
from pavane.testing.simulation.workers import Hands


class StageHands(Hands):
    """Knows a step by the path of its scope; `place` gives it for an assignment."""

    def __init__(
        self, outside: Outside, script: Script, place: Callable[[Assignment], str]
    ) -> None:
        super().__init__(outside, Scripts(0, Mood()))
        self._script = script
        self._place = place

    def known(self, given: Assignment) -> Assignment:
        """With the path instead of the id."""
        return structs.replace(given, execution_id=self._place(given))

    def turn(self, known: Assignment, number: int) -> Turn:
        """By the attempt: a call that a crash has cut off is made again as it was."""
        del number
        return self._script.turn(Place(known.execution_id, known.ref), known.attempt)
