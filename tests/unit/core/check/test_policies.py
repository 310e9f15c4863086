"""Numbers of retries, delays and timeouts."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.workflow import Undo
from tests.unit.core.build import once, task, workflow


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (task("a", retry_count=-1), "Step 'a': retryCount is -1; 0 means none."),
        (task("a", start_delay=-1), "Step 'a': startDelay is -1; 0 means none."),
        (task("a", policy=once(timeout_seconds=-5)), "timeoutSeconds is -5"),
        (
            task("a", policy=once(concurrent_exec_limit=5)),
            "a limit is one for all that do the task",
        ),
        (task("a", policy=once(rate_limit_per_frequency=9)), "register a task definition for 'a'"),
        (task("a", policy=once(concurrent_exec_limit=-5)), "concurrentExecLimit is -5; 0 means"),
        (task("a", policy=once(backoff_jitter_ms=-5)), "backoffJitterMs is -5"),
        (task("a", policy=once(retry_delay_seconds=1e30)), "retryDelaySeconds is 1e+30"),
        (
            task("a", undo=Undo(name="u", task_definition=once(poll_timeout_seconds=-1))),
            "the taskDefinition of its undo: pollTimeoutSeconds is -1",
        ),
        (
            task("a", undo=Undo(name="u", task_definition=once(rate_limit_per_frequency=9))),
            "register a task definition for 'u'",
        ),
    ],
)
def test_numbers_that_mean_nothing(step, words: str):
    found = check_workflow(workflow(step))
    assert len(found) == 1
    assert words in found[0]


def test_the_time_of_the_workflow():
    found = check_workflow(workflow(task("a"), timeout_seconds=-1))
    assert found == ["The workflow's timeoutSeconds is -1; 0 means none, else give seconds."]
    assert check_workflow(workflow(task("a"), timeout_seconds=60)) == []


def test_numbers_that_pass():
    policy = once(timeout_seconds=0.5, retry_count=3, backoff_scale_factor=1.5)
    assert check_workflow(workflow(task("a", policy=policy, retry_count=0, start_delay=1))) == []
