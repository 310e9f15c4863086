"""JOINs with a `joinCount`: the first to be done win, the others are called off and undone."""

from __future__ import annotations

from pavane.core.model import fact as facts
from pavane.core.model.rows import PAGE
from tests.unit.core.build import (
    loop,
    of_type,
    once,
    scope,
    task,
    workflow,
)
from tests.unit.core.racing import interrupted, race, started, sure

# --- who wins -----------------------------------------------------------------------------------


def test_the_first_to_be_done_wins_and_what_nobody_took_is_cancelled():
    run = started(workflow(*race(task("a"), task("b"), task("c")), task("z")))
    run.complete("b", x=1)
    assert run.open == {"z"}
    assert (run.row("a").status, run.row("c").status) == ("CANCELED", "CANCELED")
    run.complete("z")
    assert run.status == "COMPLETED"


def test_its_output_names_the_winners_in_their_order():
    run = started(workflow(*race(task("a"), task("b"), task("c"), needed=2)))
    run.complete("c", x=3)
    run.complete("a", x=1)
    assert run.status == "COMPLETED"
    assert run.output == {"winner": "c", "winners": ["c", "a"], "c": {"x": 3}, "a": {"x": 1}}


def test_what_was_already_taken_is_interrupted_and_undone_if_it_was_done():
    run = started(workflow(*race(sure("a"), sure("b")), task("z")), "a", "b")
    run.complete("a")
    assert interrupted(run) == ["b"]
    assert run.open == {"b", "z"}  # the flow goes on meanwhile
    run.complete("b")
    assert run.open == {"undo:b", "z"}
    run.complete("z")
    assert run.status == "RUNNING"
    run.complete("undo:b")
    assert (run.status, run.undone) == ("COMPLETED", ["b"])


def test_one_that_stops_as_asked_is_undone_as_it_perhaps_did_something():
    run = started(workflow(*race(sure("a"), sure("b"))), "a", "b")
    run.complete("a")
    run.tell(facts.Returned("b", 0, "w", begun=True))
    assert run.open == {"undo:b"}
    run.complete("undo:b")
    assert run.status == "COMPLETED"


def test_one_without_an_undo_just_ends():
    run = started(workflow(*race(task("a"), task("b"))), "a", "b")
    run.complete("a")
    assert run.status == "RUNNING"
    run.fail("b", "too late")
    assert (run.status, run.header.reason) == ("COMPLETED", "")


def test_a_loser_is_not_tried_again():
    again = once(retry_count=3)
    run = started(workflow(*race(task("a"), task("b", policy=again))), "a", "b")
    run.complete("a")
    run.fail("b")
    assert (run.status, run.attempts("b")) == ("COMPLETED", ["FAILED"])


def test_branches_that_wait_are_cancelled_with_their_timers():
    waiting = of_type("WAIT", "w", {"duration": "2 days"})
    run = started(workflow(*race(task("a"), waiting, of_type("HUMAN", "h"))))
    run.complete("a")
    assert (run.status, run.row("w").status, run.ready()) == ("COMPLETED", "CANCELED", [])


def test_a_wait_wins_when_its_time_has_come():
    run = started(workflow(*race(sure("a"), of_type("WAIT", "w", {"duration": "5s"}))), "a")
    run.world.pass_time(6)
    assert run.open == {"a"}
    run.complete("a")
    run.complete("undo:a")
    assert run.output == {"winner": "w", "winners": ["w"]}


def test_a_child_that_loses_undoes_what_it_did():
    run = started(workflow(*race(scope("s", sure("one"), sure("two")), task("a"))))
    child = run.child("s")
    child.complete("one")
    run.complete("a")
    assert (child.status, run.status) == ("COMPENSATING", "RUNNING")
    child.complete("undo:one")
    assert (child.status, run.status) == ("COMPENSATED", "COMPLETED")


