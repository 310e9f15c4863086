"""What people ask of an execution that is under way or has failed: pause, resume, retry, signal."""

from __future__ import annotations

import pytest

from pavane.core.model.fact import AlarmRang
from pavane.errors import ConflictError, NotFoundError
from tests.unit.core.build import (
    fork,
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
from tests.unit.core.test_undo import undo_all
from tests.unit.core.world import World


def start(*steps, **given) -> Execution:
    return World().start(workflow(*steps), **given)


# --- pause and resume ---------------------------------------------------------------------------


def test_a_paused_run_finishes_what_is_open_and_begins_nothing():
    run = start(task("a"), task("b"))
    run.pause()
    run.complete("a")
    assert (run.status, run.open, run.marks) == ("PAUSED", set(), {"a": "held"})
    run.resume()
    assert (run.status, run.open, run.marks) == ("RUNNING", {"b"}, {})
    run.complete("b")
    assert run.status == "COMPLETED"


def test_the_last_step_of_a_paused_run_ends_it_only_when_it_is_resumed():
    run = start(task("a"))
    run.pause()
    run.complete("a", x=1)
    assert run.status == "PAUSED"
    run.resume()
    assert (run.status, run.output) == ("COMPLETED", {"x": 1})


def test_every_branch_is_held_and_goes_on():
    run = start(*fork("f", [task("a"), task("a2")], [task("b"), task("b2")]))
    run.pause()
    run.complete("a", "b")
    run.resume()
    assert run.offered == {"a2", "b2"}
    run.complete("a2", "b2")
    assert run.status == "COMPLETED"


def test_a_join_that_completes_in_a_pause_goes_on_after_it():
    run = start(*fork("f", task("a"), task("b")), task("c"))
    run.pause()
    run.complete("a", "b")
    assert run.row("f-join").status == "COMPLETED"
    run.resume()
    assert run.open == {"c"}


def test_a_branch_that_nobody_waits_for_is_held_and_the_run_does_not_end_without_it():
    run = start(*fork("f", [task("a"), task("a2")], task("b"), join_on=["b"]))
    run.complete("b")
    run.pause()
    run.complete("a")
    run.resume()
    assert (run.status, run.open) == ("RUNNING", {"a2"})
    run.complete("a2")
    assert run.status == "COMPLETED"


def test_a_wait_that_ends_in_a_pause_goes_on_after_it():
    run = start(of_type("WAIT", "w", {"duration": "5s"}), task("a"))
    run.pause()
    run.world.pass_time(60)
    assert (run.row("w").status, run.open) == ("COMPLETED", set())
    run.resume()
    assert run.open == {"a"}


def test_a_fan_out_is_held_between_two_pages():
    run = start(*fork("f", *([task(f"b{i:03}")] for i in range(250))))
    assert len(run.offered) == 100
    run.pause()
    run.world.pass_time(0)
    assert (len(run.offered), run.marks["f"]) == (100, "held")
    run.resume()
    run.world.pass_time(0)
    assert len(run.offered) == 250
    run.complete(*(f"b{i:03}" for i in range(250)))
    assert run.status == "COMPLETED"


def test_a_held_fan_out_is_undone():
    branches = [[task(f"b{i:03}", undo=i == 0)] for i in range(250)]
    run = start(*fork("f", *branches))
    run.complete("b000")
    run.pause()
    run.world.pass_time(0)
    run.terminate()
    run.world.pass_time(0)
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["b000"])


def test_a_retry_by_policy_goes_on_in_a_pause():
    run = start(task("a", policy=once(retry_count=1, retry_delay_seconds=0)))
    run.pause()
    run.fail("a")
    run.complete("a")
    run.resume()
    assert run.status == "COMPLETED"


def test_many_held_places_go_on_page_by_page():
    run = start(*fork("f", *([task(f"b{i:03}"), task(f"c{i:03}")] for i in range(150))))
    run.world.pass_time(0)
    run.pause()
    run.complete(*(f"b{i:03}" for i in range(150)))
    run.resume()
    assert 0 < len(run.offered) <= 100
    run.pause()  # in the middle of it
    run.tell(AlarmRang())
    run.resume()
    run.world.pass_time(0)
    assert run.offered == {f"c{i:03}" for i in range(150)}
    assert run.marks == {}


def test_pause_and_resume_are_refused_where_they_make_no_sense():
    run = start(task("a"))
    with pytest.raises(ConflictError):
        run.resume()
    run.pause()
    with pytest.raises(ConflictError):
        run.pause()
    run.resume()
    run.complete("a")
    with pytest.raises(ConflictError):
        run.pause()
    with pytest.raises(ConflictError):
        run.resume()


