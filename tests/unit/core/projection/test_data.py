"""A role receives only what its own steps read, and every step gets all that it reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pavane.core.model.workflow import Step, Workflow
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.reading import read_choreography
from tests.unit.core.build import fork, of_type, scope, switch, task, workflow
from tests.unit.core.projection.playing import Played, play


def owned(ref: str, service: str, /, undo: bool = False, **inputs: Any) -> Step:
    return task(ref, undo=undo, service=service, inputs=inputs)


def read(definition: Workflow) -> Choreography:
    return read_choreography(definition, {})


def heard(played: Played, role: str) -> str:
    """All the data that ever went to a role."""
    sent = [m for m in played.sent if m.to == role and m.sender]
    return " ".join(body.decode() for message in sent for _, _, body in message.values)


INPUT = {"id": "O-1", "card": "4111-SECRET", "address": {"city": "Bern", "street": "Gasse 1"}}


def test_a_value_goes_with_the_token_while_everybody_on_the_way_reads_it():
    score = read(
        workflow(
            owned("a", "store", id="${workflow.input.id}"),
            owned("b", "bank", id="${workflow.input.id}", total="${a.output.total}"),
            owned("c", "post", id="${workflow.input.id}", paid="${b.output.paid}"),
            output_parameters={"parcel": "${c.output.parcel}"},
        )
    )
    nodes = score.nodes
    assert nodes["a"].brings == {"b": (":input", "a:out")}
    assert nodes["b"].brings == {"c": (":input", "b:out")}
    assert nodes["c"].brings == {"(end)": ("c:out",)}
    assert not any(node.tells for node in nodes.values())
    assert score.slices["a:out", "bank"] == (("total",),)


def test_what_somebody_on_the_way_must_not_see_goes_straight_to_its_reader():
    definition = workflow(
        owned("a", "store", id="${workflow.input.id}"),
        owned("b", "bank", card="${workflow.input.card}"),
        owned("c", "post", city="${workflow.input.address.city}", shelf="${a.output.shelf}"),
        output_parameters={"parcel": "${c.output.by}"},
    )
    score = read(definition)
    # The home, which the input came to, is the first service; the second never sees the city.
    assert score.nodes["a"].brings == {"b": (":input",)}
    assert score.openers[""].tells == {"post": (":input",)}
    assert score.nodes["a"].tells == {"post": ("a:out",)}
    for seed in range(30):
        played = play(score, INPUT, {"a": {"shelf": "A-7", "price": "PRIVATE"}}, seed=seed)
        assert played.status == "closed"
        assert played.inputs["c"] == {"city": "Bern", "shelf": "A-7"}
        assert played.inputs["b"] == {"card": "4111-SECRET"}
        assert "SECRET" not in heard(played, "post")
        assert "Gasse" not in heard(played, "post")
        assert "A-7" not in heard(played, "bank")
        assert "PRIVATE" not in heard(played, "post") + heard(played, "bank")


def test_a_join_needs_one_token_for_what_a_branch_made():
    score = read(
        workflow(
            owned("a", "store"),
            fork("f", owned("b", "bank"), owned("c", "post")),
            output_parameters={"b": "${b.output.n}", "c": "${f-join.output.c.n}"},
        )
    )
    assert score.nodes["b"].brings["f-join"] == ("b:out",)
    assert score.nodes["c"].brings["f-join"] == ("c:out",)
    played = play(score, {}, {"b": {"n": 1}, "c": {"n": 2}})
    assert json.loads(played.output) == {"b": 1, "c": 2}


def conditional() -> Choreography:
    return read(
        workflow(
            owned("a", "store"),
            switch("s", "${workflow.input.kind}", (), gold=owned("gift", "post")),
            owned("b", "bank", note="${gift.output.text}"),
            output_parameters={"note": "${b.input.note}"},
        )
    )


@pytest.mark.parametrize(("kind", "note"), [("gold", "thanks"), ("plain", None)])
def test_a_reader_knows_whether_what_it_reads_was_ever_made(kind: str, note: str | None):
    """It waits for it where the choice took that way, and only there."""
    for seed in range(30):
        played = play(conditional(), {"kind": kind}, {"gift": {"text": "thanks"}}, seed=seed)
        assert played.status == "closed"
        assert played.inputs["b"] == {"note": note}
        assert json.loads(played.output) == {"note": note}


def test_a_variable_is_what_the_last_step_that_set_it_left():
    def setting(ref: str, value: str) -> Step:
        return of_type("SET_VARIABLE", ref, {"x": value})

    score = read(
        workflow(
            setting("first", "${workflow.input.kind}"),
            switch("s", "${workflow.input.kind}", (), gold=[owned("g", "post"), setting("t", "t")]),
            owned("b", "bank", x="${workflow.variables.x}", y="${workflow.variables.y}"),
            variables={"x": "initial", "y": 7},
        )
    )
    for seed in range(20):
        assert play(score, {"kind": "gold"}, seed=seed).inputs["b"] == {"x": "t", "y": 7}
        assert play(score, {"kind": "blue"}, seed=seed).inputs["b"] == {"x": "blue", "y": 7}


def test_a_scope_sees_its_own_input_and_gives_its_own_output():
    inner = [owned("b", "bank", sum="${workflow.input.sum}")]
    score = read(
        workflow(
            owned("a", "store", id="${workflow.input.id}"),
            scope("money", *inner, inputs={"sum": "${a.output.total}"}),
            owned("c", "post", paid="${money.output.paid}"),
            output_parameters={"paid": "${money.output.paid}"},
        )
    )
    for seed in range(20):
        made = {"a": {"total": 5, "card": "SECRET"}, "money/b": {"paid": 5}}
        played = play(score, INPUT, made, seed=seed)
        assert played.inputs["money/b"] == {"sum": 5}
        assert played.inputs["c"] == {"paid": 5}
        assert json.loads(played.output) == {"paid": 5}
        assert "SECRET" not in heard(played, "bank") + heard(played, "post")


def test_an_undo_has_what_its_step_had_wherever_the_failure_was():
    undo = task("a", undo=True, service="store", inputs={"id": "${workflow.input.id}"}).undo
    assert undo is not None
    first = Step(
        name="a",
        task_reference_name="a",
        service="store",
        input_parameters={"id": "${workflow.input.id}"},
        undo=type(undo)(
            name="un-a",
            input_parameters={"id": "${a.input.id}", "shelf": "${a.output.shelf}"},
        ),
    )
    score = read(workflow(first, owned("b", "bank"), owned("c", "post")))
    played = play(score, INPUT, {"a": {"shelf": "A-7"}}, fails={"c"})
    assert played.status == "aborted"
    assert played.inputs["undo:a"] == {"id": "O-1", "shelf": "A-7"}
