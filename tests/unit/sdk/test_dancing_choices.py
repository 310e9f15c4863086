"""DECISION and EXCLUSIVE_JOIN in both styles: the same outcome, calls, and picture for people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pavane.core.model.workflow import Step, Undo, Workflow
from pavane.errors import Fail
from pavane.testing import Play, in_turn
from tests.unit.core.build import Steps, fan, fork, loop, noop, of_type, once, scope, switch
from tests.unit.core.build import workflow as written
from tests.unit.core.step_types.test_decision import decision
from tests.unit.core.step_types.test_exclusive_join import meet
from tests.unit.sdk.test_dancing_fans import both

WAY = "${workflow.input.way}"
SERVICES = {"a": "alma", "b": "bela", "c": "carl"}
OFTEN = ["${l.output.loopItem}", ["left", "right", "left"]]


def does(ref: str, **fields: Any) -> Step:
    """A task of the service of its first letter (`zeno` for all others), with an undo."""
    service = SERVICES.get(ref[0], "zeno")
    gives = {"n": f"${{{ref}.output.n}}"}
    undo = Undo(name=f"un-{ref}", input_parameters=gives, task_definition=once(), service=service)
    return of_type("SIMPLE", ref, service=service, task_definition=once(), undo=undo, **fields)


def reads(ref: str, **inputs: Any) -> Step:
    return does(ref, inputs=inputs)


def dance(*steps: Steps, **fields: Any) -> Workflow:
    return written(*steps, style="choreographed", **fields)


def steps_of(played: Play) -> set[str]:
    return {step.ref for step in played.steps}


# --- DECISION -----------------------------------------------------------------------------------

DECIDED = dance(
    does("first"),
    decision("d", WAY, [does("b")], x=[does("a")], empty=[]),
    reads("z", a="${a.output.n}", b="${b.output.n}", how="${d.output}"),
)


@pytest.mark.parametrize(
    ("way", "taken"), [("x", "a"), ("other", "b"), ("empty", "b"), (None, "b"), (True, "b")]
)
def test_the_value_names_the_case_and_an_empty_one_is_none(way: Any, taken: str):
    results = {"first": None, "a": {"n": 1}, "b": {"n": 2}}
    played = both(DECIDED, {"way": way}, results)
    assert played.effects == ["first", taken, "z"]
    [shown] = [step.output for step in played.steps if step.ref == "d"]
    assert "caseOutput" in msgspec.json.decode(shown)


def test_what_was_decided_is_taken_back():
    results = {"first": None, "a": {"n": 1}, "b": {"n": 2}, "z": Fail("no")}
    played = both(DECIDED, {"way": "empty"}, results)
    assert (played.status, played.effects) == ("COMPENSATED", [])
    assert {"undo:b", "undo:first"} <= steps_of(played)


def test_decisions_in_a_loop():
    way, items = OFTEN
    body = [decision("d", way, [does("b")], left=[does("a")]), reads("c", a="${a.output.n}")]
    flow = dance(loop("l", *body, items=items), reads("z", was="${d.output.caseOutput}"))
    results = {"a": {"n": 1}, "b": {"n": 2}}
    assert both(flow, {}, results).effects == ["a__1", "c__1", "b__2", "c__2", "a__3", "c__3", "z"]
    bad = results | {"c__3": Fail("no")}
    assert both(flow, {}, bad).effects == []


# --- EXCLUSIVE_JOIN -----------------------------------------------------------------------------

TWO = switch("w", WAY, left=does("a"), right=[does("b"), does("b2")])
ASKED = reads("z", got="${m.output.n}", all="${m.output}")
FOUND = {"a": {"n": 1}, "b": {"n": 2}, "b2": {"n": 3}, "first": {"n": 4}}


def inputs_of(played: Play, ref: str) -> Any:
    [step] = [each for each in played.steps if each.ref == ref]
    return msgspec.json.decode(step.input)


@pytest.mark.parametrize(("way", "n"), [("left", 1), ("right", 3), ("none", 4)])
def test_the_way_that_was_taken_decides(way: str, n: int):
    flow = dance(does("first"), TWO, meet("m", "a", "b2", default=("first",)), ASKED)
    played = both(flow, {"way": way}, FOUND)
    assert played.status == "COMPLETED"
    assert inputs_of(played, "z") == {"got": n, "all": {"n": n}}


def test_the_first_one_named_decides_where_several_have_run():
    flow = dance(does("first"), TWO, meet("m", "a", "first", "b2"), ASKED)
    assert inputs_of(both(flow, {"way": "left"}, FOUND), "z") == {"got": 1, "all": {"n": 1}}
    assert inputs_of(both(flow, {"way": "right"}, FOUND), "z") == {"got": 4, "all": {"n": 4}}


def test_where_none_has_run_it_fails_and_says_so():
    flow = dance(does("first"), TWO, meet("m", "a", "b2"), ASKED)
    played = both(flow, {"way": "none"}, FOUND)
    assert (played.status, played.effects) == ("COMPENSATED", [])
    assert played.reason == "m: none of a, b2 has run"
    without = dance(does("first"), TWO, meet("m", "a", "b2", optional=True), does("z"))
    assert both(without, {"way": "none"}, FOUND).effects == ["first", "z"]


def test_the_way_back_goes_through_it():
    flow = dance(does("first"), TWO, meet("m", "a", "b2"), ASKED)
    played = both(flow, {"way": "right"}, {**FOUND, "z": Fail("no")})
    assert {"undo:b", "undo:b2", "undo:first"} <= steps_of(played)
    assert played.effects == []


def test_a_way_that_was_passed_over_or_tried_again():
    ways = switch("w", WAY, left=does("a", optional=True), right=does("b", retry_count=1))
    flow = dance(ways, meet("m", "a", "b"), ASKED)
    assert both(flow, {"way": "left"}, {"a": Fail("no")}).status == "COMPLETED"
    again = both(flow, {"way": "right"}, {"b": in_turn(TimeoutError("late"), {"n": 8})})
    assert inputs_of(again, "z") == {"got": 8, "all": {"n": 8}}


def test_ways_in_ways():
    inner = switch("v", "${workflow.input.then}", here=does("b2"))
    ways = switch("w", WAY, does("c"), left=does("a"), right=[inner, noop("n")])
    flow = dance(ways, meet("m", "b2", "n", "a", default=("c",)), ASKED)
    for way, then in (("left", ""), ("right", "here"), ("right", ""), ("", "here")):
        results = {name: {"n": name} for name in ("a", "b2", "c")}
        played = both(flow, {"way": way, "then": then}, results)
        assert played.status == "COMPLETED"
        assert ("b2" in played.effects) == (way == "right" and then == "here")


@pytest.mark.parametrize("way", ["join", "fan", "loop", "scope", "caught", "meet", "choice", "set"])
def test_whatever_a_way_ends_with(way: str):
    items = [{"k": 1}, {"k": 2}]
    ways = switch(
        "w",
        WAY,
        join=fork("f", does("a1"), does("b1")),
        fan=fan("e", items, service="carl", task_definition=once(), undo=Undo(name="un-t")),
        loop=loop("l", does("a2"), does("c2"), items=[1, 2]),
        scope=scope("s", does("a3"), does("b3"), optional=True),
        caught=scope("given_up", does("a4"), does("c4"), optional=True),
        meet=[switch("v", WAY, meet=does("b5")), meet("inner", "b5")],
        choice=switch("u", WAY, does("c6")),
        set=of_type("SET_VARIABLE", "x", {"n": WAY}),
    )
    names = ("f-join", "e-join", "l", "s", "given_up", "inner", "u", "x")
    flow = dance(does("first"), ways, meet("m", *names), ASKED)
    calls = ("first", "a1", "b1", "t", "a2", "c2", "a3", "b3", "a4", "b5", "c6")
    results: dict[Any, Any] = {name: {"n": name} for name in calls}
    results |= {"c4": Fail("too dear"), "z": Fail("no")}
    played = both(flow, {"way": way}, results)
    assert (played.status, played.effects, played.reason) == ("COMPENSATED", [], "z: no")


def test_it_looks_at_its_own_iteration():
    way, items = OFTEN
    body = [switch("w", way, left=does("a"), right=does("b")), meet("m", "a", "b")]
    inside = reads("c", got="${m.output.n}")
    flow = dance(loop("l", *body, inside, items=items), reads("z", got="${m.output.n}"))
    by_turn = {"a__1": {"n": 1}, "b__2": {"n": 2}, "a__3": {"n": 3}}
    played = both(flow, {}, by_turn)
    got = [inputs_of(played, ref)["got"] for ref in ("c__1", "c__2", "c__3", "z")]
    assert got == [1, 2, 3, 3]
    assert both(flow, {}, {**by_turn, "z": Fail("no")}).effects == []


def test_as_the_last_step_it_is_the_output_and_in_a_branch_it_is_joined():
    flow = dance(does("first"), TWO, meet("m", "a", "b2", default=("w",)))
    assert both(flow, {"way": "right"}, FOUND).output == {"n": 3}
    both(flow, {"way": "none"}, FOUND)
    branches = fork("f", [TWO, meet("m", "a", "b2", default=("w",))], does("c"))
    flow = dance(branches, reads("z", got="${f-join.output.m.n}"))
    for way in ("left", "right", "none"):
        results = {name: {"n": name} for name in ("a", "b", "b2", "c")}
        assert both(flow, {"way": way}, results).status == "COMPLETED"