def test_a_child_that_was_done_as_well_is_undone():
    run = started(workflow(*race(task("a"), scope("s", sure("one"))), task("z")), "a")
    child = run.child("s")
    run.world.holding = True  # both are done in the same moment
    child.complete("one")
    run.complete("a")
    run.world.holding = False
    run.world.drain()
    assert (child.status, run.open) == ("COMPENSATING", {"undo:s", "z"})
    child.complete("undo:one")
    run.complete("z")
    assert run.status == "COMPLETED"


def test_what_ends_at_once_wins_before_the_others_begin():
    run = started(workflow(*race(of_type("NOOP", "n"), sure("a")), task("z")))
    assert (run.begun("a"), run.open) == (False, {"z"})


def test_all_of_all_is_a_join_as_any_other():
    run = started(workflow(*race(sure("a"), sure("b"), needed=2)))
    run.complete("a", "b")
    assert (run.status, run.undone) == ("COMPLETED", [])


def test_each_iteration_of_a_loop_has_a_race_of_its_own():
    body = loop("l", *race(sure("a"), sure("b")), items=[1, 2])
    after = task("z", inputs={"who": "${f-join.output.winner}", "what": "${f-join.output.b}"})
    run = started(workflow(body, after), "a__1", "b__1")
    run.complete("a__1")
    run.complete("b__2", x=2)  # while the loser of the first one is at work
    assert (run.open, run.input("z")) == ({"b__1", "z"}, {"who": "b", "what": {"x": 2}})
    run.complete("b__1", "undo:b__1", "z")
    assert (run.status, run.undone) == ("COMPLETED", ["b__1"])


def test_many_branches_are_seen_to_a_page_at_a_time():
    many = [task(f"t{n:03}") for n in range(2 * PAGE + 50)]
    run = started(workflow(*race(*many), task("z")))
    run.world.pass_time(1)
    run.complete("t120")
    assert "z" in run.open
    run.world.pass_time(1)
    assert run.open == {"z"}
    run.complete("z")
    assert run.status == "COMPLETED"


# --- when they fail -----------------------------------------------------------------------------


def test_a_branch_that_fails_fails_nothing_while_enough_are_left():
    run = started(workflow(*race(task("a"), task("b"), task("c"), needed=2)))
    run.fail("a", "rain")
    assert run.status == "RUNNING"
    run.complete("b", "c")
    assert (run.status, run.row("f-join").status) == ("COMPLETED", "COMPLETED")


def test_too_many_failures_fail_it_with_the_reason():
    steps = [sure("first"), *race(sure("a"), sure("b"), sure("c"), needed=2), task("z")]
    run = started(workflow(*steps))
    run.complete("first", "b")
    run.fail("a", "rain")
    run.fail("c", "snow")
    assert run.header.reason == (
        "f-join: 2 of its 3 branches are needed, and only 1 can be done (a: rain)"
    )
    run.complete("undo:b", "undo:first")
    assert (run.status, run.undone, run.begun("z")) == ("COMPENSATED", ["b", "first"], False)


def test_a_failed_branch_that_perhaps_did_something_is_undone_when_it_loses():
    limited = once(timeout_seconds=5, timeout_policy="RETRY")
    run = started(workflow(*race(sure("a", policy=limited), sure("b")), task("z")), "a")
    run.world.pass_time(6)
    assert (run.row("a").status, run.status) == ("TIMED_OUT", "RUNNING")
    run.complete("b")
    assert run.open == {"undo:a", "z"}
    run.complete("undo:a", "z")
    assert run.status == "COMPLETED"


def test_a_retry_tries_the_branches_again_that_failed():
    run = started(workflow(*race(task("a"), task("b"), needed=2), task("z")))
    run.complete("b")
    run.fail("a", "rain")
    assert (run.status, run.row("f-join").status) == ("FAILED", "FAILED")
    run.retry()
    assert run.open == {"a", "f", "f-join"}
    run.complete("a", "z")
    assert (run.status, run.attempts("b")) == ("COMPLETED", ["COMPLETED"])


def test_after_a_retry_the_first_wins_as_before():
    run = started(workflow(*race(task("a"), task("b")), task("z")))
    run.fail("a")
    run.fail("b")
    run.retry()
    run.complete("a")
    assert run.open == {"z"}
