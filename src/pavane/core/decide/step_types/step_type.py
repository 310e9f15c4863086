"""What every step type can be asked; most answers are the same for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.model import status
from pavane.core.model.command import Wait
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step


class StepType(ABC):
    """A step type: how it begins, and what a ring of its alarm means."""

    def findings(self, step: Step) -> Iterator[str]:
        """What is wrong with the definition of such a step, in words."""
        return iter(())

    @abstractmethod
    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """The flow has come to the step, and this is its input."""

    def begin_again(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """A person retries a run that ended here: as a rule the step simply begins anew."""
        draft.agenda.append(node.ref)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """The alarm of an open task rang, and no timeout has passed: set the next one."""
        draft.do(Wait(row.ref, row.attempt, timeouts.next_after(node.policy, row, draft.now)))

    def open(self, draft: Draft, node: Node, task_input: dict[str, Any], **fields: Any) -> TaskRow:
        """A record that is in progress from the start and no worker's business."""
        row = flow.new_row(
            draft,
            node,
            status.IN_PROGRESS,
            input=encode(task_input),
            started_at=draft.now,
            **fields,
        )
        draft.log("scheduled", row.ref, row.attempt)
        return row
