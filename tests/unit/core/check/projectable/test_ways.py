"""How steps stand to each other, compared with all the runs that there are."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from msgspec.structs import replace

from pavane.core.check.layout import lay_out
from pavane.core.check.projectable.ways import Ways
from pavane.core.model.workflow import Step, Workflow
from tests.unit.core.build import fork, noop, switch, terminate, workflow

Run = tuple[set[str], set[tuple[str, str]]]  # what ran, and which of it before what


class _Chance:
    """Random definitions of forks, choices and ends."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.count = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def steps(self, depth: int, forked: bool) -> list[Step]:
        found: list[Step] = []
        for _ in range(self.random.randint(1, 3)):
            kind = self.random.choice("nnnsft" if depth else "nnt")
            if kind == "s":
                one, two = self.steps(depth - 1, forked), self.steps(depth - 1, forked)
                found.append(switch(self.name("s"), 1, two if self.random.random() < 0.5 else []))
                found[-1] = switch(found[-1].ref, 1, found[-1].default_case, one=one)
                if self.random.random() < 0.5:  # in which a case without steps is none
                    cases = {**found[-1].decision_cases, "empty": []}
                    found[-1] = replace(found[-1], type="DECISION", decision_cases=cases)
            elif kind == "f":
                branches = [self.steps(depth - 1, True) for _ in range(2)]
                found += fork(self.name("f"), *branches)
            elif kind == "t" and not forked:
                found.append(terminate(self.name("t"), "COMPLETED"))
            else:
                found.append(noop(self.name("n")))
        return found


def _runs(steps: list[Step]) -> list[tuple[Run, bool]]:
    """Every way through a list, and whether the run ends in it."""
    ways: list[tuple[Run, bool]] = [((set(), set()), False)]
    for step in steps:
        going = [run for run, ended in ways if not ended]
        ways = [way for way in ways if way[1]]
        for run in going:
            ways += [(_then(run, more), ended) for more, ended in _of(step)]
    return ways


def _of(step: Step) -> list[tuple[Run, bool]]:
    alone: Run = ({step.ref}, set())
    if step.type == "TERMINATE":
        return [(alone, True)]
    if step.type in ("SWITCH", "DECISION"):
        cases = [each for each in step.decision_cases.values() if each or step.type == "SWITCH"]
        cases.append(step.default_case)
        return [(_then(alone, run), end) for case in cases for run, end in _runs(case)]
    if step.type == "FORK_JOIN":
        every = product(*(_runs(branch) for branch in step.fork_tasks))
        return [(_then(alone, _beside([run for run, _ in ways])), False) for ways in every]
    return [(alone, False)]


def _then(one: Run, other: Run) -> Run:
    return one[0] | other[0], one[1] | other[1] | set(product(one[0], other[0]))


def _beside(runs: list[Run]) -> Run:
    return set[str]().union(*(run[0] for run in runs)), set().union(*(run[1] for run in runs))


def _expected(runs: list[Run], one: str, other: str) -> str:
    both = [order for ran, order in runs if one in ran and other in ran]
    if not both:
        return "apart"
    if (one, other) in both[0]:
        return "after"
    return "before" if (other, one) in both[0] else "beside"


def _compare(definition: Workflow, seen: dict[str, int]) -> None:
    layout = lay_out(definition)
    ways, runs = Ways(layout), [run for run, _ in _runs(definition.tasks)]
    for one, other in product(layout.places, repeat=2):
        relation = ways.relation(one, other)
        if relation in ("same", "inside", "around"):
            continue
        seen[relation] += 1
        ran = {ref for run in runs for ref in run[0]}
        if {one.ref, other.ref} <= ran:  # what no run reaches stands in no order
            assert relation == _expected(runs, one.ref, other.ref), (one.ref, other.ref)
        sure = all(one.ref in run[0] for run in runs if other.ref in run[0])
        if relation == "before" or not ways.surely_before(one, other):
            continue
        assert sure, (one.ref, other.ref)
        seen["sure"] += 1


@pytest.mark.parametrize("block", range(4))
def test_relations_are_those_of_all_runs(block: int):
    seen: dict[str, int] = {"before": 0, "after": 0, "beside": 0, "apart": 0, "sure": 0}
    for seed in range(block * 50, block * 50 + 50):
        chance = _Chance(seed)
        definition = workflow(chance.steps(2, False))
        if len(_runs(definition.tasks)) <= 500:
            _compare(definition, seen)
    assert min(seen.values()) > 50, seen
