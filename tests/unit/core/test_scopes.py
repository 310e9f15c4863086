"""Executions inside executions: how they begin and end, and the way back across them."""

from __future__ import annotations

import pytest

from pavane.core.model.fact import ChildEnded
from pavane.core.model.workflow import Workflow
from pavane.errors import ConflictError
from tests.unit.core.build import around, fork, once, scope, sub, task, terminate, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.test_undo import undo_all
from tests.unit.core.world import World


def start(*steps, **given) -> Execution:
    return World().start(workflow(*steps), **given)


def test_a_scope_is_an_execution_of_its_own_and_its_end_is_the_steps():
    run = start(scope("s", task("a")), task("b"))
    child = run.child("s")
    assert (child.header.parent_id, child.header.depth, child.status) == (run.id, 1, "RUNNING")
    child.complete("a", x=1)
    assert (child.status, run.row("s").status) == ("COMPLETED", "COMPLETED")
    assert run.row("s").output == b'{"x":1}'
    assert run.open == {"b"}


def test_a_workflow_by_name_gets_the_steps_input():
    inner = workflow(task("a"), name="inner", output_parameters={"got": "${workflow.input.k}"})
    run = World(inner).start(workflow(sub("s", "inner", inputs={"k": "${workflow.input.k}"})), k=4)
    run.child("s").complete("a")
    assert run.output == {"got": 4}


def test_the_failure_of_a_child_is_the_failure_of_its_step():
    run = start(scope("s", task("a")))
    run.child("s").fail("a", "no luck")
    assert (run.status, run.row("s").status) == ("FAILED", "FAILED")
    assert "no luck" in run.header.reason


def test_a_child_that_was_undone_counts_as_what_caused_it():
    run = start(task("z", undo=True), scope("s", task("a", undo=True), task("b")))
    run.complete("z")
    child = run.child("s")
    child.complete("a")
    child.fail("b")
    undo_all(child)
    assert (child.status, run.row("s").status) == ("COMPENSATED", "FAILED")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["z"])


def test_a_terminated_child_terminates_its_parent():
    run = start(scope("s", task("a")))
    run.child("s").terminate("enough")
    assert (run.row("s").status, run.status, run.header.cause) == (
        "CANCELED",
        "TERMINATED",
        "TERMINATED",
    )


def test_a_child_whose_time_is_up():
    inner = workflow(task("a"), timeout_seconds=9, timeout_policy="TIME_OUT_WF")
    run = start(around("s", inner))
    run.world.pass_time(9)
    assert (run.row("s").status, run.status) == ("TIMED_OUT", "TIMED_OUT")


def test_an_optional_scope_may_fail():
    run = start(scope("s", task("a"), optional=True), task("b"))
    run.child("s").fail("a")
    assert run.row("s").status == "COMPLETED_WITH_ERRORS"
    run.complete("b")
    assert run.status == "COMPLETED"


def test_a_scope_is_tried_again_with_a_new_execution():
    policy = once(retry_count=1, retry_delay_seconds=5)
    run = start(scope("s", task("a"), task_definition=policy))
    first = run.child("s")
    first.fail("a")
    assert run.row("s").status == "SCHEDULED"
    run.world.pass_time(5)
    assert run.attempts("s") == ["FAILED", "IN_PROGRESS"]
    assert run.child("s").id != first.id
    run.child("s").complete("a")
    assert run.status == "COMPLETED"


def test_the_end_of_an_earlier_child_is_too_late():
    policy = once(retry_count=1, retry_delay_seconds=0)
    run = start(scope("s", task("a"), task_definition=policy))
    run.child("s").fail("a")
    run.world.pass_time(0)
    assert not run.tell(ChildEnded("s", 0, "COMPLETED"))
    assert run.row("s").status == "IN_PROGRESS"


@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF"])
def test_the_time_of_a_scope_is_up_so_the_child_stops_first(policy: str):
    times = once(retry_count=1, retry_delay_seconds=0, timeout_seconds=9, timeout_policy=policy)
    run = start(scope("s", task("a", undo=True), task("b"), task_definition=times))
    child = run.child("s")
    child.complete("a")
    run.world.pass_time(9)
    assert (child.status, run.row("s").status) == ("COMPENSATING", "IN_PROGRESS")
    undo_all(child)
    assert child.status == "COMPENSATED"
    if policy == "RETRY":
        run.world.pass_time(0)
        assert run.attempts("s") == ["TIMED_OUT", "IN_PROGRESS"]
    else:
        assert (run.attempts("s"), run.status) == (["TIMED_OUT"], "TIMED_OUT")


