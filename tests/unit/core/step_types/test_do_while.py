"""DO_WHILE: the same steps again and again."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.step_types import STEP_TYPES, do_while
from pavane.core.model import status
from pavane.core.model.rows import PAGE
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import (
    fork,
    loop,
    noop,
    of_type,
    once,
    scope,
    switch,
    task,
    terminate,
    workflow,
)
from tests.unit.core.execution import Execution
from tests.unit.core.world import World

MORE = "a.output.more"


def start(*steps: Step, **given: Any) -> Execution:
    definition = workflow(*steps, output_parameters=given.pop("gives", {}))
    return World().start(definition, **given)


def test_it_goes_on_while_the_condition_holds():
    run = start(
        loop("l", task("a"), loop_condition=MORE),
        task("end"),
        gives={
            "n": "${l.output.iteration}",
            "last": "${a.output.at}",
            "first": "${l.output.1.a.at}",
        },
    )
    for number in (1, 2, 3):
        assert run.open == {"l", f"a__{number}"}
        run.complete(f"a__{number}", more=number < 3, at=number)
    assert run.open == {"end"}
    run.complete("end")
    assert run.status == status.COMPLETED
    assert run.output == {"n": 3, "last": 3, "first": 1}
    assert run.row("l").count == 3


@pytest.mark.parametrize(
    ("value", "more"),
    [(True, True), (2, True), (0.5, True), (0, False), (-1, False), ("true", False), (None, False)],
)
def test_true_and_numbers_above_zero_are_another_iteration(value: Any, more: bool):
    run = start(loop("l", task("a"), loop_condition=MORE))
    run.complete("a__1", more=value)
    assert run.begun("a__2") is more
    assert run.status == (status.RUNNING if more else status.COMPLETED)


def test_it_goes_through_a_list():
    run = start(
        loop(
            "l",
            task("a", inputs={"x": "${l.output.loopItem}", "i": "${l.output.loopIndex}"}),
            items="${workflow.input.xs}",
        ),
        xs=["p", {"q": 1}],
    )
    assert run.input("a__1") == {"x": "p", "i": 0}
    run.complete("a__1", got="P")
    assert run.input("a__2") == {"x": {"q": 1}, "i": 1}
    run.complete("a__2")
    assert run.status == status.COMPLETED
    assert run.output == {
        "iteration": 2,
        "loopIndex": 1,
        "loopItem": {"q": 1},
        "1": {"a": {"got": "P"}},
        "2": {},
    }


def test_a_list_may_stand_among_the_inputs_and_a_condition_may_end_it_sooner():
    step = loop("l", task("a"), inputs={"_items": [1, 2, 3]}, loop_condition=MORE)
    run = start(step)
    run.complete("a__1", more=True)
    run.complete("a__2", more=False)
    assert run.status == status.COMPLETED


def test_an_empty_list_runs_nothing():
    run = start(loop("l", task("a"), items="${workflow.input.xs}"), task("end"), xs=[])
    assert run.open == {"end"}
    assert run.row("l").count == 0
    run.complete("end")
    assert run.status == status.COMPLETED


@pytest.mark.parametrize("items", [None, "text", {"a": 1}, 7])
def test_what_is_no_list_fails_for_good(items: Any):
    run = start(loop("l", task("a"), items="${workflow.input.xs}"), xs=items)
    assert run.status == status.FAILED
    assert "no list" in run.header.reason


def test_a_condition_that_cannot_be_evaluated_fails_for_good_and_undoes():
    run = start(loop("l", task("a", undo=True), loop_condition="a.output.n + 1 > 0"))
    run.complete("a__1", n="text")
    assert run.row("l").status == status.FAILED_WITH_TERMINAL_ERROR
    assert run.open == {"undo:a__1"}
    run.complete("undo:a__1")
    assert run.status == status.COMPENSATED


def test_only_the_newest_iterations_are_shown_if_that_is_asked_for():
    run = start(loop("l", task("a"), items=[1, 2, 3], inputs={"keepLastN": 2}))
    for number in (1, 2, 3):
        run.complete(f"a__{number}", at=number)
    assert run.output == {
        "iteration": 3,
        "loopIndex": 2,
        "loopItem": 3,
        "2": {"a": {"at": 2}},
        "3": {"a": {"at": 3}},
    }


def test_steps_read_those_of_their_own_iteration():
    run = start(
        loop("l", task("a"), task("b", inputs={"x": "${a.output.x}"}), items=[1, 2]),
    )
    run.complete("a__1", x="one")
    assert run.input("b__1") == {"x": "one"}
    run.complete("b__1")
    run.complete("a__2", x="two")
    assert run.input("b__2") == {"x": "two"}


def test_a_loop_in_a_loop():
    inner = loop(
        "in",
        task("a", inputs={"o": "${out.output.loopItem}", "i": "${in.output.loopItem}"}),
        items="${out.output.loopItem}",
    )
    run = start(loop("out", inner, task("b"), items=[[1, 2], [], [3]]))
    seen = []
    for ref in ("a__1__1", "a__1__2"):
        seen.append(run.input(ref)["i"])
        run.complete(ref)
    run.complete("b__1")
    assert run.row("in__1").count == 2
    assert run.open == {"out", "b__2"}
    run.complete("b__2")
    seen.append(run.input("a__3__1")["i"])
    run.complete("a__3__1", "b__3")
    assert seen == [1, 2, 3]
    assert run.status == status.COMPLETED


def test_forks_and_switches_in_a_loop_are_those_of_the_iteration():
    body = [
        switch(
            "s", "${l.output.loopItem}", (), both=fork("f", task("a"), task("b")), one=task("c")
        ),
        noop("n"),
    ]
    run = start(loop("l", *body, items=["both", "one", "none", "both"]))
    assert run.open == {"l", "f-join__1", "a__1", "b__1"}
    run.complete("a__1", "b__1")
    assert run.open == {"l", "c__2"}
    run.complete("c__2")
    assert run.open == {"l", "f-join__4", "a__4", "b__4"}
    run.complete("b__4", "a__4")
    assert run.status == status.COMPLETED


def test_what_meets_in_an_iteration_is_read_by_its_names():
    reads = {"one": "${f-join.output.a.n}", "all": "${f-join.output}"}
    body = [fork("f", task("a"), task("b")), task("c", inputs=reads)]
    run = start(loop("l", *body, items=[1, 2]), gives={"first": "${l.output.1.c}"})
    for number in (1, 2):
        run.complete(f"a__{number}", n=number)
        run.complete(f"b__{number}", m=-number)
        known = {"a": {"n": number}, "b": {"m": -number}}
        assert run.input(f"c__{number}") == {"one": number, "all": known}
        run.complete(f"c__{number}", done=number)
    assert run.output == {"first": {"done": 1}}


def test_a_variable_goes_from_iteration_to_iteration():
    total = of_type(
        "SET_VARIABLE", "add", {"sum": "${= workflow.variables.sum + l.output.loopItem }"}
    )
    definition = workflow(
        loop("l", total, items=[1, 2, 3, 4]),
        variables={"sum": 0},
        output_parameters={"sum": "${workflow.variables.sum}"},
    )
    run = World().start(definition)
    assert run.status == status.COMPLETED
    assert run.output == {"sum": 10}


def test_many_iterations_in_one_go_let_others_have_their_turn():
    many = 3 * PAGE
    run = start(loop("l", noop("n"), items=list(range(many))))
    assert run.row("l").count == PAGE
    while run.status == status.RUNNING:
        run.world.pass_time(0)
    assert run.row("l").count == many
    assert run.status == status.COMPLETED


def test_a_loop_without_end_fails(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(do_while, "ITERATIONS_MAX", 5)
    run = start(loop("l", noop("n"), loop_condition="True"))
    assert run.status == status.FAILED
    assert "5 iterations" in run.header.reason


def test_undo_goes_through_the_iterations_backwards():
    run = start(
        task("first", undo=True),
        loop("l", task("a", undo=True), task("b", undo=True), items=[1, 2, 3]),
        task("end"),
    )
    run.complete("first", "a__1", "b__1", "a__2", "b__2", "a__3", "b__3")
    run.fail("end")
    undone = []
    while run.status == status.COMPENSATING:
        (ref,) = run.open
        undone.append(ref.removeprefix("undo:"))
        run.complete(ref)
    assert undone == ["b__3", "a__3", "b__2", "a__2", "b__1", "a__1", "first"]
    assert run.status == status.COMPENSATED


@pytest.mark.parametrize("read", ["l", "inner"])
def test_an_undo_sees_the_item_of_its_own_iteration(read: str):
    back = Undo(
        name="un-a",
        input_parameters={
            "item": f"${{{read}.output.loopItem}}",
            "at": f"${{{read}.output.loopIndex}}",
            "round": f"${{{read}.output.iteration}}",
        },
        task_definition=once(),
    )
    inside = task("a", undo=back, inputs={"item": f"${{{read}.output.loopItem}}"})
    body = inside if read == "l" else loop("inner", inside, items=["x", "y"])
    run = start(loop("l", body, items=["x", "y"] if read == "l" else ["once"]), task("end"))
    names = ["a__1", "a__2"] if read == "l" else ["a__1__1", "a__1__2"]
    run.complete(*names)
    assert [run.input(name)["item"] for name in names] == ["x", "y"]
    run.fail("end")
    for number in (2, 1):
        ref = f"undo:{names[number - 1]}"
        assert run.input(ref) == {"item": "xy"[number - 1], "at": number - 1, "round": number}
        run.complete(ref)
    assert run.status == status.COMPENSATED


def test_undo_begins_where_an_iteration_stopped():
    run = start(
        loop("l", fork("f", task("a", undo=True), task("b", undo=True)), items=[1, 2]),
    )
    run.complete("a__1", "b__1", "a__2")
    run.fail("b__2")
    assert run.open == {"undo:a__2"}
    run.complete("undo:a__2")
    assert run.open == {"undo:a__1", "undo:b__1"}
    run.complete("undo:b__1", "undo:a__1")
    assert run.status == status.COMPENSATED


def test_the_undo_reads_what_the_step_of_its_iteration_gave():
    from pavane.core.model.workflow import Undo
    from tests.unit.core.build import once

    undo = Undo(name="un-a", input_parameters={"x": "${a.output.x}"}, task_definition=once())
    run = start(loop("l", task("a", undo=undo), items=[1, 2]), task("end"))
    run.complete("a__1", x="one")
    run.complete("a__2", x="two")
    run.fail("end")
    assert run.input("undo:a__2") == {"x": "two"}
    run.complete("undo:a__2")
    assert run.input("undo:a__1") == {"x": "one"}


def test_scopes_in_a_loop_are_undone_one_by_one():
    run = start(loop("l", scope("s", task("a", undo=True)), items=[1, 2]), task("end"))
    run.child("s__1").complete("a")
    run.child("s__2").complete("a")
    run.fail("end")
    assert run.child("s__2").open == {"undo:a"}
    assert run.child("s__1").status == status.COMPLETED
    run.child("s__2").complete("undo:a")
    run.child("s__1").complete("undo:a")
    assert run.status == status.COMPENSATED


def test_a_retry_goes_on_in_the_iteration_that_failed():
    run = start(loop("l", task("a"), task("b"), items=[1, 2]))
    run.complete("a__1", "b__1", "a__2")
    run.fail("b__2")
    assert run.status == status.FAILED
    assert run.row("l").status == status.CANCELED
    run.retry()
    assert run.open == {"l", "b__2"}
    run.complete("b__2")
    assert run.status == status.COMPLETED
    assert run.attempts("a__2") == [status.COMPLETED]


def test_a_retry_asks_a_condition_again_that_failed():
    broken = loop("l", task("a"), loop_condition="1 / a.output.n > 100")
    run = start(broken)
    run.complete("a__1", n=0)
    assert run.status == status.FAILED
    run.retry()
    assert run.status == status.FAILED
    assert run.attempts("a__1") == [status.COMPLETED]


def test_paused_between_two_iterations():
    run = start(loop("l", task("a"), items=[1, 2]))
    run.pause()
    run.complete("a__1")
    assert run.open == {"l"}
    run.resume()
    assert run.open == {"l", "a__2"}
    run.complete("a__2")
    assert run.status == status.COMPLETED


def test_paused_between_two_iterations_and_terminated():
    run = start(loop("l", task("a", undo=True), items=[1, 2]))
    run.pause()
    run.complete("a__1")
    run.terminate("enough")
    assert run.open == {"undo:a__1"}
    run.complete("undo:a__1")
    assert run.status == status.COMPENSATED


def test_terminate_in_a_loop_ends_the_run():
    body = [task("a"), switch("s", "${a.output.stop}", (), true=terminate("t", "COMPLETED"))]
    run = start(loop("l", *body, items=[1, 2, 3]))
    run.complete("a__1", stop=False)
    run.complete("a__2", stop=True)
    assert run.status == status.COMPLETED
    assert not run.open


def test_the_last_iteration_alone_is_read_from_outside():
    run = start(loop("l", task("a"), items=[1, 2]), task("end", inputs={"x": "${a.output.x}"}))
    run.complete("a__1", x=1)
    run.complete("a__2", x=2)
    assert run.input("end") == {"x": 2}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (loop("l", items=[1]), "at least one step"),
        (loop("l", task("a")), "would never end"),
        (of_type("DO_WHILE", "l", loop_over=[task("a")], loop_condition="$.x"), "javascript"),
        (loop("l", task("a"), items=[1], optional=True), "optional"),
        (loop("l", task("a"), items=[1], inputs={"keepLastN": 0}), "keepLastN"),
        (loop("l", task("a"), items=[1], inputs={"keepLastN": True}), "keepLastN"),
    ],
)
def test_what_it_needs(step: Step, words: str):
    assert words in " ".join(STEP_TYPES["DO_WHILE"].findings(step))


def test_a_loop_between_two_iterations_waits_for_what_a_person_settles():
    """The last step of an iteration is done in the decision in which another branch fails."""
    wrong = task("x", inputs={"n": "${p.output.n.m}", "bad": "${= 1 / workflow.input.nought }"})
    body = fork("f", [wrong, task("y")], join_on=[])
    run = World().start(workflow(task("p", pivot=True), loop("l", body, items=[1, 2])), nought=0)
    run.complete("p")
    assert (run.status, run.marks["l"]) == ("NEEDS_ATTENTION", "held")
    run.resolve("x__1", "done")
    assert run.begun("f__2"), "the loop has gone on"
    run.resolve("x__2", "done")
    run.complete("y__1", "y__2")
    assert run.status == "COMPLETED"
