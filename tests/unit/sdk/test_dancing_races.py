"""JOINs that go on when some of their branches are done, in both styles: the same outcome,

the same calls, and the same picture for people. The scripts have no two branches done at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import structs

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import Step, Workflow
from pavane.errors import Fail
from pavane.testing import Faults, Play, after, in_turn, play
from tests.unit.core.build import Steps, flat, fork, loop, of_type, scope, switch
from tests.unit.sdk.test_dancing_choices import dance, does, inputs_of, reads, steps_of
from tests.unit.sdk.test_dancing_fans import both as compared

WON = {"who": "${f-join.output.winner}", "all": "${f-join.output.winners}"}
GAVE = {"a": "${a.output.n}", "b": "${b.output.n}"}


def race(*branches: Step, needed: int = 1) -> list[Step]:
    return fork("f", *branches, join_count=needed)


def flow_of(*steps: Steps, **fields: Any) -> Workflow:
    refs = {step.ref for step in all_steps(flat(*steps))}
    gave = {name: read for name, read in GAVE.items() if name in refs}
    return dance(
        does("first"), *steps, reads("z", **WON, shown="${f-join.output}", **gave), **fields
    )


def both(flow: Workflow, given: dict[str, Any], results: dict[Any, Any]) -> Play:
    """Compared, with the answers of those steps that there are."""
    known = {step.name for step in deep(flow.tasks)}
    answers = {ref: each for ref, each in results.items() if ref.split("__")[0] in known}
    return compared(flow, given, answers)


def deep(steps: list[Step]) -> Iterator[Step]:
    for step in all_steps(steps):
        yield step
        param = step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            yield from deep(param.workflow_definition.tasks)


QUICK: dict[Any, Any] = {
    "first": {"n": 0},
    "a": after(5, {"n": 1}),
    "b": after(30, {"n": 2}),
    "c": after(60, {"n": 3}),
    "z": {"n": 9},
}


def test_the_first_to_be_done_wins_and_the_others_are_called_off():
    played = both(flow_of(*race(does("a"), does("b"), does("c"))), {}, QUICK)
    assert played.status == "COMPLETED"
    given = inputs_of(played, "z")
    assert (given["who"], given["all"], given["a"], given["b"]) == ("a", ["a"], 1, None)
    assert sorted(played.effects) == ["a", "first", "z"]


def test_two_of_three():
    results = QUICK | {"a": after(90, {"n": 1})}
    played = both(flow_of(*race(does("a"), does("b"), does("c"), needed=2)), {}, results)
    assert inputs_of(played, "z")["all"] == ["b", "c"]
    assert sorted(played.effects) == ["b", "c", "first", "z"]


def test_all_of_all():
    played = both(flow_of(*race(does("a"), does("b"), needed=2)), {}, QUICK)
    assert sorted(played.effects) == ["a", "b", "first", "z"]


def test_a_branch_that_fails_fails_nothing_while_enough_are_left():
    results = QUICK | {"a": Fail("rain")}
    played = both(flow_of(*race(does("a"), does("b"))), {}, results)
    assert (played.status, inputs_of(played, "z")["who"]) == ("COMPLETED", "b")


def test_too_many_failures_fail_it_with_the_reason():
    results = QUICK | {"a": Fail("rain"), "b": after(5, Fail("snow"))}
    played = both(flow_of(*race(does("a"), does("b"))), {}, results)
    assert (played.status, played.effects) == ("COMPENSATED", [])
    assert played.reason == "f-join: 1 of its 2 branches are needed, and none can be done (a: rain)"


def test_what_won_is_taken_back_when_what_follows_fails():
    played = both(flow_of(*race(does("a"), does("b"))), {}, QUICK | {"z": Fail("no")})
    assert (played.status, played.effects) == ("COMPENSATED", [])
    assert {"undo:a", "undo:first"} <= steps_of(played)


def test_a_sleep_may_win_or_lose():
    wait = of_type("WAIT", "w", {"duration": "10s"})
    late = both(flow_of(*race(does("b"), wait)), {}, QUICK)
    assert (inputs_of(late, "z")["who"], sorted(late.effects)) == ("w", ["first", "z"])
    early = both(flow_of(*race(does("a"), wait)), {}, QUICK)
    assert inputs_of(early, "z")["who"] == "a"


def test_a_workflow_as_a_branch_undoes_what_it_did():
    inner = scope("s", does("one"), does("two"))
    results = QUICK | {"one": {"n": 1}, "two": after(50, {"n": 2})}
    played = both(flow_of(*race(inner, does("b"))), {}, results)
    assert (played.status, sorted(played.effects)) == ("COMPLETED", ["b", "first", "z"])
    quick = both(flow_of(*race(inner, does("c"))), {}, results)
    assert sorted(quick.effects) == ["first", "s/one", "s/two", "z"]


def test_its_input_cannot_be_worked_out():
    bad = reads("a", n="${= 1 / workflow.input.none }")
    played = both(flow_of(*race(bad, does("b"))), {"none": 0}, QUICK)
    assert inputs_of(played, "z")["who"] == "b"


def test_tries_again_in_a_branch():
    again = in_turn(TimeoutError("no"), {"n": 1})
    slow = does("a")
    assert slow.task_definition is not None
    twice = structs.replace(slow.task_definition, retry_count=2, retry_delay_seconds=1)
    played = both(
        flow_of(*race(structs.replace(slow, task_definition=twice), does("b"))),
        {},
        QUICK | {"a": again},
    )
    assert inputs_of(played, "z")["who"] == "a"


def test_each_iteration_of_a_loop_has_a_race_of_its_own():
    body = loop(
        "l", *race(does("a"), does("b")), reads("c", **WON, a="${a.output.n}"), items=[1, 2]
    )
    results = QUICK | {"a__2": after(90, {"n": 4}), "c": {"n": 3}}
    played = both(dance(does("first"), body, reads("z", **WON, **GAVE)), {}, results)
    assert inputs_of(played, "c__1") == {"who": "a", "all": ["a"], "a": 1}
    assert inputs_of(played, "c__2") == {"who": "b", "all": ["b"], "a": None}
    assert inputs_of(played, "z")["who"] == "b"
    bad = both(dance(does("first"), body, does("z")), {}, results | {"c__2": Fail("no")})
    assert (bad.status, bad.effects) == ("COMPENSATED", [])


@pytest.mark.parametrize("way", ["x", "y"])
def test_in_a_case(way: str):
    chosen = switch("w", "${workflow.input.way}", x=race(does("a"), does("b")))
    played = both(dance(does("first"), chosen, does("z")), {"way": way}, QUICK)
    assert ("a" in played.effects) == (way == "x")


def test_as_the_last_step_its_output_is_the_workflows():
    played = both(dance(does("first"), *race(does("a"), does("b"))), {}, QUICK)
    assert msgspec.json.decode(msgspec.json.encode(played.output)) == {
        "winner": "a",
        "winners": ["a"],
        "a": {"n": 1},
    }


def test_what_a_loser_gave_is_not_seen_though_it_was_done_as_well():
    results = {**QUICK, "b": QUICK["a"]}  # both are done before anybody hears of either
    flow = flow_of(*race(does("a"), does("b")))
    results = {ref: each for ref, each in results.items() if ref in {"first", "a", "b", "z"}}
    winners: set[str] = set()
    for seed in range(12):
        faults = Faults(reorder=0.5)
        played = play(flow, {}, style="choreographed", results=results, faults=faults, seed=seed)
        given = inputs_of(played, "z")
        winners.add(given["who"])
        assert (given["a"] is None) == (given["who"] == "b")
        assert (given["b"] is None) == (given["who"] == "a")
        assert sorted(played.effects) == sorted(["first", given["who"], "z"])
    assert winners == {"a", "b"}
