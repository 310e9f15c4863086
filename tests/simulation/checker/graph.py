"""The checker's own walk of a definition's JSON: what stands before what, and inside what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


class Place:
    """Where a step stands: in which list, at which index, inside which step's which branch."""

    def __init__(
        self, step: Json, siblings: list[Json], index: int, inside: tuple[str, str]
    ) -> None:
        self.step = step
        self.ref: str = step["taskReferenceName"]
        self.type: str = step.get("type", "SIMPLE")
        self.siblings = siblings
        self.index = index
        self.inside = inside  # (reference of the enclosing step or "", name of the branch)


class Graph:
    """All places of a definition by reference name."""

    def __init__(self, definition: Json) -> None:
        self.definition = definition
        self.places: dict[str, Place] = {}
        self._read(definition.get("tasks", []), ("", ""))

    def _read(self, steps: list[Json], inside: tuple[str, str]) -> None:
        for index, step in enumerate(steps):
            place = Place(step, steps, index, inside)
            self.places[place.ref] = place
            for name, inner in branches(step):
                self._read(inner, (place.ref, name))

    def chain(self, ref: str) -> list[Place]:
        """The step and everything around it, outermost first."""
        found: list[Place] = []
        while ref:
            place = self.places[ref]
            found.append(place)
            ref = place.inside[0]
        return found[::-1]

    def causes(self, one: str, other: str) -> bool:
        """Whether `one`, where both ran, must be over before `other` may begin."""
        mine, theirs = self.chain(one), self.chain(other)
        depth = 0
        while mine[depth].ref == theirs[depth].ref:
            depth += 1
            if depth in (len(mine), len(theirs)):
                return False  # one stands inside the other
        a, b = mine[depth], theirs[depth]
        if a.inside != b.inside or a.index >= b.index:
            return False
        if a.type == "FORK_JOIN" and depth + 1 < len(mine):
            return self._joined(a, mine[depth + 1])
        return True

    def _joined(self, fork: Place, within: Place) -> bool:
        """Whether the JOIN waits for a step of a branch, seen where it stands in the branch."""
        joined = fork.siblings[fork.index + 1].get("joinOn", [])
        behind = [step["taskReferenceName"] for step in within.siblings[within.index :]]
        plain = within.type not in ("SWITCH", "DECISION", "FORK_JOIN", "FORK_JOIN_DYNAMIC")
        # A JOIN on a SWITCH itself waits for the choice alone, not for what was chosen.
        return any(ref in joined for ref in (behind if plain else behind[1:]))


def branches(step: Json) -> Iterator[tuple[str, list[Json]]]:
    """The lists inside a step, by name: `case:<label>`, `default`, `fork:<number>`."""
    for label, inner in step.get("decisionCases", {}).items():
        yield f"case:{label}", inner
    if step.get("defaultCase"):
        yield "default", step["defaultCase"]
    for number, inner in enumerate(step.get("forkTasks", [])):
        yield f"fork:{number}", inner
    if step.get("loopOver"):
        yield "loop", step["loopOver"]


def chosen(step: Json, label: str) -> list[Json]:
    """The list that a SWITCH begins for a label."""
    cases = step.get("decisionCases", {})
    return cases[label] if label in cases else step.get("defaultCase", [])
