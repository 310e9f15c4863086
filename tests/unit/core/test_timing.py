"""Retries and timeouts: how often, how long after, and what happens when the time is up."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.retries import policy_of, retry_delay_ms
from pavane.core.model.fact import Claimed, Heartbeat, Reported
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Undo
from tests.unit.core.build import once, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(**policy: Any) -> Execution:
    """A run whose first step has this policy."""
    return World().start(workflow(task("a", policy=once(**policy)), task("b")))


def delays(**policy: Any) -> list[int]:
    made = policy_of(TaskDefinition(**policy))
    return [retry_delay_ms(made, attempt, "seed") for attempt in range(5)]


def test_delays_fixed_linear_and_exponential():
    assert delays(retry_delay_seconds=2) == [2000] * 5
    linear = delays(retry_delay_seconds=2, retry_logic="LINEAR_BACKOFF", backoff_scale_factor=1.5)
    assert linear == [3000, 6000, 9000, 12000, 15000]
    doubling = delays(retry_delay_seconds=0.2, retry_logic="EXPONENTIAL_BACKOFF")
    assert doubling == [200, 400, 800, 1600, 3200]


def test_delays_are_capped_and_then_jittered_the_same_every_time():
    policy = {"retry_delay_seconds": 1, "retry_logic": "EXPONENTIAL_BACKOFF"}
    capped = delays(**policy, max_retry_delay_seconds=3)
    assert capped == [1000, 2000, 3000, 3000, 3000]
    jittered = delays(**policy, max_retry_delay_seconds=3, backoff_jitter_ms=500)
    assert jittered == delays(**policy, max_retry_delay_seconds=3, backoff_jitter_ms=500)
    extra = [j - c for j, c in zip(jittered, capped, strict=True)]
    assert all(0 <= e < 500 for e in extra)
    assert len(set(extra)) > 1


def test_a_delay_beyond_counting_is_still_a_number():
    policy = policy_of(TaskDefinition(retry_logic="EXPONENTIAL_BACKOFF"))
    assert retry_delay_ms(policy, 100_000) > 0


def test_a_failed_attempt_is_tried_again_after_its_delay():
    run = start(retry_count=2, retry_delay_seconds=3)
    run.fail("a")
    assert (run.attempts("a"), run.offered) == (["FAILED", "SCHEDULED"], set())
    assert not run.tell(Claimed("a", 1, "w"))
    run.world.pass_time(3)
    run.fail("a")
    run.world.pass_time(3)
    run.fail("a")
    assert (run.attempts("a"), run.status) == (["FAILED"] * 3, "FAILED")


def test_the_result_of_an_earlier_attempt_is_too_late():
    run = start(retry_count=1, retry_delay_seconds=0)
    run.fail("a")
    assert not run.tell(Reported("a", 0, "COMPLETED"))
    run.complete("a")
    assert run.open == {"b"}


def test_a_terminal_error_is_not_tried_again():
    run = start(retry_count=5)
    run.fail_for_good("a")
    assert (run.attempts("a"), run.status) == (["FAILED_WITH_TERMINAL_ERROR"], "FAILED")


def test_the_steps_own_count_wins_over_its_tasks():
    definition = TaskDefinition(retry_count=5, retry_delay_seconds=0)
    run = World().start(workflow(task("a", policy=definition, retry_count=0)))
    run.fail("a")
    assert run.status == "FAILED"


def test_a_task_that_nobody_defined_has_conductors_policy():
    from pavane.core.model.workflow import Step

    run = World().start(workflow(Step(name="a", task_reference_name="a")))
    run.take("a")
    run.world.pass_time(3600)
    assert run.attempts("a") == ["TIMED_OUT", "SCHEDULED"]
    assert run.row("a").visible_at == run.world.now + 60_000


def test_the_input_of_a_retry_is_worked_out_anew():
    definition = workflow(
        task(
            "a", policy=once(retry_count=1, retry_delay_seconds=0), inputs={"n": "${a.retryCount}"}
        )
    )
    run = World().start(definition)
    assert run.input("a") == {"n": None}
    run.fail("a")
    assert run.input("a") == {"n": 0}


# --- timeouts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "attempts", "status"),
    [
        ("RETRY", ["TIMED_OUT", "SCHEDULED"], "RUNNING"),
        ("TIME_OUT_WF", ["TIMED_OUT"], "TIMED_OUT"),
        ("ALERT_ONLY", ["SCHEDULED"], "RUNNING"),
    ],
)
def test_nobody_takes_it(policy: str, attempts: list[str], status: str):
    run = start(poll_timeout_seconds=5, timeout_policy=policy, retry_count=1)
    run.world.pass_time(4.9)
    assert run.attempts("a") == ["SCHEDULED"]
    run.world.pass_time(0.1)
    assert (run.attempts("a"), run.status) == (attempts, status)
    assert bool(run.logged("timeout")) == (policy == "ALERT_ONLY")


@pytest.mark.parametrize(
    ("policy", "attempts", "status"),
    [
        ("RETRY", ["TIMED_OUT", "SCHEDULED"], "RUNNING"),
        ("TIME_OUT_WF", ["TIMED_OUT"], "TIMED_OUT"),
        ("ALERT_ONLY", ["IN_PROGRESS"], "RUNNING"),
    ],
)
def test_an_attempt_takes_too_long(policy: str, attempts: list[str], status: str):
    run = start(timeout_seconds=5, timeout_policy=policy, retry_count=1)
    run.world.pass_time(60)  # waiting in the queue does not count
    run.take("a")
    run.world.pass_time(5)
    assert (run.attempts("a"), run.status) == (attempts, status)
    told = [ref for _, ref, _ in run.world.interrupted]
    assert told == ([] if policy == "ALERT_ONLY" else ["a"])


@pytest.mark.parametrize("first", ["task", "undo:task"])
@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF"])
def test_it_comes_to_the_same_whoever_sees_first_that_the_time_is_up(policy: str, first: str):
    def ends(worker_says_so: bool) -> tuple[object, ...]:
        """By the worker's report just before the time is up, or by our own clock."""
        hasty = once(timeout_seconds=5, timeout_policy=policy, retry_count=1, retry_delay_seconds=1)
        undo = Undo(name="back", task_definition=hasty)
        run = World().start(workflow(task("task", undo=undo, policy=hasty), task("b")))
        if first != "task":
            run.complete("task")
            run.fail_for_good("b")
        run.take(first)
        run.world.pass_time(4.999)
        if worker_says_so:
            run.tell(Reported(first, 0, "TIMED_OUT", reason="whatever it says"))
        run.world.pass_time(0.001)
        began = [run.row(first).reason, run.attempts(first)]
        for _ in range(3):
            run.world.pass_time(2)
            run.take(first)
            run.world.pass_time(5)
        return *began, run.attempts(first), run.status, run.header.reason, run.open

    assert ends(worker_says_so=True) == ends(worker_says_so=False)


