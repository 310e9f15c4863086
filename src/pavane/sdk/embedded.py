"""Running a workflow right here: in an engine in memory that lives as long as the call."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pavane.core.decide.event_waits import needs_bus
from pavane.core.projection.reading.hybrid import styles
from pavane.errors import DefinitionError, ExecutionFailedError
from pavane.sdk import plans
from pavane.sdk.client import Client
from pavane.sdk.service import Service
from pavane.sdk.starting import DeclaredWorkflow, reachable, start_of
from pavane.sdk.task import Task


async def run_here(workflow: object, arguments: dict[str, Any]) -> Any:
    """The result of a workflow, run in its own style with the services of its tasks, in memory.

    Nothing outlives the call. ExecutionFailedError when it does not complete.
    """
    workflows = reachable([workflow])
    start = start_of(workflow, (), arguments, None)
    async with _client(workflows) as client:
        execution_id = await client.perform(plans.start(start))
        try:
            return await client.perform(plans.result(execution_id, start.door, None))
        except ExecutionFailedError as error:
            # Its remedy is to look at the execution, which is gone with the engine.
            raise ExecutionFailedError(
                error.message, status=error.status, reason=error.reason
            ) from None


@asynccontextmanager
async def _client(workflows: Sequence[DeclaredWorkflow]) -> AsyncGenerator[Client]:
    """A client of a conductor, of dancers or of both, as the styles of the workflows ask for."""
    # Bootstrap knows the adapters and lies above this layer, so it is found by name, when needed.
    bootstrap = importlib.import_module("pavane.bootstrap")
    services = services_of(workflows)
    definitions = [each.definition for each in workflows]
    conducted = all(styles(each) == {"orchestrated"} for each in definitions)
    if conducted and not any(map(needs_bus, definitions)):
        async with bootstrap.running_engine(
            "memory:", services=services, workflows=workflows, schedules=False
        ) as engine:
            yield Client.embedded(engine)
        return
    async with bootstrap.mixed_services(
        "memory:", "memory:", services=services, workflows=workflows
    ) as (engine, company):
        if workflows[0].definition.style == "choreographed":
            yield Client.among(company.requests, company.observer, bootstrap.chance())
        else:
            yield Client.embedded(engine)


def services_of(workflows: Sequence[DeclaredWorkflow]) -> list[Service]:
    """The services that own the tasks of workflows."""
    services: dict[Service, None] = {}
    for offer in (offer for workflow in workflows for offer in workflow.calls):
        if not isinstance(offer, Task):
            raise DefinitionError(
                f"{offer.name} is known by name only, so it cannot run here.",
                "Define it with @service.task, or run the workflow on a server.",
            )
        services[offer.owner] = None
    return list(services)
