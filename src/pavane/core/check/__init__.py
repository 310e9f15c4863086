"""What can be proved of a definition before it is deployed, and the words to explain it."""

from __future__ import annotations

from collections.abc import Mapping

from pavane.core.decide.plan import compile_plan
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow


def ensure_valid(workflow: Workflow, tasks: Mapping[str, TaskDefinition]) -> None:
    """Raise DefinitionError with everything that is wrong with a definition."""
    compile_plan(workflow, tasks)
