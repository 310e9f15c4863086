"""Workflows and task definitions: registered, listed, read back."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow, content_hash
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import flag, integer, read_one_or_more
from pavane.doors.rest.state import state

MAX_VERSION = 2**31 - 1


class WorkflowEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One line in the list of workflows; `definition` is the content hash."""

    name: str
    version: int
    definition: str
    created_at: int = 0
    style: str = "orchestrated"


async def put_workflows(request: Request) -> Response:
    """Register one workflow or a list of them; other content needs `?overwrite=true`."""
    workflows = await read_one_or_more(request, Workflow)
    await state(request).engine.register(workflows, overwrite=flag(request, "overwrite"))
    entries = [WorkflowEntry(each.name, each.version, content_hash(each)) for each in workflows]
    return json_response({"workflows": entries}, 201)


async def list_workflows(request: Request) -> Response:
    """All workflows, by name and version."""
    known = await state(request).executions.workflows()
    return json_response({"workflows": [WorkflowEntry(*each) for each in known]})


async def get_workflow(request: Request) -> Response:
    """The definition of a workflow: the latest, or `?version=`."""
    version = integer(request, "version", 0, 1, MAX_VERSION) or None
    body = await state(request).executions.definition(request.path_params["name"], version)
    return Response(body, media_type="application/json")


async def get_standing(request: Request) -> Response:
    """Where the executions by a version stand, and whether they could go on by `?to=`."""
    version = integer(request, "version", 0, 1, MAX_VERSION) or None
    to = integer(request, "to", 0, 1, MAX_VERSION) or None
    found = await state(request).engine.standing(request.path_params["name"], version, to)
    return json_response(found)


async def put_tasks(request: Request) -> Response:
    """Register one task definition or a list of them; what has the same name is replaced."""
    tasks = await read_one_or_more(request, TaskDefinition)
    await state(request).engine.register((), tasks, overwrite=True)
    return json_response({"tasks": [each.name for each in tasks]}, 201)


async def list_tasks(request: Request) -> Response:
    """All task definitions, by name."""
    bodies = await state(request).engine.store.task_definitions()
    return json_response({"tasks": [msgspec.Raw(bodies[name]) for name in sorted(bodies)]})
