"""Races and ways back: losers are undone beside the flow, and later undos pass them by."""

from __future__ import annotations

import pytest

from pavane.core.model.workflow import Step
from pavane.errors import ConflictError
from tests.unit.core.build import (
    fork,
    scope,
    switch,
    task,
    terminate,
    workflow,
)
from tests.unit.core.execution import Execution
from tests.unit.core.racing import race, started, sure

# --- ways back ----------------------------------------------------------------------------------


def test_a_later_undo_reverses_the_winners_only():
    steps = [sure("first"), *race(sure("a"), sure("b"), sure("c"), needed=2), task("z")]
    run = started(workflow(*steps))
    run.complete("first")
    for ref in "abc":
        run.take(ref)
    run.complete("c", "a", "b", "undo:b")
    run.fail("z")
    assert run.open == {"undo:a", "undo:c"}
    run.complete("undo:a", "undo:c", "undo:first")
    assert (run.status, run.undone) == ("COMPENSATED", ["b", "a", "c", "first"])


def test_a_failure_while_losers_are_undone_waits_for_them():
    run = started(workflow(sure("first"), *race(sure("a"), sure("b")), task("z")))
    run.complete("first")
    run.take("b")
    run.complete("a", "b")
    run.fail("z", "rain")
    assert (run.status, run.open) == ("COMPENSATING", {"undo:b"})
    assert run.take("undo:b")  # also while the run is frozen
    run.complete("undo:b")
    assert run.open == {"undo:a"}
    run.complete("undo:a", "undo:first")
    assert run.status == "COMPENSATED"


def test_a_failure_while_losers_are_at_work_waits_for_them_too():
    run = started(workflow(*race(sure("a"), sure("b")), task("z")), "b")
    run.complete("a")
    run.fail("z", "rain")
    assert run.open == {"b"}
    run.complete("b")
    run.complete("undo:b", "undo:a")
    assert (run.status, run.undone) == ("COMPENSATED", ["b", "a"])


def test_a_failure_before_the_race_is_over_undoes_all_of_it():
    steps = fork("g", [*race(sure("a"), sure("b"), needed=2)], task("other"))
    run = started(workflow(*steps))
    run.complete("a")
    run.take("b")
    run.fail("other")
    run.complete("b")
    assert run.open == {"undo:a", "undo:b"}
    run.complete("undo:a", "undo:b")
    assert run.status == "COMPENSATED"


def test_a_scope_with_a_race_is_undone_by_its_winner():
    run = started(workflow(scope("s", *race(sure("a"), sure("b"))), task("z")))
    child = run.child("s")
    child.take("b")
    child.complete("a", "b")
    assert child.status == "RUNNING"
    child.complete("undo:b")
    run.fail("z")
    assert child.open == {"undo:a"}
    child.complete("undo:a")
    assert run.status == "COMPENSATED"


def test_an_end_in_the_middle_waits_for_losers_to_be_undone():
    over = switch("s", "yes", yes=terminate("t", "COMPLETED", workflowOutput={"x": 1}))
    run = started(workflow(*race(sure("a"), sure("b")), over, task("z")), "b")
    run.complete("a")
    assert run.open == {"b", "t"}
    run.complete("b")
    assert (run.status, run.open) == ("RUNNING", {"undo:b", "t"})
    run.complete("undo:b")
    assert (run.status, run.output, run.begun("z")) == ("COMPLETED", {"x": 1}, False)


def test_the_time_of_the_workflow_may_be_up_while_losers_are_undone():
    limits = {"timeout_seconds": 10.0, "timeout_policy": "TIME_OUT_WF"}
    run = started(workflow(*race(sure("a"), sure("b")), task("z"), **limits), "b")
    run.complete("a", "b")
    run.world.pass_time(11)
    assert (run.status, run.open) == ("COMPENSATING", {"undo:b"})
    run.complete("undo:b", "undo:a")
    assert (run.status, run.header.cause) == ("COMPENSATED", "TIMED_OUT")


def test_a_branch_stopped_before_its_race_was_over_has_lost_when_a_retry_finds_it_over():
    steps = fork("g", [*race(task("a"), sure("y"))], task("other"))
    run = started(workflow(*steps), "a")
    run.fail("other")
    run.complete("a")  # while the run is frozen: it counts, yet nothing follows
    assert (run.status, run.row("f-join").status) == ("FAILED", "CANCELED")
    run.retry()
    assert (run.open, run.marks) == ({"g-join", "other"}, {})
    run.complete("other")
    assert (run.status, run.attempts("y")) == ("COMPLETED", ["CANCELED"])