def test_a_timeout_of_a_scope_that_is_only_noted():
    times = once(timeout_seconds=9, timeout_policy="ALERT_ONLY")
    run = start(scope("s", task("a"), task_definition=times))
    run.world.pass_time(60)
    assert run.logged("timeout") == ["s"]
    run.child("s").complete("a")
    assert run.status == "COMPLETED"


def test_a_completed_child_is_undone_when_its_parent_is():
    run = start(
        task("z", undo=True), scope("s", task("a", undo=True), task("b", undo=True)), task("c")
    )
    run.complete("z")
    child = run.child("s")
    child.complete("a", "b")
    run.fail("c")
    assert run.open == {"undo:s"}
    assert (child.status, child.header.cause, child.offered) == (
        "COMPENSATING",
        "UNDO",
        {"undo:b"},
    )
    undo_all(child)
    assert (child.status, run.row("undo:s").status) == ("COMPENSATED", "COMPLETED")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["s", "z"])


def test_a_completed_child_with_nothing_to_undo_is_left_alone():
    run = start(task("z", undo=True), scope("s", task("a")), task("c"))
    run.complete("z")
    run.child("s").complete("a")
    run.fail("c")
    undo_all(run)
    assert (run.status, run.undone, run.child("s").status) == ("COMPENSATED", ["z"], "COMPLETED")


def test_grandchildren_are_undone_before_their_parents():
    inner = scope("t", task("x", undo=True))
    run = start(scope("s", task("a", undo=True), inner, task("b", undo=True)), task("c"))
    child = run.child("s")
    child.complete("a")
    child.child("t").complete("x")
    child.complete("b")
    run.fail("c")
    undo_all(child)
    assert child.undone == ["b"]
    undo_all(child.child("t"))
    undo_all(child)
    assert (child.undone, run.status) == (["b", "t", "a"], "COMPENSATED")


def test_a_running_child_is_stopped_and_undoes_itself_first():
    run = start(
        *fork("f", [task("p", undo=True), scope("s", task("a", undo=True), task("b"))], task("c"))
    )
    run.complete("p")
    child = run.child("s")
    child.complete("a")
    child.take("b")
    run.fail("c")
    assert (child.status, child.header.cause) == ("COMPENSATING", "TERMINATED")
    assert run.offered == set()  # nothing before the child is undone
    child.report("b", "CANCELED")
    undo_all(child)
    assert (child.status, run.row("s").status) == ("COMPENSATED", "CANCELED")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["p"])


def test_a_child_that_completes_while_it_is_being_stopped():
    world = World()
    run = world.start(workflow(*fork("f", scope("s", task("a", undo=True)), task("c"))))
    child = run.child("s")
    child.take("a")
    run.fail("c")
    child.report("a", "COMPLETED")  # the child is being frozen: it undoes this
    undo_all(child)
    assert (child.status, run.status) == ("COMPENSATED", "FAILED")


def test_a_child_has_completed_when_the_word_to_stop_comes():
    world = World()
    run = world.start(workflow(*fork("f", scope("s", task("a", undo=True)), task("c"))))
    child = run.child("s")
    world.holding = True
    run.fail("c")  # freezing has begun, and the child does not know yet
    child.complete("a")
    world.holding = False
    world.drain()
    undo_all(child)
    assert (child.status, run.status) == ("COMPENSATED", "COMPENSATED")


def test_a_child_with_an_own_undo_is_undone_by_that():
    run = start(
        around("s", workflow(task("a", undo=True)), undo=task("s", undo=True).undo), task("c")
    )
    run.child("s").complete("a")
    run.fail("c")
    assert run.offered == {"undo:s"}
    run.complete("undo:s")
    assert (run.status, run.child("s").status) == ("COMPENSATED", "COMPLETED")


def test_terminate_without_undo_leaves_children_as_they_stand():
    run = start(scope("s", task("a", undo=True), task("b")))
    child = run.child("s")
    child.complete("a")
    run.terminate(undo=False)
    assert (run.status, child.status, child.undone) == ("TERMINATED", "TERMINATED", [])


def test_a_child_is_not_retried_by_itself():
    run = start(scope("s", task("a")))
    child = run.child("s")
    child.fail("a")
    with pytest.raises(ConflictError, match="part of"):
        child.retry()
    run.retry()
    run.child("s").complete("a")
    assert (run.status, run.child("s").id != child.id) == ("COMPLETED", True)


def test_a_child_that_ended_early_is_undone_in_full():
    """TERMINATE breaks off a branch of the child; what stood there is undone all the same."""
    branches = (
        [task("a", undo=True), terminate("t", "COMPLETED")],
        [task("b", undo=True), task("d")],
    )
    run = start(scope("s", task("p", undo=True), *fork("f", *branches)), task("c"))
    child = run.child("s")
    child.complete("p", "b", "a")
    assert (child.status, run.open) == ("COMPLETED", {"c"})
    run.fail("c")
    undo_all(child)
    assert (child.status, sorted(child.undone)) == ("COMPENSATED", ["a", "b", "p"])
    assert run.status == "COMPENSATED"


