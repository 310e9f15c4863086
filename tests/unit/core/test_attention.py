"""When a person must act: undos that give up, and how each is settled."""

from __future__ import annotations

import pytest

from pavane.core.model.fact import AlarmRang, Reported
from pavane.core.model.workflow import Undo
from pavane.errors import ConflictError, NotFoundError
from tests.unit.core.build import fork, once, task, workflow
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


def test_a_report_that_nobody_asked_for_settles_nothing():
    run = stuck()
    assert not run.tell(Reported("undo:b", 0, "COMPLETED"))
    assert run.status == "NEEDS_ATTENTION"
