"""Places of executions that run at once: who waits, who has one, and who gives it up."""

from __future__ import annotations

import pytest

from pavane.core.decide.admission import told
from pavane.core.decide.decider import Decision, decide
from pavane.core.decide.draft import Rows
from pavane.core.decide.plan import compile_plan
from pavane.core.model.command import Enter
from pavane.core.model.fact import Admitted, Started
from pavane.core.model.lanes import key_of, task_of, workflow_lane, workflow_of
from pavane.core.model.rows import OWN, Header
from pavane.core.model.workflow import RateLimit, Workflow
from pavane.errors import ConflictError, NotFoundError
from tests.unit.core.build import sub, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.test_undo import undo_all
from tests.unit.core.world import World

LANE = workflow_lane("test", 7)
BY_ACCOUNT = RateLimit("${workflow.input.account}", 1)
STEPS = (task("a", undo=True), task("b"))


def limited(*steps, limit: RateLimit = BY_ACCOUNT, **fields) -> Workflow:
    return workflow(*(steps or STEPS), rate_limit_config=limit, **fields)


def queued(*steps, **fields) -> Execution:
    return World().start(limited(*steps, **fields), account=7)


def admit(run: Execution) -> bool:
    return run.tell(Admitted(LANE))


def begun(*steps, **fields) -> Execution:
    run = queued(*steps, **fields)
    assert admit(run)
    return run


def place(run: Execution) -> str:
    """Whether it waits for a place, or has one; nothing where it has nothing to do with places."""
    rows = [ready for ready in run.ready() if ready.ref == OWN]
    return ("has" if rows[0].worker else "waits") if rows else ""


# --- who waits ----------------------------------------------------------------------------------


def test_it_runs_and_begins_nothing_before_it_has_a_place():
    run = queued()
    assert (run.status, run.open, place(run)) == ("RUNNING", set(), "waits")
    assert run.ready_row(OWN).queue == LANE and run.ready_row(OWN).visible_at == run.world.now
    assert admit(run)
    assert (run.status, run.open, place(run)) == ("RUNNING", {"a"}, "has")
    assert not admit(run), "once is enough"
    run.complete("a", "b")
    assert (run.status, place(run)) == ("COMPLETED", "")
    assert not admit(run), "it has ended"


@pytest.mark.parametrize(
    ("key", "given", "seen"),
    [
        ("", {}, ""),
        ("nightly", {}, '"nightly"'),
        ("${workflow.input.account}", {"account": 7}, "7"),
        ("${workflow.input.account}", {"account": "7"}, '"7"'),
        ("${workflow.input.account.id}", {"account": {"id": 7}}, "7"),
        ("${workflow.input.account}", {}, ""),
        ("a-${workflow.input.account}", {"account": 7}, '"a-7"'),
        ("${workflow.correlationId}", {}, '"c-1"'),
        ("${workflow.workflowType} ${workflow.version}", {}, '"test 3"'),
    ],
)
def test_the_key_is_read_from_what_it_was_started_with(key: str, given: dict, seen: str):
    plan = compile_plan(limited(limit=RateLimit(key, 1), version=3), {})
    header = Header("x", "test", 3, plan.hash, correlation_id="c-1")
    body = b"{}" if not given else str(given).replace("'", '"').encode()
    decision = decide(plan, Rows(header=header), Started(input=body), 1)
    assert isinstance(decision, Decision)
    (enter,) = [each for each in decision.commands if isinstance(each, Enter)]
    assert (workflow_of(enter.queue), key_of(enter.queue)) == ("test", seen)


def test_a_default_of_the_input_counts():
    run = World().start(limited(input_template={"account": 9}))
    assert run.ready_row(OWN).queue == workflow_lane("test", 9)


def test_no_task_has_the_queue_of_a_workflow():
    assert workflow_of("test") == "" and workflow_of(task_of("test")) == ""
    assert task_of(LANE) != "test" and workflow_of(workflow_lane("test", None)) == "test"


def test_words():
    assert told(BY_ACCOUNT, LANE, 1) == "1 of test for account 7 runs already"
    lane = workflow_lane("test", "x")
    by_id = RateLimit("${workflow.correlationId}", 2)
    assert told(by_id, lane, 2) == '2 of test for correlationId "x" run already'
    assert told(RateLimit("x", 2), lane, 2) == '2 of test for the key "x" run already'
    assert told(RateLimit("", 2), workflow_lane("test", None), 2) == "2 of test run already"


# --- stopped while it waits ---------------------------------------------------------------------


def test_one_that_waits_is_cancelled_at_once_and_can_be_tried_again():
    run = queued()
    run.terminate("no need")
    assert (run.status, place(run)) == ("TERMINATED", "")
    run.retry()
    assert (run.status, place(run), run.open) == ("RUNNING", "waits", set())
    assert admit(run)
    run.complete("a", "b")
    assert run.status == "COMPLETED"


def test_its_time_counts_from_its_start():
    run = queued(timeout_seconds=60, timeout_policy="TIME_OUT_WF")
    run.world.pass_time(59)
    assert run.status == "RUNNING"
    run.world.pass_time(2)
    assert (run.status, place(run)) == ("TIMED_OUT", "")


