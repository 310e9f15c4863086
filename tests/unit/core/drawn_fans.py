"""Random branches that are made at run time."""

from __future__ import annotations

import random
from typing import Any, Protocol

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import fan


class Draws(Protocol):
    """What the author of a definition gives."""

    random: random.Random

    def name(self, letter: str) -> str: ...

    def coin(self) -> bool: ...

    def policy(self) -> TaskDefinition: ...


def draw_fan(author: Draws) -> list[Step]:
    """A FORK_JOIN_DYNAMIC in one of its forms; rarely with an input that it cannot use."""
    ref, form, width = author.name("y"), author.random.random(), author.random.randrange(5)
    undo = Undo(name=f"un-{ref}", task_definition=author.policy()) if author.coin() else None
    if form < 0.6:
        items = 5 if form < 0.02 else [{"n": n} for n in range(width)]
        name = author.random.choice(["quick", "slow"])
        inputs: dict[str, Any] = {"forkTaskWorkflow": "other"} if form < 0.15 else {}
        return fan(
            ref,
            items,
            inputs={"forkTaskName": name, **inputs},
            undo=undo,
            optional=0.3 < form < 0.34,
            permissive=0.34 < form < 0.38,
        )
    given = [_branch(author) for _ in range(width)]
    if form < 0.9:
        return fan(
            ref,
            inputs={"steps": given, "inputs": {}},
            dynamic_fork_tasks_param="steps",
            dynamic_fork_tasks_input_param_name="inputs",
        )
    old = [{"taskName": each["name"], "referenceName": each["taskReferenceName"]} for each in given]
    return fan(ref, inputs={"old": {"dynamicTasks": old}}, dynamic_fork_join_tasks_param="old")


def _branch(author: Draws) -> dict[str, Any]:
    """A step of any kind, as data."""
    name = author.random.choice(["quick", "slow"])
    made: dict[str, Any] = {"name": name, "taskReferenceName": author.name("x")}
    draw = author.random.random()
    if draw < 0.5:
        made["undo"] = {"name": "un-x", "taskDefinition": {"name": "un-x", "retryCount": 0}}
        return made
    if draw < 0.6:
        return {**made, "type": "WAIT"}
    if draw < 0.7:
        return {**made, "type": "NOOP"}
    if draw < 0.85:
        return {**made, "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "other"}}
    return {**made, "optional": draw < 0.9, "permissive": draw > 0.95}