def test_a_worker_may_say_that_the_time_is_up_where_the_task_has_none():
    run = start(retry_count=0)
    run.tell(Reported("a", 0, "TIMED_OUT", reason="it takes for ever"))
    assert (run.attempts("a"), run.status) == (["TIMED_OUT"], "TIMED_OUT")
    assert run.row("a").reason == "it takes for ever"


@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF", "ALERT_ONLY"])
def test_a_silent_worker_loses_its_task_whatever_the_policy(policy: str):
    run = start(response_timeout_seconds=5, timeout_policy=policy, retry_count=1)
    run.take("a")
    run.world.pass_time(4)
    assert run.tell(Heartbeat("a", 0))
    run.world.pass_time(4)
    assert run.row("a").status == "IN_PROGRESS"
    run.world.pass_time(1)
    assert run.attempts("a") == ["TIMED_OUT", "SCHEDULED"]
    assert not run.tell(Heartbeat("a", 0))
    assert not run.tell(Reported("a", 0, "COMPLETED"))


def test_progress_is_kept_of_the_attempt_that_tells_it():
    run = start(retry_count=1, retry_delay_seconds=0)
    assert not run.tell(Heartbeat("a", 0, progress=b"0.1")), "nobody has it"
    run.take("a")
    assert run.tell(Heartbeat("a", 0, progress=b"0.4")) and run.tell(Heartbeat("a", 0))
    assert run.value("progress:a") == {"attempt": 0, "value": 0.4}
    run.fail("a")
    assert not run.tell(Heartbeat("a", 0, progress=b"0.9"))
    assert run.value("progress:a") == {"attempt": 0, "value": 0.4}


