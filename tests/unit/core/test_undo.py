"""The way back inside one execution: what is undone, in which order, and what is not."""

from __future__ import annotations

import pytest

from pavane.core.model.fact import Reported, Returned
from pavane.core.model.workflow import Undo
from pavane.errors import ConflictError
from tests.unit.core.build import fork, noop, of_type, once, switch, task, terminate, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(*steps, **given) -> Execution:
    return World().start(workflow(*steps), **given)


def undo_all(run: Execution, limit: int = 50) -> None:
    """Do every undo that is offered until there is none."""
    for _ in range(limit):
        offered = sorted(ref for ref in run.offered if ref.startswith("undo:"))
        if not offered:
            return
        run.complete(offered[0])
    raise AssertionError("undo after undo")


def test_a_failure_undoes_what_was_done_last_step_first():
    run = start(task("a", undo=True), task("b", undo=True), task("c"), task("d"))
    run.complete("a", "b", "c")
    run.fail("d", "out of stock")
    assert (run.status, run.header.cause, run.header.failed_ref) == ("COMPENSATING", "FAILED", "d")
    assert run.offered == {"undo:b"}
    run.complete("undo:b")
    assert run.offered == {"undo:a"}
    run.complete("undo:a")
    assert (run.status, run.header.cause, run.undone) == ("COMPENSATED", "FAILED", ["b", "a"])
    assert run.ready() == []
    assert "out of stock" in run.header.reason


def test_a_failure_with_nothing_to_undo_ends_at_once():
    run = start(task("a"), task("b"))
    run.complete("a")
    run.fail("b")
    assert (run.status, run.header.cause) == ("FAILED", "FAILED")


def test_the_step_that_failed_is_not_undone():
    run = start(task("a", undo=True), task("b", undo=True))
    run.complete("a")
    run.fail("b")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_an_undo_reads_its_steps_input_and_output():
    back = Undo(name="release", input_parameters={"id": "${a.output.id}", "n": "${a.input.n}"})
    run = start(task("a", undo=back, inputs={"n": 3}), task("b"))
    run.complete("a", id="r-1")
    run.fail("b")
    assert run.row("undo:a").name == "release"
    assert run.input("undo:a") == {"id": "r-1", "n": 3}


@pytest.mark.parametrize("outcome", ["CANCELED", "TIMED_OUT"])
def test_what_perhaps_happened_counts_as_done(outcome: str):
    policy = once(timeout_seconds=5, timeout_policy="RETRY")
    run = start(task("a", undo=True, policy=policy), task("b"))
    run.take("a")
    if outcome == "CANCELED":
        run.tell(Reported("a", 0, "CANCELED"))
    else:
        run.world.pass_time(5)
    assert run.row("a").status == outcome
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_what_nobody_took_did_not_happen():
    policy = once(poll_timeout_seconds=5)
    run = start(task("a", undo=True, policy=policy))
    run.world.pass_time(5)
    assert (run.status, run.header.cause) == ("TIMED_OUT", "TIMED_OUT")


def test_an_unknown_attempt_is_not_forgotten_when_a_later_one_fails():
    policy = once(retry_count=1, retry_delay_seconds=0, response_timeout_seconds=5)
    run = start(task("a", undo=True, policy=policy))
    run.take("a")
    run.world.pass_time(5)
    assert run.attempts("a") == ["TIMED_OUT", "SCHEDULED"]
    run.fail_for_good("a")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_an_unknown_attempt_is_not_forgotten_when_the_next_is_cancelled_in_the_queue():
    policy = once(retry_count=1, retry_delay_seconds=60, response_timeout_seconds=5)
    run = start(*fork("f", task("a", undo=True, policy=policy), task("b")))
    run.take("a")
    run.world.pass_time(5)
    run.fail("b")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_a_task_whose_process_died_may_have_happened():
    run = start(*fork("f", task("a", undo=True), task("b")))
    run.take("a")
    run.tell(Returned("a", 0))
    run.fail("b")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_the_branches_of_a_fork_are_undone_side_by_side():
    a = [task("a1", undo=True), task("a2", undo=True)]
    b = [task("b1", undo=True)]
    run = start(task("s", undo=True), fork("f", a, b), task("z"))
    run.complete("s", "a1", "a2", "b1")
    run.fail("z")
    assert run.offered == {"undo:a2", "undo:b1"}
    run.complete("undo:b1")
    assert run.offered == {"undo:a2"}
    run.complete("undo:a2")
    assert run.offered == {"undo:a1"}
    run.complete("undo:a1")
    assert run.offered == {"undo:s"}
    run.complete("undo:s")
    assert run.status == "COMPENSATED"