# --- people -------------------------------------------------------------------------------------


def test_a_pause_lets_losers_be_undone():
    run = started(workflow(*race(sure("a"), sure("b")), task("z")), "a", "b")
    run.pause()
    run.complete("a", "b")
    assert (run.status, run.open) == ("PAUSED", {"undo:b"})
    run.complete("undo:b")
    assert (run.status, run.begun("z")) == ("PAUSED", False)
    run.resume()
    run.complete("z")
    assert run.status == "COMPLETED"


def parked(*behind: Step) -> Execution:
    run = started(workflow(*race(sure("a"), sure("b")), *behind), "a", "b")
    run.complete("a", "b")
    run.fail("undo:b", "stuck")
    assert run.status == "NEEDS_ATTENTION"
    return run


def test_an_undo_that_gives_up_needs_a_person():
    run = parked(task("z"), task("end"))
    run.complete("z")  # what is there may go on
    assert not run.begun("end")
    run.resolve("b", "retry")
    assert (run.status, run.open) == ("RUNNING", {"undo:b", "end"})
    run.complete("undo:b", "end")
    assert run.status == "COMPLETED"


def test_a_person_may_count_it_as_done():
    run = parked(task("z"))
    run.resolve("undo:b", "done")
    run.complete("z")
    assert (run.status, run.header.undoable) == ("COMPLETED", 1)


def test_a_failure_meanwhile_does_not_go_past_it():
    run = parked(task("z"))
    run.fail("z", "rain")
    assert (run.status, run.open) == ("NEEDS_ATTENTION", set())
    run.resolve("b", "done")
    assert (run.status, run.open) == ("COMPENSATING", {"undo:a"})
    run.complete("undo:a")
    assert (run.status, run.header.reason) == ("COMPENSATED", "z: rain")


def test_it_may_be_terminated_meanwhile():
    run = parked(task("z"))
    run.terminate("enough")
    assert run.open == set()
    run.resolve("b", "retry")
    run.complete("undo:b", "undo:a")
    assert (run.status, run.header.cause) == ("COMPENSATED", "TERMINATED")


def test_given_up_in_the_midst_of_it_there_is_no_going_on():
    run = parked(task("z"))
    run.resolve("b", "abandon")
    assert run.status == "FAILED"
    with pytest.raises(ConflictError, match="while it was being undone"):
        run.retry()


def test_terminated_without_undo_while_a_loser_is_undone_there_is_no_going_on():
    run = started(workflow(*race(sure("a"), sure("b")), task("z")), "a", "b")
    run.complete("a", "b")
    run.terminate("enough", undo=False)
    assert (run.status, run.open) == ("TERMINATED", set())
    with pytest.raises(ConflictError, match="while it was being undone"):
        run.retry()


def test_losers_without_effects_do_not_keep_a_retry_away():
    run = started(workflow(*race(task("a"), task("b")), task("z")), "b")
    run.complete("a")
    run.fail("z")
    assert (run.status, run.open) == ("FAILED", set())
    run.retry()
    assert run.open == {"z"}
    run.complete("z")
    assert run.status == "COMPLETED"


def test_behind_a_pivot_both_kinds_wait_for_a_person():
    steps = [*race(sure("a"), sure("b")), task("pay", pivot=True), task("z"), task("end")]
    run = started(workflow(*steps), "a", "b")
    run.complete("a", "b", "pay")
    run.fail("undo:b", "stuck")
    run.fail("z", "rain")
    assert (run.status, run.header.parked) == ("NEEDS_ATTENTION", 2)
    run.resolve("z", "done")
    assert (run.status, run.begun("end")) == ("NEEDS_ATTENTION", False)
    run.resolve("b", "done")
    run.complete("end")
    assert run.status == "COMPLETED"


def test_given_up_while_a_loser_is_at_work_there_is_no_going_on():
    run = started(workflow(*race(sure("a"), sure("b")), task("z")), "a", "b")
    run.complete("a")
    run.terminate("enough", undo=False)
    with pytest.raises(ConflictError, match="while it was being undone"):
        run.retry()
