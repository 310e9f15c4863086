"""Executions that go on by another definition: what fits, what does not, and what becomes of it."""

from __future__ import annotations

import pytest

from pavane.core.model import status
from pavane.core.model.workflow import Step, Undo, Workflow
from pavane.errors import ConflictError
from tests.unit.core.build import (
    Steps,
    fork,
    loop,
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


def v1(*steps: Steps, **fields: object) -> Workflow:
    return workflow(*steps, name="w", version=1, **fields)


def v2(*steps: Steps, **fields: object) -> Workflow:
    return workflow(*steps, name="w", version=2, **fields)


def running(definition: Workflow, *done: str) -> Execution:
    run = World().start(definition, n=7)
    run.complete(*done)
    return run


def refused(run: Execution, definition: Workflow) -> str:
    """The reason; nothing has changed."""
    before = run.header
    with pytest.raises(ConflictError) as caught:
        run.move(definition)
    assert run.header == before
    return caught.value.message


def test_what_lies_ahead_is_what_the_new_definition_says():
    run = running(v1(task("a"), task("b"), task("c")), "a")
    assert run.move(v2(task("a"), task("b"), task("x", inputs={"of": "${b.output.y}"})))
    assert (run.header.version, run.open) == (2, {"b"})
    run.complete("b", y=3)
    assert run.input("x") == {"of": 3}
    run.complete("x")
    assert run.status == status.COMPLETED
    moved = next(entry for entry in run.entries if entry["kind"] == "moved")
    assert (moved["before"], moved["version"]) == (1, 2)


def test_the_same_again_changes_nothing():
    run = running(v1(task("a"), task("b")), "a")
    assert run.move(v2(task("a"), task("b"), task("c")))
    before = run.header
    assert not run.move(v2(task("a"), task("b"), task("c")))
    assert run.header == before


def test_it_can_be_moved_back():
    run = running(v1(task("a"), task("b")), "a")
    run.move(v2(task("a"), task("b"), task("c")))
    run.move(v1(task("a"), task("b")))
    run.complete("b")
    assert (run.status, run.header.version) == (status.COMPLETED, 1)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ([task("b")], "'a': it is not there any more"),
        ([task("x"), task("a"), task("b")], "'a': it began first, and stands behind 'x'"),
        ([task("a"), task("x"), task("b")], "'b': it began behind 'a', and stands behind 'x'"),
        ([of_type("WAIT", "a"), task("b")], "'a': it was a SIMPLE, and is a WAIT"),
        ([task("b"), task("a")], "'a': it began first, and stands behind 'b'"),
        ([task("a", pivot=True), task("b")], "'a': it is a pivot in one of them only"),
        (fork("f", task("a"), task("b")), "'a': it began first, and stands first in 'f'"),
        ([loop("l", task("a"), items=[1]), task("b")], "'a': it is in another loop"),
    ],
)
def test_what_has_begun_must_be_there_as_it_was(changed: list[Step], reason: str):
    run = running(v1(task("a"), task("b"), task("c")), "a")
    said = refused(run, v2(changed))
    assert said.startswith("Execution x0 cannot go on by version 2: ")
    assert reason in said
    run.complete("b", "c")
    assert run.status == status.COMPLETED


def test_another_task_is_another_step():
    run = running(v1(task("a"), task("b")), "a")
    other = Step(name="other", task_reference_name="a", task_definition=once())
    assert "'a': it was the task 'a', and is the task 'other'" in refused(run, v2(other, task("b")))


def test_a_case_that_was_taken_stays_and_the_others_may_change():
    def choosing(k: Steps, other: Steps) -> list[Step]:
        return [switch("c", "k", other, k=k), task("z")]

    run = running(v1(choosing(task("a"), task("b"))))
    assert run.open == {"a"}
    said = refused(run, v2(choosing([task("y"), task("a")], task("b"))))
    assert "'c': it took the case 'k' to 'a', which leads to 'y' now" in said
    run.move(v2(choosing([task("a"), task("y")], [])))
    run.complete("a", "y", "z")
    assert run.status == status.COMPLETED