def test_a_branch_that_fails_stops_the_others_where_they_are():
    a = [task("a1", undo=True), task("a2", undo=True), task("a3", undo=True)]
    b = [task("b1", undo=True), task("b2")]
    run = start(*fork("f", a, b))
    run.complete("a1", "b1")
    run.take("a2")
    run.fail("b2")
    assert run.status == "COMPENSATING"
    assert [ref for _, ref, _ in run.world.interrupted] == ["a2"]
    assert run.offered == set()  # a2 is still at it
    run.report("a2", "FAILED_WITH_TERMINAL_ERROR")
    assert run.offered == {"undo:a1", "undo:b1"}
    undo_all(run)
    assert (run.status, sorted(run.undone)) == ("COMPENSATED", ["a1", "b1"])
    assert not run.begun("a3")


def test_a_success_while_freezing_is_undone():
    run = start(*fork("f", [task("a", undo=True), task("a2")], task("b")))
    run.take("a")
    run.fail("b")
    run.report("a", "COMPLETED")
    assert not run.begun("a2")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_an_interrupted_attempt_may_have_happened():
    run = start(*fork("f", task("a", undo=True), task("b")))
    run.take("a")
    run.fail("b")
    run.report("a", "CANCELED")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_an_attempt_that_is_given_back_while_freezing_is_over():
    run = start(*fork("f", task("a", undo=True), task("b")))
    run.take("a")
    run.fail("b")
    run.tell(Reported("a", 0, "IN_PROGRESS", callback_after_s=5))
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_freezing_with_nothing_done_ends_without_compensation():
    run = start(*fork("f", task("a", undo=True), task("b")))
    run.fail("b")
    assert (run.status, run.row("a").status) == ("FAILED", "CANCELED")
    assert (run.row("f-join").status, run.begun("undo:a")) == ("CANCELED", False)


def test_the_way_back_through_nested_forks():
    inner = fork("g", task("x", undo=True), [task("y", undo=True), task("y2", undo=True)])
    run = start(
        task("s", undo=True),
        fork("f", [task("a", undo=True), *inner, task("b", undo=True)], task("c", undo=True)),
        task("z"),
    )
    run.complete("s", "a", "x", "y", "y2", "b", "c")
    run.fail("z")
    undo_all(run)
    order = run.undone
    assert run.status == "COMPENSATED"
    assert sorted(order) == sorted(["s", "a", "x", "y", "y2", "b", "c"])
    for later, earlier in [("b", "x"), ("b", "y2"), ("y2", "y"), ("x", "a"), ("y", "a")]:
        assert order.index(later) < order.index(earlier)
    assert order[-1] == "s"


def test_the_way_back_from_within_nested_forks():
    inner = fork("g", [task("x", undo=True), task("x2")], [task("y", undo=True), task("y2")])
    run = start(
        task("s", undo=True), fork("f", [task("a", undo=True), *inner], task("c", undo=True))
    )
    run.complete("s", "a", "x", "y")
    run.take("c")
    run.fail("x2")
    run.report("c", "COMPLETED")
    undo_all(run)
    order = run.undone
    assert (run.status, sorted(order)) == ("COMPENSATED", ["a", "c", "s", "x", "y"])
    assert order.index("x") < order.index("a")
    assert order.index("y") < order.index("a")
    assert order[-1] == "s"


def test_the_way_back_goes_through_the_case_that_was_taken():
    choice = switch(
        "c", "${workflow.input.way}", task("d", undo=True), x=[task("x", undo=True), task("x2")]
    )
    run = start(task("s", undo=True), choice, task("z"), way="x")
    run.complete("s", "x", "x2")
    run.fail("z")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["x", "s"])


def test_the_way_back_from_within_a_case():
    choice = switch("c", "x", x=[task("x", undo=True), task("x2"), task("x3", undo=True)])
    run = start(task("s", undo=True), choice)
    run.complete("s", "x")
    run.fail("x2")
    undo_all(run)
    assert run.undone == ["x", "s"]


def test_the_way_back_past_an_empty_case_and_instant_steps():
    run = start(
        task("s", undo=True),
        switch("c", "none", x=task("x")),
        noop("n"),
        of_type("SET_VARIABLE", "v", {"k": 1}),
        task("z"),
    )
    run.complete("s")
    run.fail("z")
    undo_all(run)
    assert run.undone == ["s"]


def test_the_way_back_from_a_branch_that_ends_in_a_switch():
    inner = switch("c", "x", x=[task("x", undo=True)])
    run = start(*fork("f", [task("a", undo=True), inner], task("b"), join_on=["x", "b"]), task("z"))
    run.complete("a", "x", "b")
    run.fail("z")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["x", "a"])


