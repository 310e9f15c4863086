"""SUB_WORKFLOW: a step that is an execution of its own: another workflow, or a scope in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import ids, status
from pavane.core.model.command import StartChild, Wait
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step, content_hash


class SubWorkflowStep(StepType):
    """Start the child in the same transaction; its end is this step's end."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs a name, or a definition in place."""
        param = step.sub_workflow_param
        if param is None or not (param.name or param.workflow_definition):
            yield "a SUB_WORKFLOW needs `subWorkflowParam` with a name or a workflowDefinition"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """The first attempt starts at once."""
        row = flow.new_row(
            draft, node, status.IN_PROGRESS, input=encode(task_input), started_at=draft.now
        )
        draft.log("scheduled", row.ref, row.attempt)
        flow.pivot_reached(draft, node)
        self._start(draft, node, row)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """A retry waits its delay as SCHEDULED; then it starts a child of its own."""
        if row.status != status.SCHEDULED:
            super().rang(draft, node, row)
        elif row.visible_at <= draft.now:
            row = draft.change(row, status.IN_PROGRESS, started_at=draft.now)
            self._start(draft, node, row)
        else:  # an alarm of the attempt before, that came late
            limit_at = timeouts.alarm_at(node.policy, row)
            draft.do(Wait(row.ref, row.attempt, timeouts.earliest(row.visible_at, limit_at)))

    def _start(self, draft: Draft, node: Node, row: TaskRow) -> None:
        param = node.step.sub_workflow_param
        assert param is not None
        child = ids.child_id(draft.header.id, row.ref, row.attempt, draft.now)
        inline = param.workflow_definition
        row = draft.change(row, child_id=child)
        draft.do(
            StartChild(
                child_id=child,
                ref=f"{row.ref}#{row.attempt}",
                what=param,
                definition=content_hash(inline) if inline else "",
                input=row.input,
            )
        )
        draft.do(Wait(row.ref, row.attempt, timeouts.alarm_at(node.policy, row)))
