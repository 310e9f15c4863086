"""When a person must act: undos that give up, pivots, and how each is settled."""

from __future__ import annotations

import pytest

from pavane.core.model.fact import AlarmRang, Reported
from pavane.core.model.workflow import Undo
from pavane.errors import ConflictError, NotFoundError, PastPivotError
from tests.unit.core.build import fork, once, scope, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.test_undo import undo_all
from tests.unit.core.world import World


def start(*steps, **given) -> Execution:
    return World().start(workflow(*steps), **given)


def stuck() -> Execution:
    """A run whose undo of `b` has given up."""
    run = start(task("a", undo=True), task("b", undo=True), task("c"))
    run.complete("a", "b")
    run.fail("c", "no c")
    run.fail_for_good("undo:b", "no way back")
    return run


# --- undos that fail ----------------------------------------------------------------------------


def test_an_undo_that_fails_is_tried_again():
    policy = once(retry_count=2, retry_delay_seconds=3, retry_logic="EXPONENTIAL_BACKOFF")
    run = start(task("a", undo=Undo(name="un-a", task_definition=policy)), task("b"))
    run.complete("a")
    run.fail("b")
    run.fail("undo:a")
    assert run.offered == set()
    run.world.pass_time(3)
    run.fail("undo:a")
    run.world.pass_time(5.9)
    assert run.offered == set()
    run.world.pass_time(0.1)
    run.complete("undo:a")
    assert run.attempts("undo:a") == ["FAILED", "FAILED", "COMPLETED"]
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_an_undo_that_is_silent_is_tried_again():
    policy = once(retry_count=1, retry_delay_seconds=0, response_timeout_seconds=5)
    run = start(task("a", undo=Undo(name="un-a", task_definition=policy)), task("b"))
    run.complete("a")
    run.fail("b")
    run.take("undo:a")
    run.world.pass_time(5)
    assert run.attempts("undo:a") == ["TIMED_OUT", "SCHEDULED"]
    run.complete("undo:a")
    assert run.status == "COMPENSATED"


def test_an_undo_that_gives_up_waits_for_a_person():
    run = stuck()
    assert (run.status, run.header.parked) == ("NEEDS_ATTENTION", 1)
    assert run.marks == {"undo:b": "parked"}
    assert ("x0", "NEEDS_ATTENTION") in run.world.finished
    assert run.header.cause == "FAILED"


def test_a_person_has_it_tried_again_at_once():
    policy = once(retry_count=1, retry_delay_seconds=60)
    run = start(task("a", undo=Undo(name="un-a", task_definition=policy)), task("b"))
    run.complete("a")
    run.fail("b")
    run.fail_for_good("undo:a")
    run.resolve("undo:a", "retry")
    assert (run.status, run.offered) == ("COMPENSATING", {"undo:a"})
    run.fail("undo:a")  # the new round has its retries again
    run.world.pass_time(60)
    run.complete("undo:a")
    assert run.status == "COMPENSATED"


def test_a_person_has_undone_it_by_hand():
    run = stuck()
    run.resolve("b", "done", by="hand")
    assert (run.status, run.offered) == ("COMPENSATING", {"undo:a"})
    run.complete("undo:a")
    assert (run.status, run.row("undo:b").status) == ("COMPENSATED", "COMPLETED")


def test_a_person_gives_the_run_up():
    run = stuck()
    run.resolve("undo:b", "abandon")
    assert (run.status, run.undone, run.ready()) == ("FAILED", [], [])
    assert "given up" in run.header.reason


def test_what_was_given_up_in_the_middle_of_its_undo_cannot_be_retried():
    run = stuck()
    run.resolve("undo:b", "abandon")
    with pytest.raises(ConflictError, match="given up"):
        run.retry()


def test_only_what_waits_can_be_settled():
    run = stuck()
    for ref in ("a", "c", "undo:a", "nothing"):  # c failed, but it is not what waits
        with pytest.raises(NotFoundError):
            run.resolve(ref, "done")
    with pytest.raises(ConflictError):
        run.resolve("undo:b", "forget")
    run.resolve("undo:b", "done")
    with pytest.raises(ConflictError):
        run.resolve("undo:b", "done")


def test_other_branches_are_undone_while_one_waits():
    run = start(*fork("f", task("a", undo=True), task("b", undo=True)), task("c"))
    run.complete("a", "b")
    run.fail("c")
    run.fail_for_good("undo:a")
    assert run.status == "NEEDS_ATTENTION"
    run.complete("undo:b")
    run.resolve("undo:a", "done")
    assert run.status == "COMPENSATED"


def test_two_undos_give_up_and_each_is_settled():
    run = start(*fork("f", task("a", undo=True), task("b", undo=True)), task("c"))
    run.complete("a", "b")
    run.fail("c")
    run.fail_for_good("undo:a")
    run.fail_for_good("undo:b")
    assert run.header.parked == 2
    run.resolve("undo:a", "done")
    assert run.status == "NEEDS_ATTENTION"
    run.resolve("undo:b", "retry")
    run.complete("undo:b")
    assert run.status == "COMPENSATED"


def test_an_undo_whose_input_cannot_be_evaluated_waits_for_a_person():
    back = Undo(name="un-a", input_parameters={"x": "${= a.output.x / 0 }"})
    run = start(task("a", undo=back), task("b"))
    run.complete("a", x=1)
    run.fail("b")
    assert (run.status, run.marks["undo:a"]) == ("NEEDS_ATTENTION", "parked")
    run.resolve("a", "retry")
    assert (run.status, run.attempts("undo:a")) == (
        "NEEDS_ATTENTION",
        ["FAILED_WITH_TERMINAL_ERROR"] * 2,
    )
    run.resolve("a", "done")
    assert run.status == "COMPENSATED"


def test_an_undo_gives_up_while_others_have_not_begun():
    """With more places to start from than a page, settling one early forgets none of the others."""
    bad = Undo(name="un", input_parameters={"x": "${= b000.output.x / 0 }"}, task_definition=once())
    branches = [
        [task(f"b{i:03}", undo=bad if i == 0 else True), task(f"c{i:03}")] for i in range(150)
    ]
    run = start(*fork("f", *branches))
    run.world.pass_time(0)
    run.complete(*(f"b{i:03}" for i in range(150)), x=1)
    run.fail("c149")
    while run.status != "NEEDS_ATTENTION":
        run.tell(AlarmRang())
    assert run.header.phase == "undoing"
    run.resolve("b000", "done")
    run.world.pass_time(0)
    undo_all(run, 200)
    assert (run.status, len(run.undone)) == ("COMPENSATED", 150)


# --- pivots -------------------------------------------------------------------------------------


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


def test_a_report_that_nobody_asked_for_settles_nothing():
    run = stuck()
    assert not run.tell(Reported("undo:b", 0, "COMPLETED"))
    assert run.status == "NEEDS_ATTENTION"
