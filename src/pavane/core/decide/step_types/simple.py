"""SIMPLE: a task that a service does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import status
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step


class Simple(StepType):
    """Put the task in its queue; a worker takes it and reports what became of it."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs the name of a task."""
        if not step.name:
            yield "a SIMPLE step needs the name of its task in `name`"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Schedule the first attempt."""
        delay_ms = int(node.step.start_delay * 1000)
        row = flow.new_row(
            draft,
            node,
            status.SCHEDULED,
            input=encode(task_input),
            visible_at=draft.now + delay_ms,
        )
        flow.pivot_reached(draft, node)
        flow.offer(draft, node, row)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """Nothing was due after all: the decider sets the next alarm of queue entries itself."""
