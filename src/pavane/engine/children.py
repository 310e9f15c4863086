"""Executions that an execution starts, in its own transaction: children and failure workflows."""

from __future__ import annotations

import logging

from pavane.core.model import status
from pavane.core.model.command import StartChild, StartFailureWorkflow
from pavane.core.model.fact import ChildEnded, Started
from pavane.core.model.rows import Header
from pavane.engine.registry import Registry
from pavane.engine.request import Request
from pavane.engine.work_set import WorkSet
from pavane.errors import NotFoundError, PavaneError

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
        priority=above.priority,
        depth=above.depth + 1,
    )
    return Request(command.child_id, Started(input=command.input), header=header)


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
