"""Bounds on how many executions run at once that bound nothing, or that nobody counts."""

import pytest

from pavane.core.check import check_workflow, find
from pavane.core.model.workflow import RateLimit
from tests.unit.core.build import around, task, workflow


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (RateLimit(), "its concurrentExecLimit is 0; say how many run at once"),
        (RateLimit("k", -1), "its concurrentExecLimit is -1"),
        (RateLimit("${workflow.output.x}", 1), "it is read before any step has begun"),
        (RateLimit("${workflow.variables.x}", 1), "it is read before any step has begun"),
        (RateLimit("${a.output.x}", 1), "it is read before any step has begun"),
        (RateLimit("${workflow}", 1), "it is read before any step has begun"),
        (RateLimit("${workflow.${workflow.input.x}}", 1), "it is read before any step has begun"),
        (RateLimit("${= 1 +}", 1), "rateLimitConfig.rateLimitKey"),
    ],
)
def test_limits_that_mean_nothing(limit: RateLimit, words: str):
    found = check_workflow(workflow(task("a"), rate_limit_config=limit))
    assert len(found) == 1 and words in found[0]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "nightly",
        "${workflow.input.account.id}",
        "${workflow.correlationId}",
        "${workflow.workflowType}:${workflow.input.x}",
        "${= workflow.input.x + 1}",
    ],
)
@pytest.mark.parametrize("policy", ["QUEUE", "REJECT"])
def test_limits_that_pass(key: str, policy):
    limit = RateLimit(key, 1, policy)
    assert check_workflow(workflow(task("a"), rate_limit_config=limit)) == []


def test_a_definition_in_place_has_no_limit_of_its_own():
    inner = workflow(task("x"), name="inner", rate_limit_config=RateLimit("", 1))
    found = check_workflow(workflow(around("s", inner)))
    assert len(found) == 1
    assert "register it, and start it by name" in found[0]


def test_without_a_conductor_nobody_counts():
    limit = RateLimit("", 1)
    given = workflow(task("a", service="s"), style="choreographed", rate_limit_config=limit)
    texts = [each.text for each in find(given) if "max_running" in each.text]
    assert texts == [
        "The workflow's rateLimitConfig (`max_running`) has nobody who counts: without a conductor "
        "nobody knows what runs everywhere; leave it out, or let an orchestrated workflow have it, "
        "with this one as a step."
    ]
