"""What one compilation gathers: findings, names, the tasks and workflows that it uses."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

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

    def refuse(self, node: ast.AST, message: str, remedy: str = "") -> None:
        """Note a finding at a node."""
        self.work.findings.add(self.source, node, message, remedy)
