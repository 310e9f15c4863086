"""Pivots: behind one there is no way back, so a person is asked; a child's is its parents' too."""

from __future__ import annotations

import pytest

from pavane.errors import ConflictError, PastPivotError
from tests.unit.core.build import fork, once, scope, task, terminate, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.test_undo import undo_all
from tests.unit.core.world import World


def start(*steps, **given) -> Execution:
    return World().start(workflow(*steps), **given)


def test_a_failure_before_the_pivot_undoes():
    run = start(task("a", undo=True), task("b"), task("p", pivot=True))
    run.complete("a")
    run.fail("b")
    undo_all(run)
    assert run.status == "COMPENSATED"


def test_the_failure_of_the_pivot_itself_undoes():
    run = start(task("a", undo=True), task("p", pivot=True), task("z"))
    run.complete("a")
    assert run.header.pivot == "p"
    run.fail("p")
    assert run.header.pivot == ""
    undo_all(run)
    assert run.status == "COMPENSATED"


def test_a_pivot_that_perhaps_happened_asks_a_person():
    run = start(task("a", undo=True), task("p", pivot=True), task("z"))
    run.complete("a")
    run.report("p", "CANCELED")
    assert (run.status, run.header.pivot_passed) == ("NEEDS_ATTENTION", True)
    run.resolve("p", "done")
    assert (run.status, run.open) == ("RUNNING", {"z"})
    run.complete("z")
    assert run.status == "COMPLETED"


def test_an_earlier_unknown_attempt_at_the_pivot_counts():
    policy = once(retry_count=1, retry_delay_seconds=0, response_timeout_seconds=5)
    run = start(task("a", undo=True), task("p", pivot=True, policy=policy))
    run.complete("a")
    run.take("p")
    run.world.pass_time(5)
    run.fail_for_good("p")
    assert run.status == "NEEDS_ATTENTION"


def test_a_failure_behind_the_pivot_asks_a_person_who_has_it_tried_again():
    run = start(task("a", undo=True), task("p", pivot=True), task("b"), task("c"))
    run.complete("a", "p")
    run.fail("b", "printer broken")
    assert (run.status, run.header.failed_ref) == ("NEEDS_ATTENTION", "b")
    assert "printer broken" in run.header.reason
    assert not run.begun("undo:a")
    run.resolve("b", "retry")
    assert (run.status, run.offered, run.attempts("b")) == (
        "RUNNING",
        {"b"},
        ["FAILED", "SCHEDULED"],
    )
    run.complete("b", "c")
    assert run.status == "COMPLETED"


def test_a_failure_behind_the_pivot_is_settled_by_hand():
    run = start(task("p", pivot=True), task("b"), task("c", inputs={"n": "${b.output.n}"}))
    run.complete("p")
    run.fail("b")
    run.resolve("b", "done", n=5)
    assert (run.status, run.input("c")) == ("RUNNING", {"n": 5})
    run.complete("c")
    assert run.status == "COMPLETED"


def test_a_failure_behind_the_pivot_is_given_up():
    run = start(task("a", undo=True), task("p", pivot=True), *fork("f", task("b"), task("c")))
    run.complete("a", "p")
    run.fail("b")
    run.resolve("b", "abandon")
    assert (run.status, run.undone, run.row("c").status) == ("FAILED", [], "CANCELED")
    run.retry()
    run.complete("b", "c")
    assert run.status == "COMPLETED"


def test_other_branches_are_held_while_a_person_is_asked():
    a, c = [task("a"), task("a2")], [task("c"), task("c2")]
    run = start(task("p", pivot=True), *fork("f", a, c), task("z"))
    run.complete("p")
    run.fail("a")
    run.complete("c")
    assert (run.status, run.open, run.marks["c"]) == ("NEEDS_ATTENTION", {"f-join"}, "held")
    run.resolve("a", "retry")
    assert run.offered == {"a", "c2"}
    run.complete("a", "a2", "c2", "z")
    assert run.status == "COMPLETED"


def test_a_second_failure_while_a_person_is_asked_is_not_forgotten():
    run = start(task("p", pivot=True), *fork("f", task("a"), task("c")), task("z"))
    run.complete("p")
    run.fail("a")
    run.fail("c")
    assert (run.status, run.header.failed_ref) == ("NEEDS_ATTENTION", "a")
    run.resolve("a", "done")
    assert run.offered == {"c"}
    run.complete("c", "z")
    assert run.status == "COMPLETED"


def test_a_failure_beside_a_pivot_that_then_succeeds_asks_a_person():
    run = start(task("a", undo=True), *fork("f", task("p", pivot=True), task("b")), task("z"))
    run.complete("a")
    run.take("p")
    run.fail("b")
    assert (run.status, run.world.interrupted) == ("COMPENSATING", [(run.id, "p", "w")])
    run.report("p", "COMPLETED")
    assert (run.status, run.begun("undo:a")) == ("NEEDS_ATTENTION", False)
    assert "pivot" in run.header.reason
    run.resolve("b", "retry")
    run.complete("b", "z")
    assert run.status == "COMPLETED"


