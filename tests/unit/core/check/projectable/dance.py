"""Short words for choreographed definitions in tests: tasks with owners, limits and undos."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pavane.core.check import projectable
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, SubWorkflow, Undo, Workflow
from tests.unit.core.build import Steps, around, fan, of_type, workflow


def does(
    ref: str,
    owner: str = "shop",
    *,
    undo: bool | Undo = True,
    inputs: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    **fields: Any,
) -> Step:
    """A task of a service that can fail and has an undo by the same service."""
    if undo is True:
        undo = Undo(name=f"un-{ref}", service=owner)
    definition = TaskDefinition(name=ref, service=owner, **(policy or {}))
    return of_type("SIMPLE", ref, inputs, undo=undo or None, task_definition=definition, **fields)


def bare(ref: str, **fields: Any) -> Step:
    """A task without an undo."""
    return does(ref, undo=False, **fields)


def pivot(ref: str = "pay", **fields: Any) -> Step:
    return does(ref, undo=False, pivot=True, **fields)


def sure(ref: str, **fields: Any) -> Step:
    """A task without an undo that is tried until it succeeds."""
    return does(ref, undo=False, policy={"retriable": True}, **fields)


def look(ref: str, **fields: Any) -> Step:
    """A task that has no effect, and may fail."""
    return does(ref, undo=False, policy={"read_only": True}, **fields)


def dance(*steps: Steps, **fields: Any) -> Workflow:
    return workflow(*steps, name="dance", style="choreographed", **fields)


def each(ref: str, owner: str = "shop", *, undo: bool = True, **policy: Any) -> list[Step]:
    """A for-each of a task `t` of a service, and its join."""
    back = Undo(name=f"un-{ref}", service=owner) if undo else None
    marks = {name: policy.pop(name) for name in ("permissive", "optional") if name in policy}
    definition = TaskDefinition(name="t", service=owner, **policy)
    return fan(ref, "${workflow.input.items}", undo=back, task_definition=definition, **marks)


def part(ref: str, *steps: Steps, style: Any = None, **fields: Any) -> Step:
    """A scope, of the style of what is around it unless said otherwise."""
    inner = workflow(*steps, name=f"dance-{ref}", style=style, **fields)
    return around(ref, inner)


def caught(ref: str, *steps: Steps) -> Step:
    """A scope behind which the flow goes on when it has failed."""
    inner = SubWorkflow(workflow_definition=workflow(*steps, name=f"dance-{ref}"))
    return of_type("SUB_WORKFLOW", ref, sub_workflow_param=inner, optional=True)


def found(
    *steps: Steps, known: Collection[Workflow] = (), tasks: Any = None, **fields: Any
) -> list[str]:
    """What is found in a choreographed workflow of these steps.

    Without the refusal of every `joinCount`: the rules for such JOINs are there already.
    """
    texts = projectable.check(dance(*steps, **fields), tasks, known)
    return [text for text in texts if "has a `joinCount`" not in text]