def test_a_paused_one_stands_back_and_gets_its_turn_again():
    run = queued()
    began = run.world.now
    run.pause()
    assert (run.status, place(run)) == ("PAUSED", "")
    assert not admit(run)
    run.world.pass_time(60)
    run.resume()
    assert (run.status, place(run)) == ("RUNNING", "waits")
    assert run.ready_row(OWN).visible_at == began
    assert admit(run)
    assert run.open == {"a"}


def test_a_paused_one_that_has_begun_keeps_its_place():
    run = begun()
    run.pause()
    assert place(run) == "has"
    run.complete("a")
    run.resume()
    run.complete("b")
    assert (run.status, place(run)) == ("COMPLETED", "")


def test_nothing_in_it_can_be_signalled_before_it_begins():
    with pytest.raises(NotFoundError):
        queued().signal("a")


# --- who is undone ------------------------------------------------------------------------------


def test_one_that_is_undone_keeps_its_place_until_that_is_done():
    run = begun()
    run.complete("a")
    run.fail_for_good("b")
    assert (run.status, place(run)) == ("COMPENSATING", "has")
    undo_all(run)
    assert (run.status, place(run)) == ("COMPENSATED", "")


def test_an_undo_that_gave_up_keeps_its_place():
    run = begun()
    run.complete("a")
    run.fail_for_good("b")
    run.fail_for_good("undo:a")
    assert (run.status, place(run)) == ("NEEDS_ATTENTION", "has")
    run.resolve("a", "abandon")
    assert (run.status, place(run)) == ("FAILED", "")


def test_a_child_that_is_undone_after_its_end_waits_for_nobody():
    inner = limited(task("x", undo=True))
    world = World(inner)
    run = world.start(workflow(sub("s", "test", inputs={"account": 7}), task("z"), name="outer"))
    child = run.child("s")
    assert (run.status, place(child)) == ("RUNNING", "waits")
    assert admit(child)
    child.complete("x")
    assert (child.status, place(child)) == ("COMPLETED", "")
    run.fail_for_good("z")
    assert (child.status, place(child)) == ("COMPENSATING", "has")
    undo_all(child)
    assert (child.status, run.status, place(child)) == ("COMPENSATED", "COMPENSATED", "")


def test_a_child_that_waits_stops_with_its_parent():
    inner = limited(task("x"))
    world = World(inner)
    run = world.start(workflow(sub("s", "test", inputs={"account": 7}), name="outer"))
    child = run.child("s")
    run.terminate()
    assert (child.status, run.status) == ("TERMINATED", "TERMINATED")


# --- tried again --------------------------------------------------------------------------------


def test_a_retry_waits_for_a_place_of_its_own_behind_the_others():
    run = begun(task("a"), task("b"))
    run.complete("a")
    run.fail_for_good("b")
    assert (run.status, place(run)) == ("FAILED", "")
    run.world.pass_time(5)
    run.retry()
    assert (run.status, place(run), run.open) == ("RUNNING", "waits", set())
    assert run.ready_row(OWN).visible_at == run.world.now
    assert admit(run)
    assert run.open == {"b"} and run.attempts("a") == ["COMPLETED"]
    run.complete("b")
    assert (run.status, place(run)) == ("COMPLETED", "")


def test_a_retry_that_waits_and_is_stopped_undoes_what_was_done():
    run = begun()
    run.complete("a")
    run.terminate(undo=False)
    run.retry()
    assert place(run) == "waits"
    run.terminate()
    assert (run.status, place(run)) == ("COMPENSATING", "has")
    undo_all(run)
    assert (run.status, run.undone, place(run)) == ("COMPENSATED", ["a"], "")


# --- moved --------------------------------------------------------------------------------------


def test_one_that_waits_is_moved_and_keeps_its_turn():
    run = queued()
    began = run.world.now
    run.world.pass_time(5)
    assert run.move(limited(*STEPS, task("c"), version=2))
    assert place(run) == "waits" and run.ready_row(OWN).visible_at == began
    assert admit(run)
    run.complete("a", "b", "c")
    assert run.status == "COMPLETED"


def test_moved_to_another_key_it_is_counted_there():
    other = limited(limit=RateLimit("${workflow.input.shop}", 1), version=2)
    waiting = World().start(limited(), account=7, shop=3)
    waiting.move(other)
    assert waiting.ready_row(OWN).queue == workflow_lane("test", 3)
    running = World().start(limited(), account=7, shop=3)
    assert admit(running)
    running.move(other)
    assert running.ready_row(OWN).queue == workflow_lane("test", 3) and place(running) == "has"


def test_moved_to_a_version_without_a_limit_it_begins():
    free = workflow(*STEPS, version=2)
    run = queued()
    run.move(free)
    assert (place(run), run.open) == ("", {"a"})
    run.complete("a", "b")
    assert run.status == "COMPLETED"

    paused = queued()
    paused.pause()
    paused.move(free)
    assert (paused.status, paused.open) == ("PAUSED", set())
    paused.resume()
    assert paused.open == {"a"}

    stopped = queued()
    stopped.terminate()
    stopped.move(free)
    stopped.retry()
    assert stopped.open == {"a"}


def test_moved_to_a_version_with_a_limit_it_is_counted_and_waits_for_nobody():
    run = World().start(workflow(*STEPS), account=7)
    run.move(limited(version=2))
    assert (place(run), run.open) == ("has", {"a"})


def test_what_goes_back_cannot_be_moved():
    run = begun()
    run.complete("a")
    run.fail_for_good("b")
    with pytest.raises(ConflictError):
        run.move(limited(version=2))