# --- retry --------------------------------------------------------------------------------------


def test_a_failed_step_is_tried_again_and_the_run_goes_on():
    run = start(task("a"), task("b"), task("c"))
    run.complete("a")
    run.fail("b")
    run.retry()
    assert (run.status, run.header.reason, run.header.ended_at) == ("RUNNING", "", 0)
    assert run.attempts("b") == ["FAILED", "SCHEDULED"]
    run.complete("b", "c")
    assert (run.status, run.attempts("a")) == ("COMPLETED", ["COMPLETED"])


def test_a_pause_in_the_middle_of_a_retry_begins_nothing_more():
    run = start(*fork("f", *([task(f"b{i:03}")] for i in range(150))))
    run.world.pass_time(0)
    run.fail("b000")
    run.world.pass_time(0)
    assert len(run.marks) == 151
    run.retry()
    begun = len(run.open)
    assert 0 < begun < 151
    run.pause()
    run.tell(AlarmRang())
    assert len(run.open) == begun
    run.resume()
    run.world.pass_time(0)
    assert (len(run.open), run.marks) == (151, {})
    run.complete(*(f"b{i:03}" for i in range(150)))
    assert run.status == "COMPLETED"


def test_a_retry_has_a_new_round_of_retries():
    run = start(task("a", policy=once(retry_count=1, retry_delay_seconds=0)))
    run.fail("a")
    run.fail("a")
    assert run.status == "FAILED"
    run.retry()
    run.fail("a")
    assert run.status == "RUNNING"
    run.complete("a")
    assert run.attempts("a") == ["FAILED", "FAILED", "FAILED", "COMPLETED"]


def test_branches_that_were_cancelled_go_on_after_a_retry():
    run = start(*fork("f", [task("a"), task("a2")], [task("b"), task("b2")]), task("z"))
    run.complete("a", "b")
    run.take("a2")
    run.fail("b2")
    assert run.row("a2").status == run.row("f-join").status == "CANCELED"
    run.retry()
    assert run.offered == {"a2", "b2"}
    assert run.row("f-join").status == "IN_PROGRESS"
    run.complete("a2", "b2", "z")
    assert (run.status, run.attempts("a")) == ("COMPLETED", ["COMPLETED"])


def test_what_succeeded_while_freezing_is_not_done_again():
    run = start(*fork("f", task("a"), task("b", undo=True), task("c")), task("z"))
    run.take("a")
    run.take("b")
    run.fail("c")
    run.report("b", "FAILED")
    run.report("a", "COMPLETED")
    assert run.status == "FAILED"  # after all there was nothing to undo
    run.retry()
    assert run.offered == {"b", "c"}
    run.complete("b", "c", "z")
    assert (run.status, run.attempts("a")) == ("COMPLETED", ["COMPLETED"])


def test_steps_that_never_began_are_begun_by_a_retry():
    branches = [terminate("t", "FAILED")], [task("b")], fork("g", task("x"), task("y"))
    run = start(*fork("f", *branches))
    assert (run.status, run.row("b").status, run.row("g").status) == (
        "FAILED",
        "CANCELED",
        "CANCELED",
    )
    run.retry()  # what ended the run is asked again, and says the same
    assert (run.status, run.attempts("t")) == ("FAILED", ["COMPLETED"] * 2)


def test_a_fork_that_never_began_opens_its_join_when_it_does():
    bad = task("a", inputs={"x": "${= b.output.x / 0 }"})
    run = start(task("b"), *fork("f", bad, fork("g", task("x"), task("y")), [noop("n")]), task("z"))
    run.complete("b", x=1)
    assert (run.status, run.row("g").status, run.begun("g-join")) == ("FAILED", "CANCELED", False)
    run.retry()
    assert run.status == "FAILED"  # `a` still cannot be evaluated
    assert run.row("g").status == "CANCELED"
    assert run.attempts("a") == ["FAILED_WITH_TERMINAL_ERROR"] * 2


def test_a_permissive_failure_is_tried_again_by_its_join():
    run = start(*fork("f", task("a", permissive=True), task("b")), task("z"))
    run.fail("a")
    run.complete("b")
    assert (run.status, run.row("f-join").status) == ("FAILED", "FAILED")
    run.retry()
    assert (run.offered, run.row("f-join").status) == ({"a"}, "IN_PROGRESS")
    run.complete("a", "z")
    assert (run.status, run.attempts("b")) == ("COMPLETED", ["COMPLETED"])


