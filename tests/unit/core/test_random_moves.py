"""Random runs that are moved to a random edit of their definition somewhere on their way.

Either it is refused, and nothing has changed; or the run ends as legally as any other, with all
that the new definition can undo undone. Where the edit is ahead of the run, it ends as a run of the
new definition does that was given the same results.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec

from pavane.core.check import ensure_valid
from pavane.core.decide.nodes import UNDO
from pavane.core.model import fact as facts
from pavane.core.model import status
from pavane.core.model.workflow import Workflow
from pavane.errors import ConflictError, DefinitionError
from tests.unit.core.drawn import Author, Fate
from tests.unit.core.execution import Execution
from tests.unit.core.witness import Witness

CASES = 700
_FORKS = ("FORK_JOIN", "FORK_JOIN_DYNAMIC")
_STRUCTURE = (*_FORKS, "JOIN")


class Edit:
    """A definition with one thing changed; `touched` are the steps that it is about."""

    def __init__(self, seed: int, before: Workflow) -> None:
        self.random = random.Random(f"edit {seed}")
        self.touched: set[str] = set()
        self.kind = self.random.choice(["insert", "insert", "insert", "remove", "swap", "undo"])
        body: dict[str, Any] = msgspec.to_builtins(before)
        lists = [body["tasks"], *_lists(body["tasks"])]
        ends = {id(each): each[-1]["taskReferenceName"] for each in lists if each}
        chosen = self.random.choice(lists)
        getattr(self, self.kind)(chosen)
        for each in lists:
            _wait_for_the_ends(each, ends)
        self.workflow = msgspec.convert({**body, "version": 2}, Workflow)
        ensure_valid(self.workflow)

    def insert(self, steps: list[Any]) -> None:
        at = self.random.randrange(len(steps) + 1)
        if at and steps[at - 1].get("type") in _FORKS:
            at += 1  # behind its join
        definition = {"name": "new", "retryCount": 0, "responseTimeoutSeconds": 0}
        made = {"name": "new", "taskReferenceName": "new", "taskDefinition": definition}
        if self.random.random() < 0.5:
            made["undo"] = {"name": "un-new", "taskDefinition": definition}
        steps.insert(at, {"type": "SIMPLE", **made})
        self.touched.add("new")

    def remove(self, steps: list[Any]) -> None:
        if step := self.one(steps):
            steps.remove(step)

    def swap(self, steps: list[Any]) -> None:
        plain = [i for i, step in enumerate(steps[:-1]) if self.plain(step, steps[i + 1])]
        if plain:
            i = self.random.choice(plain)
            self.touched |= {step["taskReferenceName"] for step in steps[i : i + 2]}
            steps[i], steps[i + 1] = steps[i + 1], steps[i]

    @staticmethod
    def plain(*steps: Any) -> bool:
        return not any(step.get("type", "SIMPLE") in _STRUCTURE for step in steps)

    def undo(self, steps: list[Any]) -> None:
        step = self.one([each for each in steps if each.get("type", "SIMPLE") == "SIMPLE"])
        if step is not None and step.pop("undo", None) is None:
            step["undo"] = {"name": "un-new", "taskDefinition": {"name": "un", "retryCount": 0}}

    def one(self, steps: list[Any]) -> Any:
        plain = [step for step in steps if self.plain(step)]
        if not plain:
            return None
        step = self.random.choice(plain)
        self.touched.add(step["taskReferenceName"])
        return step


def _lists(steps: list[Any]) -> list[list[Any]]:
    found: list[list[Any]] = []
    for step in steps:
        cases = step.get("decisionCases", {}).values()
        inner = [*cases, step.get("defaultCase", []), *step.get("forkTasks", [])]
        for each in [*inner, step.get("loopOver", [])]:
            found += [each, *_lists(each)] if each else []
    return found


def _wait_for_the_ends(steps: list[Any], ends: dict[int, str]) -> None:
    """A join that waited for the end of a branch waits for its new end."""
    for i, step in enumerate(steps):
        if step.get("type") != "FORK_JOIN":
            continue
        new = {ends[id(b)]: b[-1]["taskReferenceName"] for b in step["forkTasks"] if b}
        join = steps[i + 1]
        join["joinOn"] = [new.get(ref, ref) for ref in join.get("joinOn", [])]


def edit(seed: int, before: Workflow) -> Edit | None:
    try:
        made = Edit(seed, before)
    except DefinitionError:
        return None
    return made if made.touched else None


def moved_somewhere(seed: int) -> Counter[str]:
    """One random run that is moved, if it can be, and ends."""
    before = Author(seed).workflow()
    made = edit(seed, before)
    seen: Counter[str] = Counter()
    if made is None:
        return Counter({"no edit": 1})
    world = Witness()
    root = world.start(before)
    fate = Fate(seed, world, root)
    for _ in range(fate.random.randrange(25)):
        fate.something()
    begun = set(world.executions[root.id].tasks)
    standing = msgspec.json.encode([root.header, sorted(root.marks.items())])
    try:
        root.move(made.workflow)
    except ConflictError as error:
        assert msgspec.json.encode([root.header, sorted(root.marks.items())]) == standing
        why = "over" if "it is " in error.message and root.status in status.ENDED else "refused"
        return Counter({why: 1})
    seen["moved"] += 1
    seen[f"moved {made.kind}"] += 1
    seen["moved while paused"] += root.status == status.PAUSED
    seen["moved after a failure"] += root.status in status.UNSUCCESSFUL
    seen["about the past"] += bool(made.touched & begun)
    if root.status in status.ENDED:  # it has ended as the old definition says, until it goes on
        root.retry()
    fate.run()
    world.check_the_end(world.executions[root.id])
    seen[root.status] += 1
    seen["undos"] += world.undos
    return seen


_LEAST = {
    "refused": 90,
    "over": 60,
    "moved": 180,
    "moved insert": 80,
    "moved remove": 10,
    "moved swap": 8,
    "moved undo": 15,
    "moved while paused": 10,
    "moved after a failure": 5,
    "about the past": 5,
    status.COMPLETED: 50,
    status.COMPENSATED: 40,
    "undos": 80,
}


def test_random_moves_are_refused_or_end_as_they_promise():
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        try:
            seen += moved_somewhere(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    lacking = {what: seen[what] for what, least in _LEAST.items() if seen[what] < least}
    assert not lacking, f"too few of {lacking} in {seen}"


# --- the same results, moved or not -------------------------------------------------------------


class Steady:
    """Gives each step the same result, always the first by name that is to be done."""

    def __init__(self, seed: int, definition: Workflow) -> None:
        self.seed = seed
        self.world = Witness()
        self.root = self.world.start(definition)

    def act(self) -> bool:
        """One thing done; False where there is nothing left."""
        runs = [Execution(self.world, identity) for identity in self.world.executions]
        for run in sorted(runs, key=lambda run: run.id[-8:] if run is not self.root else ""):
            for ref in sorted(run.offered):
                if run.row(ref).type == "SIMPLE" and run.status not in status.ENDED:
                    run.take(ref)
                    outcome = self._outcome(ref, run.row(ref).attempt)
                    run.tell(facts.Reported(ref, run.row(ref).attempt, outcome, b'{"x":1}'))
                    return True
        before = self._written()
        self.world.pass_time(61)
        if before == self._written():
            self._settle(runs)
        return before != self._written() or any(run.offered for run in runs)

    def _outcome(self, ref: str, attempt: int) -> str:
        draw = random.Random(f"{self.seed} {ref} {attempt}").random()
        return "FAILED" if draw < 0.12 and not ref.startswith(UNDO) else "COMPLETED"

    def _settle(self, runs: list[Execution]) -> None:
        for run in runs:
            for ready in run.ready():
                row = run.row(ready.ref)
                if row.type in ("WAIT", "HUMAN") and row.status in status.OPEN:
                    run.signal(ready.ref)
            if run.status == status.NEEDS_ATTENTION:
                parked = [ref for ref, mark in run.marks.items() if mark == "parked"]
                run.resolve((parked or [run.header.failed_ref])[0], "done")

    def _written(self) -> int:
        return sum(stored.header.revision for stored in self.world.executions.values())

    def end(self) -> dict[str, Any]:
        for _ in range(2000):
            if not self.act():
                break
        assert self.root.status in status.ENDED, self.root.status
        rows = self.world.executions[self.root.id].tasks
        found = {ref: self.root.row(ref) for ref in rows}
        # The record of a join says what it waited for when it was opened.
        steps = {
            ref: (row.status, b"" if row.type == "JOIN" else row.input)
            for ref, row in found.items()
        }
        return {"status": self.root.status, "output": self.root.output, "steps": steps}


def test_an_edit_ahead_of_the_run_ends_as_a_run_of_the_new_definition():
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        before = Author(seed).workflow()
        made = edit(seed, before)
        if made is None:
            continue
        one = Steady(seed, before)
        for _ in range(random.Random(f"progress {seed}").randrange(12)):
            one.act()
        begun = set(one.world.executions[one.root.id].tasks)
        if made.touched & {ref.partition("__")[0] for ref in begun}:
            continue
        try:
            one.root.move(made.workflow)
        except ConflictError:
            continue
        other = Steady(seed, made.workflow)
        mine, theirs = one.end(), other.end()
        assert mine == theirs, f"seed {seed}"
        seen[one.root.status] += 1
        seen["new"] += "new" in mine["steps"]
        seen["some way"] += len(begun) > 2
    assert seen[status.COMPLETED] > 60 and seen[status.COMPENSATED] > 20, seen
    assert seen["new"] > 40 and seen["some way"] > 60, seen
