"""Random histories of races: whatever happens, what stands at the end is what the winners did.

Each case draws branches, how many are needed and what follows, and then lets everything that may
happen happen in a random order: work taken, done, failed or lost, pauses, retries, people.
"""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from pavane.core.model import fact as facts
from pavane.core.model import status
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step, Workflow
from pavane.errors import PavaneError
from tests.unit.core.build import fork, loop, of_type, scope, switch, task, terminate, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World

CASES = 1500
_ROUNDS_MAX = 400


class Case:
    """One random history, and what it came across."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seen: Counter[str] = Counter()
        self.world = World()
        self.run = self.world.start(self._definition())
        self.standing: set[tuple[str, str]] = set()  # what was done, and is not undone
        self.patient = self.random.random() < 0.7  # nobody stops it from outside

    # --- what is drawn --------------------------------------------------------------------------

    def _definition(self) -> Workflow:
        draw = self.random
        steps: list[Step] = [task("first", undo=True)] if draw.random() < 0.5 else []
        inner = self._race("a")
        if draw.random() < 0.3:
            inner = [loop("l", *inner, items=[1, 2])]
        if draw.random() < 0.3:
            inner = fork("g", inner, task("beside", undo=draw.random() < 0.5))
        steps += inner
        if draw.random() < 0.3:
            end = terminate("t", draw.choice(["COMPLETED", "COMPLETED", "FAILED"]))
            steps.append(switch("s", draw.choice(["yes", "no"]), yes=end))
        steps.append(task("last", undo=draw.random() < 0.5))
        return workflow(*steps)

    def _race(self, name: str) -> list[Step]:
        draw = self.random
        branches = [self._branch(f"{name}{n}") for n in range(draw.randint(2, 4))]
        return fork(name, *branches, join_count=draw.randint(1, len(branches)))

    def _branch(self, ref: str) -> Step:
        kind = self.random.choice(["task", "sure", "sure", "wait", "scope", "noop"])
        self.seen[kind] += 1
        if kind == "task":
            return task(ref)
        if kind == "wait":
            return of_type("WAIT", ref, {"duration": "3s"})
        if kind == "scope":
            return scope(ref, task(f"{ref}-1", undo=True), task(f"{ref}-2", undo=True))
        if kind == "noop" and self.random.random() < 0.3:
            return of_type("NOOP", ref)
        return task(ref, undo=True)

    # --- what happens ---------------------------------------------------------------------------

    def play(self) -> None:
        """Let things happen until the execution has ended, and somebody lets it be."""
        for _ in range(_ROUNDS_MAX):
            ended = self.run.status in status.ENDED
            if ended and not self.run.header.phase and not self._retried():
                return
            try:
                self._happen()
            except PavaneError:
                self.seen["refused"] += 1
        raise AssertionError(f"it does not end: {self.run.status}, open are {self.run.open}")

    def _retried(self) -> bool:
        if self.run.status == status.COMPLETED or self.random.random() < 0.5:
            return False
        try:
            self.run.retry()
        except PavaneError:
            return False
        self.seen["retried"] += 1
        return True

    def _happen(self) -> None:
        draw = self.random
        if draw.random() < 0.06:
            self._somebody_asks()
            return
        if draw.random() < 0.15:
            self.world.pass_time(1)
            return
        if self.run.status == status.PAUSED and draw.random() < 0.3:
            self.run.resume()
            return
        runs = [Execution(self.world, each) for each in self.world.executions]
        some = [(each, row) for each in runs for row in map(each.row, sorted(each.open))]
        parked = [
            (each, ref)
            for each in runs
            for ref, mark in each.marks.items()
            if mark == "parked" and each.status == status.NEEDS_ATTENTION
        ]
        if parked and draw.random() < 0.4:
            execution, ref = draw.choice(parked)
            action = draw.choice(["retry", "done"])
            execution.resolve(ref, action)
            self.seen[f"resolved {action}"] += 1
            if action == "done":
                self.standing.discard((execution.id, ref.removeprefix("undo:")))
            return
        if some:
            self._work(*draw.choice(some))

    def _somebody_asks(self) -> None:
        what = self.random.choice(["pause", "pause", "terminate"])
        if what == "pause":
            self.run.pause()
        elif not self.patient:
            self.run.terminate("enough")
        self.seen[what] += 1

    def _work(self, execution: Execution, row: TaskRow) -> None:
        draw, ref = self.random, row.ref
        if row.type != "SIMPLE":
            return
        if row.status == status.SCHEDULED:
            execution.take(ref)
            return
        does = not ref.startswith("undo:")
        effect = (execution.id, ref.removeprefix("undo:"))
        ways = ["done", "failed", "lost", "returned", "stopped"]
        outcome = draw.choices(ways, [6, 1.5, 0.7, 0.7, 0.7])[0]
        if outcome == "returned":
            execution.tell(facts.Returned(ref, row.attempt, "w"))
            return
        if outcome == "lost":  # it was done, and nobody heard of it
            if does:
                self.standing.add(effect)
            execution.tell(facts.Returned(ref, row.attempt, "w", begun=True))
            return
        if outcome == "done":
            (self.standing.add if does else self.standing.discard)(effect)
        ends = {"done": status.COMPLETED, "stopped": status.CANCELED}
        end = ends.get(outcome, status.FAILED)
        losing = execution.header.status == status.RUNNING and not does
        self.seen["loser's undo " + outcome] += losing
        execution.tell(facts.Reported(ref, row.attempt, end, b"{}", "no"))

    # --- what must hold -------------------------------------------------------------------------

    def judge(self) -> None:
        """What stands is what the winners did, and what is no part of a race."""
        run = self.run
        self.seen[run.status] += 1
        undoable = {each for each in self.standing if self._has_undo(*each)}
        if run.status != status.COMPLETED:
            assert not undoable, undoable
            return
        for ref in self.world.executions[run.id].tasks:
            row = run.row(ref)
            if row.type != "JOIN" or row.status != status.COMPLETED or ref.startswith("g"):
                continue
            self._judge_race(ref, msgspec.json.decode(row.output)["winners"])

    def _judge_race(self, join: str, won: list[str]) -> None:
        node = self.world.executions[self.run.id].plan.nodes[join]
        assert len(won) == len(set(won)) == node.step.join_count
        for ref in node.join_on:
            if not self.run.begun(ref):
                assert ref not in won
                continue
            row = self.run.row(ref)
            stands = {each for each in self.standing if self._is_of(ref, row, each)}
            kind = self.world.executions[self.run.id].plan.nodes[ref]
            if ref not in won:
                self.seen["lost a race"] += 1
                assert not stands, (ref, stands)
            elif kind.undo is not None or row.child_id:
                assert stands, ref

    def _is_of(self, ref: str, row: TaskRow, effect: tuple[str, str]) -> bool:
        if not self._has_undo(*effect):
            return False
        return effect[0] == row.child_id if row.child_id else effect == (self.run.id, ref)

    def _has_undo(self, identity: str, ref: str) -> bool:
        return self.world.executions[identity].plan.nodes[ref].undo is not None


@pytest.mark.parametrize("part", range(5))
def test_what_stands_at_the_end_is_what_the_winners_did(part: int):
    seen: Counter[str] = Counter()
    for number in range(CASES // 5):
        seed = 1_000_003 * part + number
        case = Case(seed)
        try:
            case.play()
            case.judge()
        except AssertionError as error:
            raise AssertionError(f"case {seed}: {error}") from error
        seen += case.seen
    for what in (
        "COMPLETED",
        "COMPENSATED",
        "FAILED",
        "loser's undo done",
        "lost a race",
        "pause",
        "resolved done",
        "resolved retry",
        "retried",
        "terminate",
    ):
        assert seen[what] >= 5, (what, seen)
    assert seen["loser's undo failed"], seen