def test_a_silent_worker_is_noticed_behind_a_timeout_that_is_only_noted():
    run = start(
        response_timeout_seconds=5,
        timeout_seconds=3,
        total_timeout_seconds=60,
        timeout_policy="ALERT_ONLY",
        retry_count=1,
    )
    run.take("a")
    run.world.pass_time(5)
    assert run.attempts("a") == ["TIMED_OUT", "SCHEDULED"]
    assert run.logged("timeout") == ["a"]


def test_a_timeout_is_noted_once_however_often_the_worker_gives_signs_of_life():
    run = start(response_timeout_seconds=5, timeout_seconds=3, timeout_policy="ALERT_ONLY")
    run.take("a")
    for _ in range(10):
        run.world.pass_time(2)
        run.tell(Heartbeat("a", 0))
    assert run.logged("timeout") == ["a"]
    run.complete("a")
    assert run.open == {"b"}


@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF"])
def test_all_attempts_together_take_too_long(policy: str):
    run = start(
        total_timeout_seconds=10, timeout_policy=policy, retry_count=9, retry_delay_seconds=4
    )
    run.fail("a")
    run.world.pass_time(4)
    run.fail("a")
    run.world.pass_time(6)
    assert (run.attempts("a"), run.status) == (["FAILED", "FAILED", "TIMED_OUT"], "TIMED_OUT")


def test_after_the_total_time_nothing_is_tried_again():
    run = start(total_timeout_seconds=10, timeout_policy="ALERT_ONLY", retry_count=9)
    run.take("a")
    run.world.pass_time(10)
    run.fail("a")
    assert (run.attempts("a"), run.status) == (["FAILED"], "FAILED")


def test_the_time_to_be_taken_counts_from_when_it_may_be_taken():
    run = start(poll_timeout_seconds=5, retry_count=1, retry_delay_seconds=60)
    run.fail("a")
    run.world.pass_time(64)
    assert run.attempts("a") == ["FAILED", "SCHEDULED"]
    run.world.pass_time(1)
    assert run.attempts("a") == ["FAILED", "TIMED_OUT"]


@pytest.mark.parametrize("policy", ["TIME_OUT_WF", "ALERT_ONLY"])
def test_the_workflow_takes_too_long(policy: str):
    definition = workflow(task("a"), timeout_seconds=30, timeout_policy=policy)
    run = World().start(definition)
    run.world.pass_time(30)
    assert run.status == ("TIMED_OUT" if policy == "TIME_OUT_WF" else "RUNNING")
    assert [e["kind"] for e in run.entries].count("deadline") == 1


def test_a_run_that_ended_has_no_alarm():
    definition = workflow(task("a"), timeout_seconds=30, timeout_policy="TIME_OUT_WF")
    run = World().start(definition)
    run.complete("a")
    assert run.world.alarms() == []


def test_a_retriable_task_is_tried_until_it_succeeds_after_capped_delays():
    run = start(retriable=True, retry_count=0, retry_delay_seconds=1, max_retry_delay_seconds=5)
    for _ in range(50):
        run.fail("a")
        run.world.pass_time(5)
    run.complete("a")
    assert (len(run.attempts("a")), run.attempts("a")[-1]) == (51, "COMPLETED")
    uncapped = {"retriable": True, "retry_logic": "EXPONENTIAL_BACKOFF"}
    assert delays(**uncapped, retry_delay_seconds=1800) == [1_800_000] + [3_600_000] * 4
    assert delays(**uncapped, retry_delay_seconds=9000) == [9_000_000] * 5


def test_what_ends_even_a_retriable_task():
    run = start(retriable=True)
    run.fail_for_good("a")
    assert run.status == "FAILED"
    step = task("a", policy=once(retriable=True), retry_count=1)
    run = World().start(workflow(step))
    run.fail("a")
    run.world.pass_time(60)
    run.fail("a")
    assert (run.attempts("a"), run.status) == (["FAILED"] * 2, "FAILED")
