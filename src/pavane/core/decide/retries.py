"""When a failed attempt is tried again, and how long to wait before it."""

from __future__ import annotations

from typing import Final

import msgspec

from pavane.core.model import ids
from pavane.core.model.task_definition import RetryLogic, TaskDefinition, TimeoutPolicy

ENDLESS: Final = 2**31 - 1
"""The retries of a task that is tried until it succeeds."""

_DOUBLINGS_MAX = 40  # beyond this any delay is longer than any cap
_ENDLESS_DELAY_MAX_MS = 3_600_000  # what is tried for ever is tried once an hour, unless said so


class Policy(msgspec.Struct, frozen=True):
    """Retries and timeouts of one step, in whole milliseconds; 0 = none."""

    retry_count: int = 0
    logic: RetryLogic = "FIXED"
    delay_ms: int = 0
    scale: float = 1
    delay_max_ms: int = 0
    jitter_ms: int = 0
    timeout_policy: TimeoutPolicy = "TIME_OUT_WF"
    poll_timeout_ms: int = 0
    response_timeout_ms: int = 0
    timeout_ms: int = 0
    total_timeout_ms: int = 0
    key: tuple[str, ...] = ()  # where in the input stands the key by which its places are counted


NO_POLICY = Policy()


def policy_of(definition: TaskDefinition, retry_count: int | None = None) -> Policy:
    """The policy of a task definition; the step's own `retryCount` wins, also over `retriable`."""
    delay_ms = _ms(definition.retry_delay_seconds)
    delay_max_ms = _ms(definition.max_retry_delay_seconds)
    if retry_count is None:
        retry_count = definition.retry_count
        if definition.retriable:
            retry_count = ENDLESS
            delay_max_ms = delay_max_ms or max(delay_ms, _ENDLESS_DELAY_MAX_MS)
    return Policy(
        retry_count=retry_count,
        logic=definition.retry_logic,
        delay_ms=delay_ms,
        scale=definition.backoff_scale_factor,
        delay_max_ms=delay_max_ms,
        jitter_ms=definition.backoff_jitter_ms,
        timeout_policy=definition.timeout_policy,
        poll_timeout_ms=_ms(definition.poll_timeout_seconds),
        response_timeout_ms=_ms(definition.response_timeout_seconds),
        timeout_ms=_ms(definition.timeout_seconds),
        total_timeout_ms=_ms(definition.total_timeout_seconds),
        key=tuple(definition.concurrency_key.split(".")) if definition.concurrency_key else (),
    )


def retry_delay_ms(policy: Policy, attempt: int, *seed: object) -> int:
    """Wait before the attempt after `attempt` (0 = the first): backed off, capped, then jittered.

    FIXED d; LINEAR d * scale * (attempt + 1); EXPONENTIAL d * 2^attempt. The jitter is drawn from
    the seed, so that the same attempt of the same step always waits as long.
    """
    delay: float = policy.delay_ms
    if policy.logic == "LINEAR_BACKOFF":
        delay *= policy.scale * (attempt + 1)
    elif policy.logic == "EXPONENTIAL_BACKOFF":
        delay *= 2 ** min(attempt, _DOUBLINGS_MAX)
    if policy.delay_max_ms:
        delay = min(delay, policy.delay_max_ms)
    if policy.jitter_ms:
        delay += ids.fraction(*seed, attempt) * policy.jitter_ms
    return int(delay)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