def test_a_join_tries_only_what_arrived_again():
    steps = fork("f", task("a", permissive=True), scope("s", task("x")), task("z", permissive=True))
    run = start(*steps)
    run.fail("a")
    run.terminate()
    assert (run.status, run.row("f-join").failed) == ("TERMINATED", 1)
    run.retry()
    assert (run.attempts("a"), run.attempts("s"), run.attempts("z")) == (
        ["FAILED", "SCHEDULED"],
        ["CANCELED", "IN_PROGRESS"],
        ["CANCELED", "SCHEDULED"],
    )
    run.complete("a", "z")
    run.child("s").complete("x")
    assert run.status == "COMPLETED"


def test_a_permissive_failure_that_was_passed_cannot_be_retried():
    run = start(task("a", permissive=True), task("b"))
    run.fail("a")
    run.complete("b")
    assert (run.status, run.header.failed_ref) == ("FAILED", "a")
    with pytest.raises(ConflictError, match="permissive"):
        run.retry()


def test_a_scope_is_begun_anew_by_a_retry():
    run = start(task("z"), scope("s", task("a"), task("b")))
    run.complete("z")
    run.child("s").complete("a")
    run.child("s").fail("b")
    run.retry()
    run.child("s").complete("a", "b")
    assert (run.status, run.attempts("s")) == ("COMPLETED", ["FAILED", "COMPLETED"])


def test_a_switch_that_failed_is_asked_again():
    choice = switch("c", "${= a.output.x / 0 }", x=task("x"))
    run = start(task("a"), choice)
    run.complete("a", x=1)
    assert run.status == "FAILED"
    run.retry()
    assert (run.status, len(run.attempts("c"))) == ("FAILED", 2)


def test_a_terminated_run_goes_on_after_a_retry():
    run = start(task("a"), of_type("WAIT", "w", {"duration": "5s"}), task("b"))
    run.complete("a")
    run.terminate()
    assert (run.status, run.row("w").status) == ("TERMINATED", "CANCELED")
    run.world.pass_time(60)
    run.retry()
    run.world.pass_time(5)
    run.complete("b")
    assert run.status == "COMPLETED"


def test_an_attempt_that_perhaps_happened_is_remembered_across_a_retry():
    run = start(task("a", undo=True), task("b"))
    run.report("a", "CANCELED")
    undo_all(run)
    assert run.status == "COMPENSATED"
    with pytest.raises(ConflictError, match="undone"):
        run.retry()


def test_what_was_abandoned_keeps_its_memory_of_unknown_attempts():
    run = start(task("a", undo=True), task("b"))
    run.take("a")
    run.terminate(undo=False)
    assert run.status == "TERMINATED"
    run.retry()
    run.fail_for_good("a")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_the_time_of_the_workflow_begins_anew_with_a_retry():
    definition = workflow(task("a"), timeout_seconds=9, timeout_policy="TIME_OUT_WF")
    run = World().start(definition)
    run.world.pass_time(9)
    assert run.status == "TIMED_OUT"
    run.retry()
    run.world.pass_time(8)
    assert run.status == "RUNNING"
    run.world.pass_time(1)
    assert run.status == "TIMED_OUT"


def test_retry_is_refused_where_it_makes_no_sense():
    run = start(task("a"))
    with pytest.raises(ConflictError):
        run.retry()
    run.complete("a")
    with pytest.raises(ConflictError):
        run.retry()


# --- signals ------------------------------------------------------------------------------------


def test_a_signal_completes_a_wait():
    run = start(of_type("WAIT", "w"), task("a", inputs={"by": "${w.output.by}"}))
    run.signal("w", by="ada")
    assert run.input("a") == {"by": "ada"}


def test_a_signal_fails_a_wait():
    run = start(of_type("WAIT", "w"))
    run.signal("w", "FAILED")
    assert (run.status, run.row("w").status) == ("FAILED", "FAILED")


def test_a_signal_finds_only_what_waits():
    run = start(of_type("WAIT", "w"), task("a"))
    with pytest.raises(NotFoundError):
        run.signal("a")
    with pytest.raises(NotFoundError):
        run.signal("nothing")
    run.signal("w")
    with pytest.raises(ConflictError):
        run.signal("w")
    with pytest.raises(ConflictError):
        run.signal("a")


def test_the_end_of_a_branch_holds_nothing_while_paused():
    """Else an undo that begins before all that was held has gone on would start there as well."""
    run = start(fork("f", task("a", undo=True), task("b", undo=True)), task("z", undo=True))
    run.pause()
    run.complete("a", "b")
    assert run.marks == {"f-join": "held"}
    run.resume()
    run.complete("z")
    assert run.status == "COMPLETED"
