"""Short words for definitions in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, SubWorkflow, Undo, Workflow

Steps = Step | Sequence["Steps"]


def flat(*steps: Steps) -> list[Step]:
    """One list of steps out of steps and lists of steps."""
    found: list[Step] = []
    for step in steps:
        found += [step] if isinstance(step, Step) else flat(*step)
    return found


def workflow(*steps: Steps, name: str = "test", **fields: Any) -> Workflow:
    return Workflow(name=name, tasks=flat(*steps), **fields)


def task(
    ref: str,
    *,
    undo: bool | str | Undo = False,
    policy: TaskDefinition | None = None,
    inputs: dict[str, Any] | None = None,
    **fields: Any,
) -> Step:
    """A SIMPLE step; `undo=True` is undone by the task `un-<ref>`. It is not retried by itself."""
    if undo and not isinstance(undo, Undo):
        undo = Undo(name=f"un-{ref}" if undo is True else undo, task_definition=once())
    return Step(
        name=ref,
        task_reference_name=ref,
        input_parameters=inputs or {},
        undo=undo or None,
        task_definition=policy or once(),
        **fields,
    )


def once(**fields: Any) -> TaskDefinition:
    """A policy without retries and without timeouts, but for what is given."""
    return TaskDefinition(**{"retry_count": 0, "response_timeout_seconds": 0, **fields})


def fork(ref: str, *branches: Steps, join_on: list[str] | None = None, **join: Any) -> list[Step]:
    """A FORK_JOIN and its JOIN, `<ref>-join`, which waits for the last step of each branch."""
    lists = [flat(branch) for branch in branches]
    last = [branch[-1].ref for branch in lists if branch]
    return [
        Step(name=ref, task_reference_name=ref, type="FORK_JOIN", fork_tasks=lists),
        Step(
            name=f"{ref}-join",
            task_reference_name=f"{ref}-join",
            type="JOIN",
            join_on=last if join_on is None else join_on,
            **join,
        ),
    ]


def fan(ref: str, items: object = None, /, **fields: Any) -> list[Step]:
    """A FORK_JOIN_DYNAMIC over items (a list, or an expression for one) and its `<ref>-join`."""
    inputs: dict[str, Any] = {"forkTaskName": "t", "forkTaskInputs": items}
    inputs = {**({} if items is None else inputs), **fields.pop("inputs", {})}
    join = f"{ref}-join"
    return [
        Step(
            name=ref,
            task_reference_name=ref,
            type="FORK_JOIN_DYNAMIC",
            input_parameters=inputs,
            **fields,
        ),
        Step(name=join, task_reference_name=join, type="JOIN"),
    ]


def switch(ref: str, on: Any, default: Steps = (), /, **cases: Steps) -> Step:
    """A SWITCH by the value of its input `on`."""
    return Step(
        name=ref,
        task_reference_name=ref,
        type="SWITCH",
        evaluator_type="value-param",
        expression="on",
        input_parameters={"on": on},
        decision_cases={case: flat(steps) for case, steps in cases.items()},
        default_case=flat(default),
    )


def scope(ref: str, *steps: Steps, **fields: Any) -> Step:
    """A SUB_WORKFLOW with its definition in place, named `<ref>-scope`."""
    return around(ref, workflow(*steps, name=f"{ref}-scope"), **fields)


def around(ref: str, inner: Workflow, **fields: Any) -> Step:
    """A SUB_WORKFLOW around a definition."""
    param = SubWorkflow(workflow_definition=inner)
    return of_type("SUB_WORKFLOW", ref, sub_workflow_param=param, **fields)


def sub(ref: str, name: str, version: int | None = None, **fields: Any) -> Step:
    """A SUB_WORKFLOW by name."""
    param = SubWorkflow(name=name, version=version)
    return of_type("SUB_WORKFLOW", ref, sub_workflow_param=param, **fields)


def of_type(kind: str, ref: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Step:
    """A step of any type."""
    return Step(
        name=ref, task_reference_name=ref, type=kind, input_parameters=inputs or {}, **fields
    )


def noop(ref: str) -> Step:
    return of_type("NOOP", ref)


def terminate(ref: str, status: str, **inputs: Any) -> Step:
    return of_type("TERMINATE", ref, {"terminationStatus": status, **inputs})


def loop(ref: str, *steps: Steps, **fields: Any) -> Step:
    """A DO_WHILE with these steps: `loop_condition` is ours, `items` a list or an expression."""
    condition = {"evaluator_type": "pavane"} if "loop_condition" in fields else {}
    return of_type("DO_WHILE", ref, loop_over=flat(*steps), **condition, **fields)
