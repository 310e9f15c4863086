"""What journals have that no store has: iterations, scopes by path, notes yet to come."""

from __future__ import annotations

import msgspec
import pytest

from pavane.core.projection.message import child_execution
from pavane.errors import NotFoundError
from pavane.ports.store import Search
from tests.unit.observer.story import START, Story

PAY = child_execution("e1", "pay", (2,))


def test_an_order_that_is_undone():
    story = Story().home("RUNNING", key="order-15", input={"order": 15}, correlation="c")
    story.done("inventory", "reserve_stock", output=40)
    story.step("payment", "charge_card", "IN_PROGRESS")
    story.step("payment", "charge_card", "FAILED", reason="card declined")
    story.home("COMPENSATING", cause="FAILED", reason="card declined", failed_ref="charge_card")
    story.done("inventory", "undo:reserve_stock", task="release_stock")
    story.home("COMPENSATED", cause="FAILED", reason="card declined", failed_ref="charge_card")
    view = story.views().execution("e1")
    assert (view.status, view.cause, view.failed_ref) == ("COMPENSATED", "FAILED", "charge_card")
    assert (view.created_at, view.ended_at) == (START, START + 10_000)
    assert [(step.ref, step.status, step.undo) for step in view.steps] == [
        ("reserve_stock", "UNDONE", "COMPLETED"),
        ("charge_card", "FAILED", ""),
        ("undo:reserve_stock", "COMPLETED", ""),
    ]
    undo = view.steps[2]
    assert (undo.undoes, undo.task, undo.service) == ("reserve_stock", "release_stock", "inventory")
    assert bytes(view.steps[0].output) == b"40"
    assert bytes(view.output) == b"null"


def test_each_iteration_of_a_loop_is_a_step():
    story = Story().home("RUNNING")
    for i in (1, 2):
        story.done("payment", "try_card", at=(i,))
    story.done("payment", "undo:try_card", at=(2,))
    story.done("payment", "deep", at=(3, 1))
    steps = {step.ref: step for step in story.views().execution("e1").steps}
    assert list(steps) == ["try_card__1", "try_card__2", "undo:try_card__2", "deep__3__1"]
    assert (steps["try_card__1"].status, steps["try_card__2"].status) == ("COMPLETED", "UNDONE")
    assert steps["undo:try_card__2"].undoes == "try_card__2"


def scoped() -> Story:
    """A scope in a loop, at its second iteration, after one failed attempt."""
    story = Story().home("RUNNING", correlation="c")
    step = {"type": "SUB_WORKFLOW", "at": (2,), "child": "pay"}
    story.step("payment", "pay", "FAILED", 0, **step)
    story.step("payment", "pay", "IN_PROGRESS", 1, **step)
    scope = {"scope": "pay", "generation": (2,)}
    story.home("RUNNING", "payment", workflow="pay", parent_ref="pay", **scope)
    return story.done("payment", "charge_card", at=(2,), **scope)


def test_a_scope_is_an_execution_of_its_own():
    views = scoped().views()
    (step,) = views.execution("e1").steps
    assert (step.ref, step.child_id, step.attempts) == ("pay__2", PAY, 2)
    child = views.execution(PAY)
    assert (child.parent_id, child.parent_ref, child.workflow) == ("e1", "pay__2#1", "pay")
    assert child.correlation_id == "c"
    assert [step.ref for step in child.steps] == ["charge_card"]  # in there it is not iterated


def test_the_undo_of_a_scope_leads_to_it():
    story = scoped().step("payment", "undo:pay", "IN_PROGRESS", at=(2,), type="SUB_WORKFLOW")
    assert story.views().execution("e1").steps[1].child_id == PAY


def test_steps_whose_home_was_not_heard_yet():
    view = Story().done("payment", "charge_card").views().execution("e1")
    assert (view.status, view.workflow, view.created_at) == ("RUNNING", "", START)
    assert [step.status for step in view.steps] == ["COMPLETED"]


def test_a_join_shows_what_it_joined_and_a_variable_its_value():
    story = Story().home("RUNNING").done("shipping", "ship", output={"n": 1})
    story.done("inventory", "join", type="JOIN", joins=["ship", "bill"])
    story.done("inventory", "set", type="SET_VARIABLE", input={"n": 1, "m": [2]})
    story.done("inventory", "set2", type="SET_VARIABLE", input={"n": 3})
    view = story.views().execution("e1")
    assert msgspec.json.decode(view.steps[1].output) == {"ship": {"n": 1}}
    assert {name: bytes(body) for name, body in view.variables.items()} == {"n": b"3", "m": b"[2]"}


def test_a_join_that_counted_says_who_won():
    story = Story().home("RUNNING").done("shipping", "ship", output={"n": 1})
    story.done("inventory", "join", type="JOIN", joins=["ship"], output={"winners": ["ship"]})
    shown = msgspec.json.decode(story.views().execution("e1").steps[1].output)
    assert shown == {"winner": "ship", "winners": ["ship"], "ship": {"n": 1}}


def test_a_scope_that_was_cancelled_before_it_began_is_not_listed():
    story = Story().home("RUNNING").home("", scope="s", parent_ref="s")
    assert [line.id for line in story.views().executions()] == ["e1"]


def test_what_gave_up_waits_for_a_person():
    story = Story().home("RUNNING").done("payment", "charge_card", at=(1,))
    story.step("payment", "undo:charge_card", "FAILED", at=(1,), reason="bank is gone")
    story.home("NEEDS_ATTENTION", cause="FAILED", attention=["undo:charge_card"])
    (waiting,) = story.views().execution("e1").attention
    assert (waiting.ref, waiting.reason) == ("undo:charge_card__1", "bank is gone")


def test_executions_newest_first():
    story = Story()
    for number in range(4):
        story.id = f"e{number}"
        story.home("COMPLETED" if number % 2 else "RUNNING", key=f"k{number}")
    story.home("RUNNING", scope="s", parent_ref="s")
    views = story.views()

    def found(**wanted) -> list[str]:
        return [line.id for line in views.executions(Search(**wanted))]

    assert found(parent_id="") == ["e3", "e2", "e1", "e0"]
    assert found(parent_id="e3") == [child_execution("e3", "s", ())]
    assert found(statuses=("COMPLETED",)) == ["e3", "e1"]
    assert found(key="k2") == ["e2"]
    assert found(workflow="other") == []
    assert found(parent_id="", limit=2) == ["e3", "e2"]
    assert found(parent_id="", before="e2") == ["e1", "e0"]
    assert found(parent_id="", before="e2x") == ["e2", "e1", "e0"]  # not known: by id
    assert [view.id for view in views.several(["e2", "nobody", "e0"])] == ["e2", "e0"]


def test_an_execution_that_nobody_told_of():
    with pytest.raises(NotFoundError, match="e9"):
        Story().views().execution("e9")