def test_what_the_flow_has_passed_by_cannot_be_put_in():
    run = running(v1(switch("c", "other", k=task("a")), task("z")))
    said = refused(run, v2(switch("c", "other", task("y"), k=task("a")), task("z")))
    assert "'c': it took the case 'other' past it, which leads to 'y' now" in said
    run = running(v1(switch("c", "k", k=task("a")), task("z")), "a")
    said = refused(run, v2(switch("c", "k", k=[task("a"), task("y")]), task("z")))
    assert "'a': it went on to 'z', and leads to 'y' now" in said


def test_a_branch_that_goes_on_may_be_longer_and_its_join_waits_for_the_end():
    run = running(v1(fork("f", task("a"), task("b")), task("z")), "a")
    longer = fork("f", task("a"), [task("b"), task("y")])
    run.move(v2(longer, task("z")))
    run.complete("b")
    assert run.open == {"y", "f-join"}
    run.complete("y", "z")
    assert run.status == status.COMPLETED


def test_a_branch_that_has_ended_may_not():
    run = running(v1(fork("f", task("a"), task("b")), task("z")), "a")
    said = refused(run, v2(fork("f", [task("a"), task("y")], task("b")), task("z")))
    assert "'a': it went on to an end, and leads to 'y' now" in said
    assert "'f-join': it waited for 'a', which is otherwise now" in said
    said = refused(run, v2(fork("f", task("a"), task("b"), task("y")), task("z")))
    assert "'f': its branches a, b have begun, and now they are a, b, y" in said


def test_a_join_that_waits_for_less_goes_on_at_once():
    run = running(v1(fork("f", task("a"), task("b")), task("z")), "a")
    run.move(v2(fork("f", task("a"), task("b"), join_on=["a"]), task("z")))
    assert run.open == {"b", "z"}
    run.complete("z", "b")
    assert run.status == status.COMPLETED


def test_iterations_that_are_over_stay_and_the_next_ones_follow_the_new_condition():
    condition = "l.output.iteration < {}".format
    run = running(v1(loop("l", task("a"), task("b"), loop_condition=condition(9))), "a__1", "b__1")
    longer = loop("l", task("a"), task("b"), task("y"), loop_condition=condition(2))
    said = refused(run, v2(longer))
    assert "'b__1': it went on to the end of an iteration of 'l', and leads to 'y__1' now" in said
    run.move(v2(loop("l", task("a"), task("b"), loop_condition=condition(2))))
    run.complete("a__2", "b__2")
    assert run.status == status.COMPLETED


def test_the_first_iteration_may_get_longer():
    run = running(v1(loop("l", task("a"), items=[1, 2])))
    run.move(v2(loop("l", task("a"), task("y"), items=[1, 2])))
    run.complete("a__1", "y__1", "a__2", "y__2")
    assert run.status == status.COMPLETED
    said = refused(running(v1(loop("l", task("a"), items=[1]))), v2(loop("l", task("a"))))
    assert "'l': it goes through a list in one of them only" in said


def test_a_scope_that_is_open_ends_by_its_own_definition():
    run = running(v1(scope("s", task("a"), task("b")), task("z")))
    run.move(v2(scope("s", task("a"), task("y")), task("z")))
    run.child("s").complete("a", "b")
    run.complete("z")
    assert run.status == status.COMPLETED


def test_the_way_back_is_the_new_one():
    """An undo that was added is called for what was done before, one that was taken out is not."""
    run = running(v1(task("a"), task("b", undo=True), task("c", undo="old"), task("d")), "a", "b")
    run.complete("c")
    run.move(v2(task("a", undo=True), task("b"), task("c", undo="new"), task("d")))
    assert run.header.undoable == 2
    run.fail("d")
    assert run.row("undo:c").name == "new"
    run.complete("undo:c", "undo:a")
    assert (run.status, run.undone) == (status.COMPENSATED, ["c", "a"])


def test_without_any_undo_left_it_simply_fails():
    run = running(v1(task("a", undo=True), task("b")), "a")
    run.move(v2(task("a"), task("b")))
    run.fail("b")
    assert run.status == status.FAILED


def test_what_failed_is_tried_again_by_the_corrected_definition():
    run = running(v1(task("a"), task("b", inputs={"of": "${a.output.nothing}"})), "a")
    run.fail_for_good("b")
    assert run.status == status.FAILED
    run.move(v2(task("a"), task("b", inputs={"of": "right"}), task("z")))
    assert (run.status, run.header.version) == (status.FAILED, 2)
    run.retry()
    assert run.input("b") == {"of": "right"}
    run.complete("b", "z")
    assert run.status == status.COMPLETED


