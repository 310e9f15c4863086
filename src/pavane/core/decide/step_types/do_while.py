"""DO_WHILE: its steps again and again, while a condition holds or for each item of a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import structs

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft
from pavane.core.decide.lists import has_gone_on
from pavane.core.decide.looped import (
    ITEMS,
    ITERATIONS_MAX,
    KEEP,
    endless,
    holds,
    is_listed,
    items_of,
    no_list,
)
from pavane.core.decide.nodes import Node, numbered
from pavane.core.decide.plan import keys_of
from pavane.core.decide.roots import Roots, views_of
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import status
from pavane.core.model.command import Close, Mark, Wait
from pavane.core.model.rows import PAGE, TaskRow
from pavane.core.model.workflow import Step
from pavane.errors import ExpressionError


class DoWhile(StepType):
    """The record's `count` is the iteration that goes on; each one has steps of its own.

    With a list it ends behind the last item, without one where the condition is false behind an
    iteration; with both it goes on while there is an item and the condition holds.
    """

    def findings(self, step: Step) -> Iterator[str]:
        """It needs steps, and an end."""
        if not step.loop_over:
            yield "a DO_WHILE needs `loopOver`: at least one step"
        if not step.loop_condition and not is_listed(step):
            yield "a DO_WHILE needs a `loopCondition` or a list in `items`, or it would never end"
        if step.loop_condition and step.evaluator_type != "pavane":
            yield (
                f"a DO_WHILE has evaluatorType {step.evaluator_type or 'javascript'!r}; "
                "use `pavane`"
            )
        if step.optional or step.permissive:
            yield (
                "a DO_WHILE cannot be optional or permissive; put its steps into a SUB_WORKFLOW "
                "that is"
            )
        keep = step.input_parameters.get(KEEP)
        if keep is not None and (not isinstance(keep, int) or isinstance(keep, bool) or keep < 1):
            yield f"a DO_WHILE has {KEEP} {keep!r}; write a whole number from 1"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """The first iteration, without asking the condition; none for an empty list."""
        items: Any = task_input.get(ITEMS)
        is_list = isinstance(items, list)
        if ITEMS in task_input and not is_list:
            flow.reject(draft, node, no_list(items))
            return
        row = self.open(draft, node, task_input)
        draft.do(Wait(row.ref, row.attempt))
        self._go(draft, node, row, more=items is None or bool(items))

    def again(self, draft: Draft, node: Node, number: int) -> None:
        """That iteration has ended: another one, or the end of the loop; once for each."""
        row = draft.task(node.ref)
        assert row is not None
        if row.count != number or row.status in status.SUCCESSFUL:
            return
        if row.status not in status.OPEN:  # a retry that came to the inner steps first
            row = self._reopened(draft, row)
        if draft.iterations >= PAGE:  # others have their turn
            draft.do(Wait(row.ref, row.attempt, alarm_at=draft.now))
            return
        try:
            more = self._wants_more(draft, node, row)
        except ExpressionError as error:
            row = draft.change(
                row, status.FAILED_WITH_TERMINAL_ERROR, reason=str(error), ended_at=draft.now
            )
            draft.log("failed", row.ref, row.attempt, status=row.status, reason=row.reason)
            flow.fail(draft, node, row)
            return
        self._go(draft, node, row, more=more)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """A long row of iterations goes on; nothing is due otherwise."""
        if draft.header.status != status.RUNNING:
            draft.do(Mark(row.ref, row.attempt, mark="held"))
        elif self._between(draft, node, row):
            self.again(draft, node, row.count)
        else:
            draft.do(Wait(row.ref, row.attempt))

    def begin_again(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """Go on where the loop was: inside an iteration its steps do, else it is asked anew."""
        if draft.task(node.ref) is None or not row.started_at:
            draft.agenda.append(node.ref)  # it was given up before it began
            return
        if row.status not in status.OPEN:
            row = self._reopened(draft, row)
        else:
            draft.do(Wait(row.ref, row.attempt))
        if self._between(draft, node, row):
            self.again(draft, node, row.count)

    @staticmethod
    def _reopened(draft: Draft, row: TaskRow) -> TaskRow:
        """Cut off, it goes on; what failed by itself is another attempt."""
        draft.do(Close(row.ref))
        if row.status == status.CANCELED:
            row = draft.change(row, status.IN_PROGRESS, frontier=False, reason="", ended_at=0)
        else:
            row = structs.replace(
                row,
                attempt=row.attempt + 1,
                seq=draft.header.seq + 1,
                status=status.IN_PROGRESS,
                frontier=False,
                reason="",
                ended_at=0,
                updated_at=draft.now,
            )
            draft.add(row)
        draft.do(Wait(row.ref, row.attempt))
        return row

    @staticmethod
    def _between(draft: Draft, node: Node, row: TaskRow) -> bool:
        """Whether the iteration has come to its end."""
        return not row.count or has_gone_on(draft, numbered(node.last, (*node.path, row.count)))

    @staticmethod
    def _wants_more(draft: Draft, node: Node, row: TaskRow) -> bool:
        if row.count >= ITERATIONS_MAX:
            raise endless(ITERATIONS_MAX)
        try:
            items = items_of(row)
        except msgspec.ValidationError as error:
            raise ExpressionError(f"Its items are no list: {error}.") from error
        if items is not None and row.count >= len(items):
            return False
        if node.condition is None:
            return items is not None
        draft.require(keys_of(draft.plan, node.condition.reads, node))
        return holds(node.condition.render(Roots(draft, views_of(node.condition), node)))

    @staticmethod
    def _go(draft: Draft, node: Node, row: TaskRow, *, more: bool) -> None:
        if not more:
            flow.completed(draft, node, draft.change(row, status.COMPLETED, ended_at=draft.now))
            return
        draft.iterations += 1
        row = draft.change(row, count=row.count + 1)
        draft.log("iteration", row.ref, row.attempt, number=row.count)
        draft.agenda.append(numbered(node.body[0], (*node.path, row.count)))