def test_a_failure_beside_a_pivot_that_then_fails_undoes():
    run = start(task("a", undo=True), *fork("f", task("p", pivot=True), task("b")))
    run.complete("a")
    run.take("p")
    run.fail("b")
    run.report("p", "FAILED")
    undo_all(run)
    assert (run.status, run.header.pivot) == ("COMPENSATED", "")


def test_a_failure_beside_a_pivot_that_nobody_took_undoes():
    run = start(task("a", undo=True), *fork("f", task("p", pivot=True), task("b")))
    run.complete("a")
    run.fail("b")
    undo_all(run)
    assert (run.status, run.row("p").status) == ("COMPENSATED", "CANCELED")


def test_terminate_is_refused_once_the_pivot_is_reached():
    run = start(task("a", undo=True), task("p", pivot=True), task("z"))
    run.complete("a")
    with pytest.raises(PastPivotError):
        run.terminate()
    run.complete("p")
    with pytest.raises(PastPivotError):
        run.terminate()
    run.terminate(undo=False)
    assert (run.status, run.undone) == ("TERMINATED", [])


def test_the_time_of_the_workflow_does_not_end_what_has_no_way_back():
    definition = workflow(
        task("p", pivot=True), task("z"), timeout_seconds=9, timeout_policy="TIME_OUT_WF"
    )
    run = World().start(definition)
    run.complete("p")
    run.world.pass_time(60)
    assert (run.status, run.header.deadline_at) == ("RUNNING", 0)
    run.complete("z")
    assert run.status == "COMPLETED"


def test_a_pivot_in_a_child_is_its_parents_too():
    run = start(task("a", undo=True), scope("s", task("p", pivot=True)), task("z"))
    run.complete("a")
    assert (run.header.pivot, run.header.pivot_passed) == ("s", False)
    with pytest.raises(PastPivotError):
        run.terminate()
    run.child("s").complete("p")
    assert run.header.pivot_passed
    run.fail("z")
    assert run.status == "NEEDS_ATTENTION"


def test_a_pivot_in_a_child_that_fails_opens_the_parents_way_back():
    run = start(task("a", undo=True), scope("s", scope("t", task("p", pivot=True))), task("z"))
    run.complete("a")
    assert run.header.pivot == "s"
    run.child("s").child("t").fail("p")
    assert run.header.pivot == ""
    undo_all(run)
    assert run.status == "COMPENSATED"


def test_the_failure_of_one_pivot_leaves_another_in_force():
    other = scope("t", task("q", pivot=True), optional=True)
    run = start(task("a", undo=True), *fork("f", scope("s", task("p", pivot=True)), other))
    run.complete("a")
    run.child("t").fail("q")
    assert run.header.pivot == "s"
    with pytest.raises(PastPivotError):
        run.terminate()


def test_a_failure_beside_a_child_whose_pivot_then_succeeds():
    child_steps = [task("q", undo=True), task("p", pivot=True), task("r")]
    run = start(*fork("f", scope("s", *child_steps), task("b")))
    child = run.child("s")
    child.complete("q")
    child.take("p")
    run.fail("b")
    assert (run.status, child.status) == ("COMPENSATING", "COMPENSATING")
    child.report("p", "COMPLETED")
    assert (child.status, child.begun("undo:q")) == ("NEEDS_ATTENTION", False)
    child.resolve("", "retry")  # nothing in it has failed: it can only go on
    child.complete("r")
    assert (child.status, run.status) == ("COMPLETED", "NEEDS_ATTENTION")
    run.resolve("b", "retry")
    run.complete("b")
    assert run.status == "COMPLETED"


def test_what_fails_in_a_child_behind_the_parents_pivot_is_undone_there_only():
    run = start(
        task("a", undo=True), task("p", pivot=True), scope("s", task("x", undo=True), task("y"))
    )
    run.complete("a", "p")
    child = run.child("s")
    child.complete("x")
    child.fail("y")
    undo_all(child)
    assert (child.status, run.status) == ("COMPENSATED", "NEEDS_ATTENTION")
    run.resolve("s", "retry")
    run.child("s").complete("x", "y")
    assert run.status == "COMPLETED"


def test_a_terminate_behind_the_pivot_asks_a_person():
    run = start(task("p", pivot=True), terminate("t", "FAILED"), task("z"))
    run.complete("p")
    assert (run.status, run.header.failed_ref) == ("NEEDS_ATTENTION", "t")
    run.resolve("t", "retry")  # it is asked again, and says the same
    assert (run.status, len(run.attempts("t"))) == ("NEEDS_ATTENTION", 2)
    run.resolve("t", "done")
    assert (run.status, run.open) == ("RUNNING", {"z"})


def test_a_permissive_failure_behind_the_pivot_is_settled_at_the_end():
    run = start(task("p", pivot=True), task("a", permissive=True), task("b"))
    run.complete("p")
    run.fail("a")
    run.complete("b")
    assert (run.status, run.header.failed_ref) == ("NEEDS_ATTENTION", "a")
    with pytest.raises(ConflictError, match="permissive"):
        run.resolve("a", "retry")
    run.resolve("a", "done")
    assert run.status == "COMPLETED"
