"""Refuses a bound on how many executions run at once that bounds nothing, or that nobody counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pavane.core.expressions.template import compile_template
from pavane.core.model.workflow import RateLimit, Workflow
from pavane.errors import ExpressionError

_KNOWN_AT_THE_START: Final = frozenset({"input", "correlationId", "workflowType", "version"})


def check(workflow: Workflow, *, in_place: bool) -> Iterator[str]:
    """Find what is wrong with the `rateLimitConfig`; `in_place`: it stands inside another one."""
    limit = workflow.rate_limit_config
    if limit is None:
        return
    if limit.concurrent_exec_limit < 1:
        yield (
            "The workflow's rateLimitConfig lets nothing run, as its concurrentExecLimit is "
            f"{limit.concurrent_exec_limit}; say how many run at once, 1 or more."
        )
    yield from _key(limit)
    if in_place:
        yield (
            f"The definition of {workflow.name!r}, which stands in place, has a rateLimitConfig, "
            "and that is one for all executions of a workflow; register it, and start it by name."
        )
    if workflow.style == "choreographed":
        yield (
            "The workflow's rateLimitConfig (`max_running`) has nobody who counts: without a "
            "conductor nobody knows what runs everywhere; leave it out, or let an orchestrated "
            "workflow have it, with this one as a step."
        )


def _key(limit: RateLimit) -> Iterator[str]:
    try:
        key = compile_template(limit.rate_limit_key, where="rateLimitConfig.rateLimitKey")
    except ExpressionError as error:
        yield f"The workflow's {error}"
        return
    known = all(
        read.root == "workflow" and read.path and read.path[0] in _KNOWN_AT_THE_START
        for read in key.reads
    )
    if key.dynamic or not known:
        yield (
            f"The workflow's rateLimitKey is {limit.rate_limit_key!r}, and it is read before any "
            "step has begun; read ${workflow.input.…} or ${workflow.correlationId} in it."
        )
