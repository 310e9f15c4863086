"""What an iteration knows, what it hands on, and what comes out of a loop, whoever sends what."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from pavane.core.model.workflow import Step
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.message import At
from pavane.core.projection.reading import read_choreography
from pavane.core.projection.reading.hops import danced_hops
from pavane.core.projection.rows import ABORTED, CLOSED, Undoing
from tests.unit.core.build import (
    fork,
    loop,
    of_type,
    once,
    scope,
    switch,
    task,
    terminate,
    workflow,
)
from tests.unit.core.projection.playing import play
from tests.unit.core.projection.test_data import heard, owned

SEEDS = range(12)
ITEMS = "${workflow.input.items}"


def read(*steps: Step | list[Step], **fields: Any) -> Choreography:
    return read_choreography(workflow(*steps, **fields), {})


def sets(ref: str, value: Any, name: str = "x") -> Step:
    return of_type("SET_VARIABLE", ref, {name: value})


def output(played: Any) -> Any:
    assert played.status == CLOSED
    return json.loads(played.output)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_iteration_knows_its_own(seed: int):
    score = read(
        owned("a", "one"),
        loop(
            "l",
            owned("b", "two", item="${l.output.loopItem.n}", at="${l.output.loopIndex}"),
            owned("c", "one", made="${b.output.n}", a="${a.output.n}"),
            items=ITEMS,
        ),
        owned("d", "three", made="${c.output.n}", count="${l.output.iteration}"),
    )
    items = [{"n": 7, "secret": "S1"}, {"n": 8, "secret": "S2"}]
    results = {"a": {"n": 1}, "b[1]": {"n": 10}, "b[2]": {"n": 20}, "c[2]": {"n": 5}}
    played = play(score, {"items": items}, results, seed=seed)
    assert played.status == CLOSED
    assert [played.inputs[f"b[{i}]"] for i in (1, 2)] == [
        {"item": 7, "at": 0},
        {"item": 8, "at": 1},
    ]
    assert [played.inputs[f"c[{i}]"] for i in (1, 2)] == [
        {"made": 10, "a": 1},
        {"made": 20, "a": 1},
    ]
    assert played.inputs["d"] == {"made": 5, "count": 2}
    assert played.calls == ["a", "b[1]", "c[1]", "b[2]", "c[2]", "d"]


@pytest.mark.parametrize("seed", SEEDS)
def test_variables_go_from_iteration_to_iteration_and_out_of_the_loop(seed: int):
    score = read(
        sets("start", 100),
        loop(
            "l",
            owned("a", "one", x="${workflow.variables.x}"),
            switch("s", "${l.output.loopItem}", keep=sets("set", "${a.output.n}")),
            owned("b", "two", x="${workflow.variables.x}"),
            items=ITEMS,
        ),
        owned("c", "three", x="${workflow.variables.x}"),
        output_parameters={"x": "${workflow.variables.x}"},
    )
    results = {f"a[{i}]": {"n": i} for i in range(1, 5)}
    given = {"items": ["keep", "drop", "keep", "drop"]}
    played = play(score, given, results, seed=seed)
    assert [played.inputs[f"a[{i}]"]["x"] for i in range(1, 5)] == [100, 1, 1, 3]
    assert [played.inputs[f"b[{i}]"]["x"] for i in range(1, 5)] == [1, 1, 3, 3]
    assert played.inputs["c"] == {"x": 3}
    assert output(played) == {"x": 3}
    assert output(play(score, {"items": []}, seed=seed)) == {"x": 100}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loop_that_nobody_came_to_leaves_variables_as_they_were(seed: int):
    again = loop("l", owned("a", "two"), sets("set", "${a.output.n}"), items=ITEMS)
    score = read(
        owned("first", "one"),
        sets("start", "${first.output.n}"),
        switch("s", "${workflow.input.kind}", (), gold=[again]),
        owned("b", "three", x="${workflow.variables.x}"),
    )
    results = {"first": {"n": 5}, "a[1]": {"n": 6}, "a[2]": {"n": 7}}
    for kind, items, x in (("blue", [1, 2], 5), ("gold", [1, 2], 7), ("gold", [], 5)):
        played = play(score, {"kind": kind, "items": items}, results, seed=seed)
        assert played.inputs["b"] == {"x": x}


@pytest.mark.parametrize("items", [[], [1]])
@pytest.mark.parametrize("kind", ["loop", "for-each"])
def test_what_a_step_of_a_list_would_have_got_comes_also_where_the_list_is_empty(
    kind: str, items: list[int]
):
    inner = owned("c", "one"), owned("a", "two", id="${workflow.input.id}")
    given = {"forkTaskName": "a", "forkTaskInputs": ITEMS}
    fan = of_type("FORK_JOIN_DYNAMIC", "l", given, service="two", task_definition=once())
    around = [loop("l", *inner, items=ITEMS)] if kind == "loop" else [fan, of_type("JOIN", "j")]
    score = read(owned("first", "one"), *around, owned("b", "two", id="${workflow.input.id}"))
    for seed in SEEDS:
        played = play(score, {"id": "O-1", "items": items}, seed=seed)
        assert played.status == CLOSED
        assert played.inputs["b"] == {"id": "O-1"}


def test_what_is_set_again_in_each_iteration_is_not_handed_on():
    body = [sets("set", "${l.output.loopItem}"), owned("a", "two", x="${workflow.variables.x}")]
    score = read(owned("first", "one"), loop("l", *body, items=ITEMS))
    assert score.nodes["l"].hands_on == ()
    assert score.nodes["l"].leaves == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_loops_in_loops_and_in_scopes(seed: int):
    inner = loop(
        "m",
        owned("b", "two", outer="${l.output.loopItem}", inner="${m.output.loopItem}"),
        sets("set", "${= workflow.variables.x + m.output.loopItem }"),
        items="${a.output.list}",
    )
    score = read(
        sets("start", 0),
        loop("l", owned("a", "one"), inner, scope("t", owned("c", "two")), items=ITEMS),
        owned("d", "three", x="${workflow.variables.x}", b="${b.output.n}", c="${t.output.n}"),
    )
    results = {
        "a[1]": {"list": [1, 2]},
        "a[2]": {"list": [3]},
        "b[2.1]": {"n": "last"},
        "t/c[2]": {"n": "scope"},
    }
    played = play(score, {"items": ["p", "q"]}, results, seed=seed)
    assert played.status == CLOSED
    assert played.inputs["b[1.2]"] == {"outer": "p", "inner": 2}
    assert played.inputs["b[2.1]"] == {"outer": "q", "inner": 3}
    assert played.inputs["d"] == {"x": 6, "b": "last", "c": "scope"}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_way_back_goes_through_the_iterations(seed: int):
    body = [owned("a", "one", undo=True), scope("t", owned("b", "two", undo=True))]
    score = read(loop("l", *body, items=ITEMS), owned("c", "three"))
    played = play(score, {"items": [1, 2]}, fails=["c"], seed=seed)
    assert played.status == ABORTED
    back = ["undo:t/b[2]", "undo:a[2]", "undo:t/b[1]", "undo:a[1]"]
    assert [call for call in played.calls if call.startswith("undo:")] == back
    played = play(score, {"items": [1, 2]}, fails=["t/b[2]"], seed=seed)
    assert played.calls[-3:] == ["undo:a[2]", "undo:t/b[1]", "undo:a[1]"]


class _Counting(Dancer):
    """Counts, for each wave of undos, how often two of them are compared."""

    compared: ClassVar[list[int]] = []

    def wave(self, path: str, generation: At) -> None:
        self.compared.append(0)
        super().wave(path, generation)

    def must_wait(self, line: Undoing, other: Undoing) -> bool:
        self.compared[-1] += 1
        return super().must_wait(line, other)


@pytest.mark.parametrize("count", [20, 80])
def test_of_all_iterations_only_the_last_ones_are_compared(count: int):
    steps = [owned("a", "one", undo=True), owned("b", "two", undo=True)]
    score = read(loop("l", *steps, items=ITEMS), owned("c", "two"))
    _Counting.compared.clear()
    played = play(score, {"items": [1] * count}, fails=["c"], dancer=_Counting)
    assert played.status == ABORTED
    undone = [each for each in played.calls if each.startswith("undo:")]
    assert undone[:2] == [f"undo:b[{count}]", f"undo:a[{count}]"]
    assert len(undone) == 2 * count
    assert 0 < max(_Counting.compared) <= 2 * len(undone)


def test_a_condition_decides_and_may_ask_for_a_choice():
    condition = "s is None or s.output.selectedCase != 'stop'"
    body = [
        owned("a", "one"),
        switch(
            "e", "${a.output.how}", (), go=switch("s", "${a.output.what}", stop=owned("b", "two"))
        ),
    ]
    score = read(loop("l", *body, loop_condition=condition), owned("c", "two"))
    results = {
        "a[1]": {"how": "none"},
        "a[2]": {"how": "go", "what": "on"},
        "a[3]": {"how": "go", "what": "stop"},
    }
    played = play(score, {}, results)
    assert played.calls == ["a[1]", "a[2]", "a[3]", "b[3]", "c"]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_end_out_of_a_loop(seed: int):
    ends = terminate("t", "COMPLETED", workflowOutput={"found": "${a.output.n}"})
    body = [owned("a", "one"), switch("s", "${a.output.n}", two=ends), owned("b", "two")]
    score = read(owned("home", "zero"), loop("l", *body, items=ITEMS), owned("c", "one"))
    results = {"a[1]": {"n": "one"}, "a[2]": {"n": "two"}}
    played = play(score, {"items": [1, 2, 3]}, results, seed=seed)
    assert output(played) == {"found": "two"}
    assert "c" not in played.calls


def test_outputs_by_number_are_kept_where_they_are_read():
    steps = [owned("home", "zero"), loop("l", owned("a", "one"), owned("b", "two"), items=ITEMS)]
    results = {"a[1]": {"n": 1}, "a[2]": {"n": 2}, "b[2]": {"m": 3}}
    shown = {"iteration": 2, "loopIndex": 1, "loopItem": "y"}
    whole = {**shown, "1": {"a": {"n": 1}}, "2": {"a": {"n": 2}, "b": {"m": 3}}}
    given = {"items": ["x", "y"]}
    assert output(play(read(*steps), given, results)) == whole
    first = read(*steps, output_parameters={"first": "${l.output.1.a.n}"})
    assert output(play(first, given, results)) == {"first": 1}
    last = read(*steps, output_parameters={"last": "${a.output.n}"})
    assert not last.nodes["l"].numbered
    assert output(play(last, given, results)) == {"last": 2}
    loop_of = steps[1]
    kept = loop("l", *loop_of.loop_over, items=ITEMS)
    kept.input_parameters["keepLastN"] = 1
    only = {name: value for name, value in whole.items() if name != "1"}
    assert output(play(read(steps[0], kept), given, results)) == only


def test_the_owner_of_a_loop_sees_only_what_iterations_hand_on():
    score = read(
        owned("a", "one", card="${workflow.input.card}"),
        loop(
            "l",
            owned("b", "two", n="${l.output.loopItem}"),
            owned("c", "three", card="${workflow.input.card}", b="${b.output.n}"),
            sets("set", "${c.output.total}"),
            items=ITEMS,
        ),
        owned("d", "four", x="${workflow.variables.x}"),
    )
    results = {"b": {"n": 1, "own": "B-SECRET"}, "c": {"total": 5, "own": "C-SECRET"}}
    played = play(score, {"card": "4111", "items": [1, 2]}, results)
    assert played.inputs["d"] == {"x": 5}
    assert score.nodes["l"].role == "two"
    assert "4111" not in heard(played, "two")
    assert "SECRET" not in heard(played, "two")
    assert heard(played, "four") == '{"variables":{"x":5}}'


def test_a_fork_in_a_loop_and_a_loop_in_a_fork():
    inside = fork("f", owned("a", "one"), owned("b", "two"))
    beside = fork("g", [loop("m", owned("c", "one"), items=ITEMS)], [owned("d", "two")])
    score = read(
        loop("l", inside, items=ITEMS),
        beside,
        owned("e", "two", a="${f-join.output.a.n}", g="${g-join.output}"),
    )
    results = {"a": {"n": 1}, "c": {"n": 2}, "d": {"n": 3}}
    for seed in SEEDS:
        played = play(score, {"items": [1, 2]}, results, seed=seed)
        assert played.inputs["e"] == {"a": 1, "g": {"d": {"n": 3}}}


def test_items_that_are_no_list_and_conditions_that_cannot_be_evaluated():
    score = read(task("a", undo=True, service="one"), loop("l", owned("b", "two"), items=ITEMS))
    played = play(score, {"items": "x"})
    assert (played.status, played.calls) == (ABORTED, ["a", "undo:a"])
    wrong = loop("l", task("b", undo=True, service="two"), loop_condition="1 / b.output.n > 0")
    played = play(read(wrong), {}, {"b[1]": {"n": 1}, "b[2]": {"n": 0}})
    assert played.calls == ["b[1]", "b[2]", "undo:b[2]", "undo:b[1]"]


def test_many_iterations_of_one_role_are_several_turns():
    again = "l.output.iteration < 250"
    score = read(
        sets("s", 0),
        loop("l", sets("t", "${= workflow.variables.x + 1 }"), loop_condition=again),
        owned("a", "one", x="${workflow.variables.x}"),
    )
    played = play(score, {})
    assert played.inputs["a"] == {"x": 250}
    assert played.rang == ["again", "again"]


def test_hops_go_through_a_loop_once():
    steps = [owned("a", "one"), loop("l", owned("b", "two"), owned("c", "three"), items=ITEMS)]
    score = read(*steps, owned("d", "one"))
    # one → two → three → two (its owner) → one
    assert danced_hops(score) == 4
