"""The nodes of branches that a FORK_JOIN_DYNAMIC made at run time: made of what their rows carry.

Whoever has the row of a branch has its node, at the same cost however many branches there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from pavane.core.decide.fans import decode_made
from pavane.core.decide.nodes import UNDO, Node
from pavane.core.decide.plan import Plan, node_for
from pavane.core.model.rows import TaskRow

_KEPT_MAX: Final = 4096  # nodes of branches that are kept at hand


def node_of(plan: Plan, row: TaskRow) -> Node:
    """The node of an attempt at a step, or at its undo; KeyError where there is no such step."""
    ref = row.ref.removeprefix(UNDO)
    try:
        return plan.nodes[ref]
    except KeyError:
        if not row.branch:
            raise
    return made_node(plan, ref, row.branch)


def made_node(plan: Plan, ref: str, branch: bytes) -> Node:
    """The node of a branch of that name whose row carries this."""
    kept = plan.made.get(ref)
    if kept is not None and kept.branch == branch:
        return kept
    made = decode_made(branch)
    fork = plan.nodes[made.fork]
    assert made.step is not None
    step = structs.replace(made.step, task_reference_name=ref)
    if made.alike:
        options = fork.options
        assert options is not None
        step = structs.replace(
            step,
            undo=options.undo,
            optional=options.optional,
            permissive=options.permissive,
            retry_count=options.retry_count,
            start_delay=options.start_delay,
            service=options.service,
            task_definition=options.task_definition,
        )
    node = node_for(step, plan.tasks)
    node.branch = branch
    node.fork = node.inside = fork.ref
    node.joins = (fork.join,)
    node.loops, node.path = fork.loops, fork.path
    node.after = frozenset({("task", fork.join)})
    if len(plan.made) >= _KEPT_MAX:
        plan.made.clear()
    plan.made[ref] = node
    return node


def by_fork(rows: Iterable[TaskRow]) -> dict[str, list[str]]:
    """The names of the branches that have begun, by fork and in their order."""
    found: dict[str, dict[int, str]] = {}
    for row in rows:
        if row.branch and not row.ref.startswith(UNDO):
            made = decode_made(row.branch)
            if made.fork:
                found.setdefault(made.fork, {})[made.at] = row.ref
    return {fork: [names[at] for at in sorted(names)] for fork, names in found.items()}
