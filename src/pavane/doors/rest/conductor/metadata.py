"""Conductor's /api/metadata: workflow and task definitions."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import flag, integer, read_json, read_one_or_more
from pavane.doors.rest.conductor.definitions import read_task, read_workflow, spelled_out
from pavane.doors.rest.conductor.shapes import BulkResponse
from pavane.doors.rest.state import state
from pavane.errors import AlreadyExistsError, NotFoundError, PavaneError
from pavane.ports.store import StoredWorkflow

MAX_VERSION = 2**31 - 1
Fields = dict[str, Any]


async def create_workflow(request: Request) -> Response:
    """Register one definition; 409 where its name and version are taken."""
    definition = read_workflow(await read_json(request, Fields))
    overwrite = flag(request, "overwrite")
    engine = state(request).engine
    if not overwrite and definition.version in engine.registry.versions(definition.name):
        taken = f"{definition.name}.{definition.version}"
        raise AlreadyExistsError(f"Workflow with {taken} already exists!")
    await engine.register([definition], overwrite=overwrite)
    return Response()


async def update_workflows(request: Request) -> Response:
    """Register or replace definitions, each for itself."""
    done: list[str] = []
    refused: dict[str, str] = {}
    for given in await read_one_or_more(request, Fields):
        name = str(given.get("name") or "")
        try:
            await state(request).engine.register([read_workflow(given)], overwrite=True)
        except PavaneError as error:
            wrong = [f"{path}: {text}" for path, text in getattr(error, "wrong", ())]
            refused[name] = " ".join([error.message, *wrong])
        else:
            done.append(name)
    return json_response(BulkResponse(done, refused))


async def list_workflows(request: Request) -> Response:
    """All definitions in all versions."""
    stored = await state(request).reader.workflows()
    return json_response([await _definition(request, each) for each in stored])


async def latest_workflows(request: Request) -> Response:
    """The newest version of each definition."""
    newest = {each.name: each for each in await state(request).reader.workflows()}
    return json_response([await _definition(request, each) for each in newest.values()])


async def names_and_versions(request: Request) -> Response:
    """For each name its versions."""
    found: dict[str, list[Fields]] = {}
    for each in await state(request).reader.workflows():
        line = {"name": each.name, "version": each.version, "createTime": each.created_at}
        found.setdefault(each.name, []).append(line)
    return json_response(found)


async def get_workflow(request: Request) -> Response:
    """One definition, the newest version unless one is named."""
    name = request.path_params["name"]
    version = integer(request, "version", 0, 0, MAX_VERSION) or None
    hash = state(request).engine.registry.find(name, version)
    wanted = next(
        each
        for each in await state(request).reader.workflows()
        if each.name == name and each.definition == hash
    )
    return json_response(await _definition(request, wanted))


async def create_tasks(request: Request) -> Response:
    """Register task definitions; the same name replaces."""
    given = await read_one_or_more(request, Fields)
    definitions = [read_task(each, f"[{number}].") for number, each in enumerate(given)]
    await state(request).engine.register((), definitions, overwrite=True)
    return Response()


async def update_task(request: Request) -> Response:
    """Replace one task definition; 404 where there is none."""
    definition = read_task(await read_json(request, Fields))
    engine = state(request).engine
    if definition.name not in engine.registry.tasks:
        raise _no_such_task(definition.name)
    await engine.register((), [definition], overwrite=True)
    return Response()


async def list_tasks(request: Request) -> Response:
    """All task definitions, by name."""
    tasks = state(request).engine.registry.tasks
    return json_response([spelled_out(tasks[name]) for name in sorted(tasks)])


async def get_task(request: Request) -> Response:
    """One task definition."""
    name = request.path_params["name"]
    found = state(request).engine.registry.tasks.get(name)
    if found is None:
        raise _no_such_task(name)
    return json_response(spelled_out(found))


async def _definition(request: Request, stored: StoredWorkflow) -> Fields:
    workflow = await state(request).engine.registry.workflow(stored.definition)
    return {**spelled_out(workflow), "createTime": stored.created_at}


def _no_such_task(name: str) -> NotFoundError:
    return NotFoundError(f"No such taskType found by name: {name}")
