"""Forks whose JOIN has a `joinCount`, begun on the core's driver."""

from __future__ import annotations

from typing import Any

from pavane.core.model.workflow import Step, Workflow
from tests.unit.core.build import fork, task
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def sure(ref: str, **fields: Any) -> Step:
    return task(ref, undo=True, **fields)


def race(*branches: Step, needed: int = 1) -> list[Step]:
    return fork("f", *branches, join_count=needed)


def started(definition: Workflow, *taken: str) -> Execution:
    run = World().start(definition)
    for ref in taken:
        assert run.take(ref)
    return run


def interrupted(run: Execution) -> list[str]:
    return [ref for _, ref, _ in run.world.interrupted]
