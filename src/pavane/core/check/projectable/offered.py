"""What the task definitions say about a step: its owner, and what can become of it."""

from __future__ import annotations

from collections.abc import Mapping

from pavane.core.check.policies import has_limits
from pavane.core.decide.fan_forms import branch_step
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Undo


def task_of(step: Step) -> Step | None:
    """The step as one that a service does: itself, or what is done for each item; else None."""
    return step if step.type == "SIMPLE" else branch_step(step)


class Offered:
    """The task definitions that are known, looked up as the plan does it."""

    def __init__(self, tasks: Mapping[str, TaskDefinition]) -> None:
        self._tasks = tasks

    def definition(self, step: Step) -> TaskDefinition | None:
        """Of the task of a step, in place or by name."""
        return step.task_definition or self._tasks.get(step.name)

    def of_undo(self, undo: Undo) -> TaskDefinition | None:
        """Of an undo, in place or by name."""
        return undo.task_definition or self._tasks.get(undo.name)

    def limited(self, step: Step) -> str:
        """Of the task of a step or of its undo: the name of one with limits, or ""."""
        names = [step.name, step.undo.name if step.undo else ""]
        inside = [step.task_definition, step.undo.task_definition if step.undo else None]
        for name, definition in zip(names, inside, strict=True):
            for each in (definition, self._tasks.get(name)):
                if each is not None and has_limits(each):
                    return name
        return ""

    def owner(self, step: Step) -> str:
        """The service that does the step, or ""."""
        definition = self.definition(step)
        return step.service or (definition.service if definition else "")

    def owner_of_undo(self, undo: Undo) -> str:
        """The service that the undo itself names, or ""."""
        definition = self.of_undo(undo)
        return undo.service or (definition.service if definition else "")

    def is_read_only(self, step: Step) -> bool:
        """Whether it has no effect."""
        definition = self.definition(step)
        return definition is not None and definition.read_only

    def is_retriable(self, step: Step) -> bool:
        """Whether it is tried until it succeeds; a `retryCount` of the step's own ends that."""
        definition = self.definition(step)
        if definition is None or step.retry_count is not None:
            return False
        return definition.retriable and not definition.total_timeout_seconds
