"""Runs of workflows with a FORK_JOIN_DYNAMIC named `f`, as its tests need them."""

from __future__ import annotations

from typing import Any

from pavane.core.check import check_workflow
from pavane.core.model.workflow import Undo
from tests.unit.core.build import fan, once, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World

TAKEN_BACK = Undo(
    name="un-t",
    input_parameters={"of": "${f.input.n}", "gave": "${f.output.x}"},
    task_definition=once(),
)


def begun(*steps: Any, given: dict[str, Any] | None = None, **tasks: Any) -> Execution:
    """A run of a workflow that the checks let pass."""
    made = workflow(*steps)
    assert check_workflow(made) == []
    return World(tasks={"t": once(), **tasks}).start(made, **(given or {}))


def refused(*steps: Any, **given: Any) -> str:
    """The reason for which a run fails as its fork begins."""
    run = begun(*steps, given=given)
    assert run.status == "FAILED"
    assert run.row("f").status == "FAILED_WITH_TERMINAL_ERROR"
    return run.header.reason


def listed(*steps: dict[str, Any], inputs: Any = None) -> list[Any]:
    """The second form, with its list and map written out."""
    return fan(
        "f",
        inputs={"steps": list(steps), "given": {} if inputs is None else inputs},
        dynamic_fork_tasks_param="steps",
        dynamic_fork_tasks_input_param_name="given",
    )
