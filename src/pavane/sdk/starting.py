"""What both clients do with a workflow that is to be started: its name, its input, its result."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Protocol, cast

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.errors import InputError, UsageError
from pavane.language.durations import parse_duration
from pavane.language.offers import TaskOffer, WorkflowOffer, is_workflow
from pavane.sdk import plans
from pavane.sdk.contract import Contract, encode
from pavane.sdk.parameters import Shape, place_of
from pavane.sdk.plans import Start
from pavane.sdk.policy import Duration


class DeclaredWorkflow(WorkflowOffer, Protocol):
    """What `@workflow` makes of a function, as far as starting it goes."""

    @property
    def definition(self) -> Workflow:
        """What runs."""
        ...

    @property
    def workflows(self) -> Sequence[DeclaredWorkflow]:
        """The workflows that it calls."""
        ...

    @property
    def calls(self) -> Sequence[TaskOffer]:
        """All tasks that it and its sub-workflows use."""
        ...


def start_of(workflow: object, args: Sequence[object], input: object, version: int | None) -> Start:
    """Names, checks and encodes; InputError names the argument that does not fit."""
    if isinstance(workflow, str):
        if args:
            raise UsageError(
                f"{workflow!r} is started by name, so its arguments have no names.",
                'Give them as input={"name": value}.',
            )
        return Start(workflow, plans.json_input(input), version=version)
    if not is_workflow(workflow):
        raise UsageError(f"{workflow!r} is not a workflow.", "Put @workflow on it.")
    function = cast("DeclaredWorkflow", workflow)
    door = door_of(function)
    body = plans.json_input(input) if input is not None else _arguments(function, args)
    door.arguments(body, None)
    return Start(function.name, body, door, version or function.version)


def _arguments(function: DeclaredWorkflow, args: Sequence[object]) -> bytes:
    try:
        bound = function.signature.bind(*args)
    except TypeError as error:
        raise InputError(f"{function.name}: {error}.", "Compare its parameters.") from error
    bound.apply_defaults()
    try:
        return encode(bound.arguments)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{function.name}: the arguments cannot be written as JSON: {error}."
        ) from error


@functools.lru_cache(maxsize=512)
def door_of(function: DeclaredWorkflow) -> Contract:
    """The typed door of a workflow: its parameters, and what it returns."""
    signature = function.signature
    shape = Shape(
        signature=signature,
        returns=signature.return_annotation,
        context="",
        positional=tuple(signature.parameters),
        keyword=(),
        is_async=True,
    )
    return Contract(function.name, place_of(function.function), shape)


def definitions_for(
    workflows: Sequence[object],
) -> tuple[list[Workflow], list[TaskDefinition]]:
    """The definitions of workflows, of those that they call, and of all their tasks.

    A definition that was written as JSON stands for itself.
    """
    written = [each for each in workflows if isinstance(each, Workflow)]
    functions = reachable([each for each in workflows if not isinstance(each, Workflow)])
    tasks = {task.name: task.definition for each in functions for task in each.calls}
    return [*written, *(each.definition for each in functions)], list(tasks.values())


def reachable(workflows: Sequence[object]) -> list[DeclaredWorkflow]:
    """The workflows and those that they call, at any depth, each once."""
    found: dict[int, DeclaredWorkflow] = {}
    pending = list(workflows)
    while pending:
        each = pending.pop(0)
        if not is_workflow(each):
            raise UsageError(f"{each!r} is not a workflow.", "Put @workflow on it.")
        function = cast("DeclaredWorkflow", each)
        if id(function.function) not in found:
            found[id(function.function)] = function
            pending.extend(function.workflows)
    return list(found.values())


def seconds(duration: Duration | None) -> float | None:
    """A duration in seconds, None for no limit."""
    return None if duration is None else parse_duration(duration)