def test_an_attempt_that_is_under_way_keeps_its_input_and_the_next_one_has_the_new():
    def once_more(text: str) -> Step:
        policy = once(retry_count=1, retry_delay_seconds=0)
        return task("a", inputs={"text": text}, policy=policy)

    run = running(v1(once_more("old")))
    run.move(v2(once_more("new")))
    assert run.input("a") == {"text": "old"}
    run.fail("a")
    assert run.input("a") == {"text": "new"}


def test_values_that_are_new_are_set():
    run = running(v1(task("a"), task("b"), variables={"x": 1}), "a")
    reading = task("c", inputs={"v": "${workflow.variables}", "i": "${workflow.input}"})
    new = v2(task("a"), task("b"), reading, variables={"x": 2, "y": 3}, input_template={"m": 8})
    run.move(new)
    run.complete("b")
    assert run.input("c") == {"v": {"x": 1, "y": 3}, "i": {"n": 7, "m": 8}}


def test_time_that_is_up_is_counted_from_the_start():
    run = running(v1(task("a")))
    run.world.pass_time(50)
    run.move(v2(task("a"), timeout_seconds=60, timeout_policy="TIME_OUT_WF"))
    run.world.pass_time(9)
    assert run.status == status.RUNNING
    run.world.pass_time(1)
    assert run.status == status.TIMED_OUT


def test_paused_it_goes_on_in_the_new_one():
    run = running(v1(task("a"), task("b")))
    run.pause()
    run.complete("a")
    run.move(v2(task("a"), task("y"), task("b")))
    run.resume()
    assert run.open == {"y"}
    run.complete("y", "b")
    assert run.status == status.COMPLETED


def test_the_last_step_while_paused_is_no_end_yet():
    run = running(v1(task("a")))
    run.pause()
    run.complete("a")
    run.move(v2(task("a"), task("y")))
    run.resume()
    run.complete("y")
    assert run.status == status.COMPLETED


def test_what_is_undone_or_over_is_not_moved():
    run = running(v1(task("a", undo=True), task("b")), "a")
    run.fail("b")
    assert "it is being undone" in refused(run, v2(task("a", undo=True), task("b"), task("c")))
    run.complete("undo:a")
    assert "it is being undone, or was" in refused(run, v2(task("a"), task("b"), task("c")))
    run = running(v1(task("a")), "a")
    assert "it is COMPLETED" in refused(run, v2(task("a"), task("b")))


def test_behind_an_end_that_was_reached_nothing_can_be_put():
    run = running(v1(fork("f", task("a"), task("b"), join_on=["a"])), "a")
    assert run.header.ended_by == "f-join"
    said = refused(run, v2(fork("f", task("a"), task("b"), join_on=["a"]), task("y")))
    assert "'f-join': it went on to an end, and leads to 'y' now" in said


def test_ended_by_a_terminate_it_is_over():
    run = running(v1(task("a"), terminate("t", "COMPLETED")), "a")
    assert "it is COMPLETED" in refused(run, v2(task("a")))


def test_a_long_refusal_names_some_steps():
    names = [f"a{n}" for n in range(9)]
    run = running(v1([task(name) for name in names]), *names[:8])
    assert "; and 4 more." in refused(run, v2(task("a8")))


def test_what_was_made_at_run_time_goes_on_with_the_undo_that_it_was_made_with():
    def fanned(*behind: Step, undo: str = "u") -> list[Step]:
        each = Undo(name=undo, task_definition=once())
        given = {"forkTaskName": "work", "forkTaskInputs": [{"n": 1}, {"n": 2}]}
        fan = of_type("FORK_JOIN_DYNAMIC", "f", given, undo=each, task_definition=once())
        return [fan, of_type("JOIN", "f-join"), *behind]

    world = World(tasks={"work": once()})
    run = world.start(v1(fanned(task("z"))))
    [one, other] = sorted(run.offered)
    run.complete(one)
    said = refused(run, v2(fanned(task("z"), undo="v")))
    assert "'f': it says something else of the undo or the failure of the branches" in said
    run.move(v2(fanned(task("y"), task("z"))))
    run.complete(other)
    assert run.open == {"y"}
    run.fail("y")
    run.complete(f"undo:{one}", f"undo:{other}")
    assert run.status == status.COMPENSATED
