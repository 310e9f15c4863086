"""FORK_JOIN: branches side by side, begun a page at a time so that one run never stops others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pavane.core.decide import flow, losers, races
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import status
from pavane.core.model.command import Close, Mark, Wait
from pavane.core.model.rows import PAGE, TaskRow
from pavane.core.model.workflow import Step


class ForkJoin(StepType):
    """Open the JOIN, then begin the branches; the record's `count` says how many have begun."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs branches."""
        if not any(step.fork_tasks):
            yield "a FORK_JOIN needs `forkTasks`: at least one branch with a step"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """The JOIN is there before any branch can end."""
        self.open_both(draft, node, task_input, draft.plan.nodes[node.join].join_on)

    def open_both(
        self,
        draft: Draft,
        node: Node,
        task_input: dict[str, Any],
        join_on: Sequence[str],
        branch: bytes = b"",
    ) -> None:
        """Record the fork and its JOIN, which shows a page of what it waits for; then begin."""
        join = draft.plan.nodes[node.join]
        row = flow.new_row(
            draft,
            node,
            status.IN_PROGRESS,
            input=encode(task_input),
            started_at=draft.now,
            branch=branch,
        )
        opened = flow.new_row(
            draft,
            join,
            status.IN_PROGRESS,
            input=encode({"joinOn": list(join_on)[:PAGE]}),
            started_at=draft.now,
            branch=branch,
        )
        draft.log("scheduled", opened.ref, opened.attempt)
        draft.do(Wait(opened.ref, opened.attempt))
        self.rang(draft, node, row)
        if not join_on:
            flow.check_join(draft, join, opened)

    def begin_again(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """Go on with the branches that had not begun."""
        if draft.task(node.join) is None:
            draft.agenda.append(node.ref)  # it was given up before it began
        else:
            self.rang(draft, node, draft.change(row, status.IN_PROGRESS, frontier=False))

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """Begin the next page of branches; ring again at once for the one behind it."""
        if races.is_over(draft, node):
            losers.page(draft, node, row)
            return
        if draft.header.status != status.RUNNING:
            draft.do(Mark(row.ref, row.attempt, mark="held"))
            return
        width = self.width(node, row)
        upto = min(row.count + PAGE, width)
        refused = self.begin_branches(draft, node, row.count, upto)
        if refused:
            row = draft.change(
                row, status.FAILED_WITH_TERMINAL_ERROR, reason=refused, ended_at=draft.now
            )
            draft.log("failed", row.ref, row.attempt, status=row.status, reason=refused)
            flow.fail(draft, node, row)
            return
        if upto < width:
            row = draft.change(row, count=upto)
            draft.do(Wait(row.ref, row.attempt, alarm_at=draft.now))
            return
        if node.race:  # it waits for the end of the race, to call off the others
            row = draft.change(row, count=upto)
            draft.do(Wait(row.ref, row.attempt))
            return
        row = draft.change(row, status.COMPLETED, count=upto, ended_at=draft.now)
        draft.do(Close(row.ref))
        draft.log("completed", row.ref, row.attempt)

    def width(self, node: Node, row: TaskRow) -> int:
        """How many branches there are."""
        return len(node.branches)

    def begin_branches(self, draft: Draft, node: Node, start: int, stop: int) -> str:
        """Let the branches of these places begin; or why they cannot."""
        draft.agenda += [first for first, _ in node.branches[start:stop]]
        return ""