def test_a_join_that_is_not_waited_for_leaves_its_branch_to_be_undone():
    branches = [task("a", undo=True), task("a2", undo=True)], [task("b", undo=True)]
    run = start(*fork("f", *branches, join_on=["b"]), task("z"))
    run.complete("b", "a")
    run.take("a2")
    run.fail("z")
    run.report("a2", "COMPLETED")
    undo_all(run)
    assert (run.status, sorted(run.undone)) == ("COMPENSATED", ["a", "a2", "b"])


def test_a_branch_that_outlives_the_last_step_fails():
    run = start(*fork("f", [task("a", undo=True), task("a2")], task("b", undo=True), join_on=["b"]))
    run.complete("b", "a")
    assert run.status == "RUNNING"
    run.fail("a2")
    undo_all(run)
    assert (run.status, sorted(run.undone)) == ("COMPENSATED", ["a", "b"])


def test_terminate_undoes():
    run = start(task("a", undo=True), task("b"))
    run.complete("a")
    run.terminate("the customer left")
    undo_all(run)
    assert (run.status, run.header.cause) == ("COMPENSATED", "TERMINATED")
    assert run.header.reason == "the customer left"
    assert run.row("b").status == "CANCELED"


def test_terminate_without_undo_leaves_everything_as_it_stands():
    run = start(task("a", undo=True), task("b"))
    run.complete("a")
    run.take("b")
    run.terminate(undo=False)
    assert (run.status, run.row("b").status, run.undone) == ("TERMINATED", "CANCELED", [])
    assert run.world.interrupted == [(run.id, "b", "w")]
    run.terminate()  # once more is fine
    assert run.status == "TERMINATED"


def test_terminate_is_refused_where_it_makes_no_sense():
    run = start(task("a", undo=True), task("b"))
    run.complete("a")
    run.terminate()
    with pytest.raises(ConflictError):
        run.terminate()
    undo_all(run)
    with pytest.raises(ConflictError):
        run.terminate()


def test_a_terminate_step_undoes():
    run = start(task("a", undo=True), terminate("t", "FAILED", terminationReason="declined"))
    run.complete("a")
    undo_all(run)
    assert (run.status, run.header.cause, run.header.reason) == (
        "COMPENSATED",
        "FAILED",
        "declined",
    )


def test_a_terminate_step_in_a_branch_undoes_all_branches():
    branches = [task("a", undo=True), terminate("t", "TERMINATED")], [task("b", undo=True)]
    run = start(*fork("f", *branches))
    run.complete("b", "a")
    undo_all(run)
    assert (run.status, run.header.cause) == ("COMPENSATED", "TERMINATED")
    assert sorted(run.undone) == ["a", "b"]


def test_a_terminate_step_stops_what_was_about_to_begin():
    branches = [terminate("t", "FAILED")], [task("b", undo=True)], fork("g", task("c"), task("d"))
    run = start(task("s", undo=True), *fork("f", *branches, join_on=["b"]))
    run.complete("s")
    assert run.row("b").status == "CANCELED"
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["s"])


def test_the_time_of_the_workflow_is_up():
    definition = workflow(
        task("a", undo=True), task("b"), timeout_seconds=60, timeout_policy="TIME_OUT_WF"
    )
    run = World().start(definition)
    run.complete("a")
    run.world.pass_time(60)
    undo_all(run)
    assert (run.status, run.header.cause) == ("COMPENSATED", "TIMED_OUT")


def test_a_paused_run_is_undone_from_where_it_was_held():
    run = start(*fork("f", [task("a", undo=True), task("a2")], task("b")))
    run.pause()
    run.complete("a")
    run.fail("b")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["a"])


def test_hundreds_of_branches_are_undone():
    branches = [[task(f"b{i:03}", undo=True)] for i in range(250)]
    run = start(task("s", undo=True), *fork("f", *branches), task("z"))
    run.complete("s")
    run.world.pass_time(0)
    run.complete(*(f"b{i:03}" for i in range(250)))
    run.fail("z")
    run.world.pass_time(0)
    assert len(run.offered) == 250
    undo_all(run, 300)
    assert (run.status, len(run.undone), run.undone[-1]) == ("COMPENSATED", 251, "s")


def test_a_fan_out_is_interrupted_between_two_pages():
    branches = [[task(f"b{i:03}", undo=True)] for i in range(250)]
    run = start(task("s", undo=True), *fork("f", *branches))
    run.complete("s", "b000", "b001")
    run.fail("b002")
    undo_all(run)
    run.world.pass_time(0)
    undo_all(run)
    assert (run.status, sorted(run.undone)) == ("COMPENSATED", ["b000", "b001", "s"])
    assert not run.begun("b100")


def test_a_long_way_back_gives_others_their_turn():
    run = start(task("s", undo=True), *(noop(f"n{i}") for i in range(2500)), task("z"))
    run.complete("s")
    run.fail("z")
    assert run.status == "COMPENSATING" and not run.undone  # the walk has stopped on its way
    run.world.pass_time(0)
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["s"])
