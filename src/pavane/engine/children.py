"""Executions that an execution starts, in its own transaction: children and failure workflows."""

from __future__ import annotations

import logging
from typing import NamedTuple

from pavane.core.model import status
from pavane.core.model.command import Launch, StartChild, StartFailureWorkflow
from pavane.core.model.fact import ChildEnded, KeyWanted, Launched, Started
from pavane.core.model.rows import Header
from pavane.engine import payloads
from pavane.engine.registry import Registry
from pavane.engine.request import Request
from pavane.engine.work_set import WorkSet
from pavane.errors import AlreadyExistsError, NotFoundError, PavaneError

_LOG = logging.getLogger("pavane.engine")

DEPTH_MAX = 50  # scopes within scopes


async def child(registry: Registry, parent: WorkSet, command: StartChild) -> Request:
    """The start of the execution that a step is; a failed step where it cannot be started."""
    assert parent.rows is not None
    above = parent.rows.header
    name, version = command.what.name, command.what.version
    try:
        hash = command.definition or registry.find(name, version)
        definition = (await registry.plan(hash)).workflow
        if above.depth >= DEPTH_MAX:
            raise NotFoundError(f"Executions are nested deeper than {DEPTH_MAX}.")
    except PavaneError as error:
        ref, _, attempt = command.ref.rpartition("#")
        fact = ChildEnded(ref, int(attempt), status.FAILED, reason=str(error))
        return Request(parent.id, fact)
    header = Header(
        id=command.child_id,
        workflow=definition.name or name,
        version=definition.version,
        definition=hash,
        parent_id=above.id,
        parent_ref=command.ref,
        correlation_id=above.correlation_id,
        priority=above.priority if command.what.priority is None else command.what.priority,
        depth=above.depth + 1,
    )
    return Request(command.child_id, Started(input=command.input), header=header)


class Holder(NamedTuple):
    """The execution that has a start key; "" is nobody. `begins`: in this very transaction."""

    id: str = ""
    begins: bool = False


def key_taken(workflow: str, key: str, execution_id: str) -> AlreadyExistsError:
    """The refusal of a start whose key somebody has."""
    return AlreadyExistsError(
        f"Workflow {workflow!r} was started with the key {key!r} already: {execution_id}.",
        "Look at that execution, or use another key.",
    )


async def launched(
    registry: Registry, by: WorkSet, command: Launch, holder: Holder
) -> list[Request]:
    """The start of an execution that goes its own way, and what the step that wants it is told.

    `holder` has its start key already, or is nobody.
    """
    try:
        hash = registry.find(command.name, command.version)
        definition = (await registry.plan(hash)).workflow
        body = payloads.checked_object(command.input, f"the input of {command.name}")
        runs = holder.begins and command.if_exists == "fail_if_running"
        if holder.id and (runs or command.if_exists == "fail"):
            raise key_taken(definition.name, command.key, holder.id)
    except PavaneError as error:
        return [Request(by.id, Launched(command.ref, command.attempt, reason=str(error)))]
    header = Header(
        id=command.execution_id,
        workflow=definition.name,
        version=definition.version,
        definition=hash,
        key=command.key,
        correlation_id=command.correlation_id,
        priority=command.priority,
    )
    step = (by.id, command.ref, command.attempt)
    if holder.id and command.if_exists == "fail_if_running":
        return [Request(holder.id, KeyWanted(header, body, step))]
    if holder.id:
        return [Request(by.id, Launched(command.ref, command.attempt, holder.id))]
    return [Request(header.id, Started(input=body), header=header, told=step)]


def refused(request: Request, error: PavaneError) -> list[Request]:
    """What follows where an execution cannot be started: whoever it is a step of is told."""
    told, header = request.told, request.header
    if isinstance(request.fact, KeyWanted):
        told = request.fact.told
    if told is not None:
        return [Request(told[0], Launched(told[1], told[2], reason=str(error)))]
    if header is not None and header.parent_id:
        ref, _, attempt = header.parent_ref.rpartition("#")
        ended = ChildEnded(ref, int(attempt), status.FAILED, reason=str(error))
        return [Request(header.parent_id, ended)]
    if request.future is None:
        _LOG.warning("%s is not started: %s", request.execution_id, error)
    return []


async def failure_workflow(
    registry: Registry, failed: WorkSet, command: StartFailureWorkflow
) -> list[Request]:
    """The start of the workflow that deals with a failure; nothing where it is not registered."""
    assert failed.rows is not None
    try:
        hash = registry.find(command.name)
        definition = (await registry.plan(hash)).workflow
    except PavaneError as error:
        _LOG.warning("failure workflow of %s: %s", failed.id, error)
        return []
    header = Header(
        id=command.child_id,
        workflow=definition.name,
        version=definition.version,
        definition=hash,
        correlation_id=failed.rows.header.correlation_id,
    )
    return [Request(command.child_id, Started(input=command.input), header=header)]
