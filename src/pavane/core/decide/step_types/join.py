"""JOIN: waits for the branches that it names; opened by its FORK_JOIN, fed by their last steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import fans, flow
from pavane.core.decide.draft import Draft
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import status
from pavane.core.model.command import Wait
from pavane.core.model.rows import PAGE, TaskRow
from pavane.core.model.workflow import Step


class Join(StepType):
    """A counter of arrivals; its output is a view of what it joined, put together when read."""

    def findings(self, step: Step) -> Iterator[str]:
        """How many branches it waits for."""
        if step.join_count is not None and not 1 <= step.join_count <= PAGE:
            yield f"a JOIN has joinCount {step.join_count}; write a number from 1 to {PAGE}"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Its fork opens it: the flow comes here only when a person settles a fork that failed.

        Then it waits for the branches that have begun, if there are any.
        """
        row, fork = draft.task(node.ref), draft.task(node.of_fork)
        if row is None or row.status not in status.OPEN:
            flow.go_on(draft, node, flow.instant(draft, node, {"joinOn": []}, {}))
            return
        missing = (fans.width_of(row) or 0) - (fork.count if fork is not None else 0)
        flow.check_join(draft, node, draft.change(row, count=row.count + missing))

    def begin_again(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """Wait on, with what had arrived; what failed permissively is tried again."""
        again = self._to_try_again(draft, node, row) if row.failed else []
        row = draft.change(
            row,
            status.IN_PROGRESS,
            frontier=False,
            ended_at=0,
            count=row.count - len(again),
            failed=0 if node.step.join_count is not None else row.failed - len(again),
            reason="" if again else row.reason,
        )
        draft.do(Wait(row.ref, row.attempt))
        draft.agenda += again
        if draft.header.permissive_failure in again:
            draft.header.permissive_failure = ""
        flow.check_join(draft, node, row)

    @staticmethod
    def _to_try_again(draft: Draft, node: Node, join: TaskRow) -> list[str]:
        """Permissive steps that arrived without success.

        Where the flow has gone on behind one it is too late; one with a mark of its own never
        arrived, and begins again from there.
        """
        width = fans.width_of(join)
        refs = node.join_on if width is None else fans.refs(draft, node.of_fork, 0, width)
        draft.require([("task", ref) for ref in refs])
        found: list[str] = []
        for ref in refs:
            row = draft.task(ref)
            if row is None or row.frontier or ref in draft.agenda:
                continue
            step = draft.node(ref)
            passed_over = step.step.permissive or bool(step.race)
            if row.status in status.UNSUCCESSFUL_ENDS and passed_over and not step.next:
                found.append(ref)
        return found
