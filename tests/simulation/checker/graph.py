"""The checker's own walk of a definition's JSON: what stands before what, and inside what."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_OF_ALL = ("undo", "optional", "permissive", "retryCount", "startDelay", "taskDefinition")
"""What such a fork says of all its branches, where they are alike."""
ITERATION = "loop:"
"""Begins the name of the branch that an iteration of a loop is: `loop:1`, `loop:2`."""


FORKS = frozenset({"FORK_JOIN", "FORK_JOIN_DYNAMIC"})


def is_loop(branch: str) -> bool:
    return branch.startswith(ITERATION)


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
        self.iteration = int(inside[1].removeprefix(ITERATION) or 0) if is_loop(inside[1]) else 0


class Graph:
    """All places of a definition by reference name."""

    def __init__(self, definition: Json) -> None:
        self.definition = definition
        self.places: dict[str, Place] = {}
        self._grown: set[tuple[str, str]] = set()
        self._read(definition.get("tasks", []), ("", ""))

    def _read(self, steps: list[Json], inside: tuple[str, str]) -> None:
        for index, step in enumerate(steps):
            place = Place(step, steps, index, inside)
            self.places[place.ref] = place
            for name, inner in branches(step):
                self._read(inner, (place.ref, name))

    def grow(self, execution: Any) -> Graph:
        """Add what only an execution tells of: the steps of iterations, and branches made late.

        In the third iteration of a loop `a` is `a__3`, in a loop inside it `a__3__1`.
        """
        for _, _, entries in execution.log:
            for entry in entries:
                if entry["kind"] == "iteration":
                    self._add(entry["ref"], entry["number"])
        for row in execution.tasks:
            if row.get("branch") and not row["ref"].startswith("undo:"):
                self._add_branch(row["ref"], json.loads(row["branch"]))
        return self

    def _add_branch(self, ref: str, made: Json) -> None:
        if "fork" not in made or ref in self.places:
            return
        fork, step = self.places[made["fork"]].step, {**made["step"], "taskReferenceName": ref}
        if made.get("alike"):
            step |= {name: fork[name] for name in _OF_ALL if name in fork}
        inside = (fork["taskReferenceName"], f"fork:{made.get('at', 0)}")
        self.places[ref] = Place(step, [step], 0, inside)

    def made(self, fork: str) -> list[str]:
        """The steps of a FORK_JOIN_DYNAMIC that have begun."""
        return [each.ref for each in self.places.values() if each.inside[0] == fork]

    def _add(self, loop: str, number: int) -> None:
        branch = f"{ITERATION}{number}"
        if loop in self.places and (loop, branch) not in self._grown:
            self._grown.add((loop, branch))
            body = [numbered(step, number) for step in self.places[loop].step["loopOver"]]
            self._read(body, (loop, branch))

    def iteration(self, loop: str, number: int) -> list[Json]:
        """The steps of an iteration."""
        inside = (loop, f"{ITERATION}{number}")
        return next(p.siblings for p in self.places.values() if p.inside == inside)

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
        if a.iteration and b.iteration and a.inside[0] == b.inside[0] and a.inside != b.inside:
            return a.iteration < b.iteration and self._waited_for(mine[depth:])
        if a.inside != b.inside or a.index >= b.index:
            return False
        return self._waited_for(mine[depth:])

    def _waited_for(self, chain: list[Place]) -> bool:
        """Whether what comes behind the first of the chain waits for the last."""
        return all(
            self._joined(around, within)
            for around, within in itertools.pairwise(chain)
            if around.type in FORKS
        )

    def _joined(self, fork: Place, within: Place) -> bool:
        """Whether the JOIN waits for a step of a branch, seen where it stands in the branch."""
        if fork.type == "FORK_JOIN_DYNAMIC":
            return True
        joined = fork.siblings[fork.index + 1].get("joinOn", [])
        behind = [step["taskReferenceName"] for step in within.siblings[within.index :]]
        plain = within.type not in ("SWITCH", "DECISION", *FORKS)
        # A JOIN on a SWITCH itself waits for the choice alone, not for what was chosen.
        return any(ref in joined for ref in (behind if plain else behind[1:]))


def numbered(step: Json, number: int) -> Json:
    """The step as it is in an iteration, with all that stands in it."""
    end = f"__{number}"
    copy = {**step, "taskReferenceName": step["taskReferenceName"] + end}
    if "joinOn" in step:
        copy["joinOn"] = [name + end for name in step["joinOn"]]
    for name in ("defaultCase", "loopOver"):
        if name in step:
            copy[name] = [numbered(inner, number) for inner in step[name]]
    if "forkTasks" in step:
        forks = step["forkTasks"]
        copy["forkTasks"] = [[numbered(inner, number) for inner in branch] for branch in forks]
    if "decisionCases" in step:
        cases = step["decisionCases"].items()
        copy["decisionCases"] = {k: [numbered(i, number) for i in inner] for k, inner in cases}
    return copy


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
