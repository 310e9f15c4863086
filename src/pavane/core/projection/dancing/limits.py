"""The time limits of an attempt: which there are, which has passed, and when to look again."""

from __future__ import annotations

from pavane.core.decide.retries import Policy
from pavane.core.projection.rows import StepRow

RESPONSE = "response"


def limits(policy: Policy, row: StepRow) -> list[tuple[int, str]]:
    """(epoch ms, which) of every limit that runs for the present attempt, the first one first."""
    found: list[tuple[int, str]] = []
    if policy.total_timeout_ms:
        found.append((row.begun + policy.total_timeout_ms, "total"))
    if policy.timeout_ms:
        found.append((row.started + policy.timeout_ms, "task"))
    if policy.response_timeout_ms:
        found.append((row.started + policy.response_timeout_ms, RESPONSE))
    return sorted(found, key=lambda each: (each[0], each[1] == RESPONSE))


def first_limit(policy: Policy, row: StepRow, now: int) -> int:
    """When to look at the attempt for the first time; 0 when it may take for ever."""
    found = limits(policy, row)
    return max(now, found[0][0]) if found else 0


def limit_after(policy: Policy, row: StepRow, now: int) -> int:
    """The next limit later than now, 0 when there is none: those before were noted only."""
    return next((due for due, _ in limits(policy, row) if due > now), 0)


def passed(policy: Policy, row: StepRow, now: int) -> str:
    """The limit because of which the alarm rang."""
    found = limits(policy, row)
    late = [each for each in found if each[0] <= now] or found[:1]
    if policy.timeout_policy == "ALERT_ONLY":  # those that are noted only do not hide this one
        late.sort(key=lambda each: each[1] != RESPONSE)
    return late[0][1] if late else "task"


def is_only_noted(policy: Policy, which: str) -> bool:
    """Whether the limit ends nothing. Silence always does: nobody may be there any more."""
    return policy.timeout_policy == "ALERT_ONLY" and which != RESPONSE


def leaves_another(policy: Policy) -> bool:
    """Whether a limit other than silence leaves other attempts to be made."""
    return policy.timeout_policy != "TIME_OUT_WF"


def total_is_up(policy: Policy, row: StepRow, now: int) -> bool:
    """Whether there is no time left for another attempt."""
    total = policy.total_timeout_ms
    ends = policy.timeout_policy != "ALERT_ONLY"
    return bool(total) and ends and now >= row.begun + total
