"""How far the lists of steps inside a step have come: cases, branches, iterations."""

from __future__ import annotations

from pavane.core.decide.draft import Draft
from pavane.core.decide.nodes import Node
from pavane.core.model import status
from pavane.core.model.workflow import CHOICES


def branch(node: Node, case: str) -> tuple[str, str]:
    """First and last step of a case; the default only when there is no such case."""
    return node.cases.get(case, node.default)


def last_taken(draft: Draft, node: Node) -> str:
    """The last step of the case that a SWITCH took; "" when it took none, or none with steps."""
    row = draft.task(node.ref)
    if row is None or row.frontier or row.status != status.COMPLETED:
        return ""
    _, last = branch(node, draft.json(row.output)["selectedCase"])
    return last


def is_complete(draft: Draft, last: str) -> bool:
    """Whether a list ran to its end (if not, its token starts at its own frontier)."""
    row = draft.task(last)
    if row is None or row.frontier or row.status in status.OPEN:
        return False
    node = draft.node(last)
    inner = last_taken(draft, node) if node.type in CHOICES else ""
    return is_complete(draft, inner) if inner else True


def has_gone_on(draft: Draft, last: str) -> bool:
    """Whether the flow has left a list behind: its last step was done, or passed over."""
    row = draft.task(last)
    if row is None or row.frontier:
        return False
    node = draft.plan.nodes[last]
    failed = row.status in status.UNSUCCESSFUL_ENDS and row.status != status.CANCELED
    if row.status not in status.SUCCESSFUL and not (failed and node.step.permissive):
        return False
    inner = last_taken(draft, node) if node.type in CHOICES else ""
    return has_gone_on(draft, inner) if inner else True
