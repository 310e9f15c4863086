"""NOOP: a place in the graph, and nothing else."""

from __future__ import annotations

from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType


class Noop(StepType):
    """Over as soon as it begins."""

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Record it and go on."""
        flow.go_on(draft, node, flow.instant(draft, node, task_input, {}))