def test_an_early_end_before_the_other_branches_began():
    run = start(
        scope("s", task("p", undo=True), *fork("f", terminate("t", "COMPLETED"), task("b"))),
        task("c"),
    )
    child = run.child("s")
    child.complete("p")
    run.fail("c")
    undo_all(child)
    assert (child.status, child.undone, run.status) == ("COMPENSATED", ["p"], "COMPENSATED")


def test_an_early_end_with_work_in_progress_is_undone_too():
    branches = [task("a"), terminate("t", "COMPLETED")], task("b", undo=True)
    run = start(scope("s", *fork("f", *branches)), task("c"))
    child = run.child("s")
    child.take("b")
    child.complete("a")
    assert child.status == "COMPLETED"
    run.fail("c")
    undo_all(child)
    assert (child.status, child.undone, run.status) == ("COMPENSATED", ["b"], "COMPENSATED")


def test_an_early_end_after_the_flow_had_come_to_its_end():
    late = [task("a", undo=True), terminate("t", "COMPLETED")]
    inner = [*fork("f", late, join_on=[]), task("b", undo=True)]
    run = start(scope("s", *inner), task("c"))
    child = run.child("s")
    child.complete("b", "a")
    assert child.status == "COMPLETED"
    run.fail("c")
    undo_all(child)
    assert (sorted(child.undone), child.status, run.status) == (
        ["a", "b"],
        "COMPENSATED",
        "COMPENSATED",
    )


def test_an_undo_that_comes_in_the_middle_of_the_sweep():
    """An early end with more open tasks than a page: the parent fails before all are closed."""
    wide = [[task(f"b{i:03}", undo=True)] for i in range(150)]
    inner = fork("f", [task("a", undo=True), terminate("t", "COMPLETED")], *wide)
    run = start(scope("s", *inner), task("c"))
    child = run.child("s")
    child.world.pass_time(0)
    child.complete("b000", "b149")
    child.take("b140")
    child.complete("a")
    assert (child.status, child.header.phase) == ("COMPLETED", "sweeping")
    run.fail("c")
    child.world.pass_time(0)
    if "b140" in child.open:
        child.report("b140", "CANCELED")
    child.world.pass_time(0)
    undo_all(child)
    assert (child.status, run.status) == ("COMPENSATED", "COMPENSATED")
    assert sorted(child.undone) == ["a", "b000", "b140", "b149"]


def test_an_undo_that_comes_before_the_sweep():
    branches = [task("a", undo=True), terminate("t", "COMPLETED")], task("b", undo=True)
    world = World()
    run = world.start(workflow(*fork("g", scope("s", *fork("f", *branches)), task("c"))))
    child = run.child("s")
    child.take("b")
    world.holding = True
    child.complete("a")
    run.fail("c")
    world.holding = False
    world.drain()
    world.pass_time(0)
    if child.row("b").status == "IN_PROGRESS":
        child.report("b", "CANCELED")
    undo_all(child)
    assert (child.status, sorted(child.undone)) == ("COMPENSATED", ["a", "b"])
    assert run.status == "COMPENSATED"


def test_the_undo_of_a_child_is_given_up_and_the_parent_asks_a_person():
    run = start(task("z", undo=True), scope("s", task("a", undo=True)), task("c"))
    run.complete("z")
    child = run.child("s")
    child.complete("a")
    run.fail("c")
    child.fail_for_good("undo:a", "broken")
    assert child.status == "NEEDS_ATTENTION"
    assert run.status == "COMPENSATING"
    child.resolve("", "abandon")
    assert child.status == "FAILED"
    assert (run.status, run.marks["undo:s"]) == ("NEEDS_ATTENTION", "parked")
    run.resolve("s", "retry")  # the child is over: it stays as it stands
    assert (run.status, run.header.parked) == ("NEEDS_ATTENTION", 1)
    run.resolve("s", "done")
    undo_all(run)
    assert (run.status, run.undone) == ("COMPENSATED", ["s", "z"])


def test_a_hundred_levels_of_scopes():
    inner: Workflow = workflow(task("a", undo=True))
    for _ in range(30):
        inner = workflow(around("s", inner))
    run = start(around("s", inner), task("c"))
    deepest = run
    while deepest.begun("s"):
        deepest = deepest.child("s")
    deepest.complete("a")
    run.fail("c")
    undo_all(deepest)
    assert run.status == "COMPENSATED"
