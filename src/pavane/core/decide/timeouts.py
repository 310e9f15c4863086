"""Which timeout of an open task comes next, and which has passed."""

from __future__ import annotations

from pavane.core.decide.branches import node_of
from pavane.core.decide.nodes import UNDO
from pavane.core.decide.plan import Plan
from pavane.core.decide.retries import NO_POLICY, Policy, policy_of
from pavane.core.model import status
from pavane.core.model.rows import TaskRow


def policy_for(plan: Plan, row: TaskRow) -> Policy:
    """The policy of an attempt at a step or at its undo, whose task's name may be computed."""
    node = node_of(plan, row)
    if row.ref.startswith(UNDO):
        return node.undo.policy if node.undo else NO_POLICY
    if node.type == "DYNAMIC" and row.name in plan.tasks:
        return policy_of(plan.tasks[row.name], node.step.retry_count)
    return node.policy


def deadlines(policy: Policy, row: TaskRow) -> list[tuple[int, str]]:
    """(epoch ms, which) of every timeout that runs for the task as it is now."""
    found: list[tuple[int, str]] = []
    if policy.total_timeout_ms:
        found.append((row.first_scheduled_at + policy.total_timeout_ms, "total"))
    if policy.timeout_ms and row.started_at:  # also of a task that a worker gave back
        found.append((row.started_at + policy.timeout_ms, "task"))
    if row.status == status.SCHEDULED:
        if policy.poll_timeout_ms:
            found.append((row.visible_at + policy.poll_timeout_ms, "poll"))
    elif policy.response_timeout_ms and row.worker:
        found.append((row.updated_at + policy.response_timeout_ms, "response"))
    return found


def reason_of(policy: Policy, which: str) -> str:
    """Why an attempt is over, in the same words whoever saw it first, engine or worker."""
    if which == "task" and policy.timeout_ms:
        return timed_out_after(policy.timeout_ms)
    return f"{which} timeout"


def timed_out_after(limit_ms: int) -> str:
    """In words for people, of an attempt that had so many milliseconds."""
    return f"timed out after {limit_ms / 1000:g} s"


def alarm_at(policy: Policy, row: TaskRow) -> int:
    """When the task must be looked at again; 0 when no timeout runs."""
    found = deadlines(policy, row)
    return min(found)[0] if found else 0


def ends_at(policy: Policy, row: TaskRow) -> int:
    """When the attempt's own time is up (epoch ms); 0 where that ends nothing."""
    ends = policy.timeout_ms and policy.timeout_policy != "ALERT_ONLY"
    return row.started_at + policy.timeout_ms if ends else 0


def passed(policy: Policy, row: TaskRow, now: int) -> str:
    """The first timeout that has passed: "total", "poll", "task", "response", or ""."""
    late = [item for item in deadlines(policy, row) if item[0] <= now]
    late.sort(key=lambda item: (item[0], item[1] == "response"))  # by default as long as "task"
    if policy.timeout_policy == "ALERT_ONLY":  # those that are noted only do not hide this one
        late.sort(key=lambda item: item[1] != "response")
    return late[0][1] if late else ""


def next_after(policy: Policy, row: TaskRow, after: int) -> int:
    """The first timeout later than `after`, 0 when there is none: those before were noted only."""
    return min((at for at, _ in deadlines(policy, row) if at > after), default=0)


def earliest(*alarms: int) -> int:
    """The first of several times, of which 0 means never."""
    return min((at for at in alarms if at), default=0)
