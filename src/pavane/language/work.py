"""What one compilation gathers: findings, names, the tasks and workflows that it uses."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pavane.language.findings import Findings
from pavane.language.frames import Frame
from pavane.language.names import Names
from pavane.language.offers import TaskOffer, WorkflowOffer
from pavane.language.source import Source


@dataclass
class Work:
    """The state shared by all readers and writers of one compilation."""

    findings: Findings
    names: Names
    variables: Names = field(default_factory=Names)
    tasks: dict[tuple[str, str], TaskOffer] = field(
        default_factory=dict[tuple[str, str], TaskOffer]
    )
    workflows: dict[int, WorkflowOffer] = field(default_factory=dict[int, WorkflowOffer])
    uses: set[str] = field(default_factory=set[str])
    fields: dict[str, Any] = field(default_factory=dict[str, Any])  # given to `definition()`

    def keep(self) -> Callable[[], None]:
        """A way back to what is gathered now."""
        parts = [self.findings.keep(), self.names.keep(), self.variables.keep()]
        tasks, workflows, uses = dict(self.tasks), dict(self.workflows), set(self.uses)

        def restore() -> None:
            for each in parts:
                each()
            self.tasks, self.workflows, self.uses = tasks, workflows, uses

        return restore

    def use_task(self, offer: TaskOffer) -> None:
        """Note a task that is called, or that undoes one."""
        self.tasks.setdefault((offer.service, offer.name), offer)

    def use_workflow(self, offer: WorkflowOffer) -> None:
        """Note a workflow that is called."""
        self.workflows[id(offer)] = offer


@dataclass
class Site:
    """Where reading takes place: the text, and the definition that is being written."""

    work: Work
    source: Source
    frame: Frame

    def keep(self) -> Callable[[], None]:
        """A way back, for what must be read once more: all that reading it here changes."""
        work, frame = self.work.keep(), self.frame.keep()

        def restore() -> None:
            work()
            frame()

        return restore

    def refuse(self, node: ast.AST, message: str, remedy: str = "") -> None:
        """Note a finding at a node."""
        self.work.findings.add(self.source, node, message, remedy)
