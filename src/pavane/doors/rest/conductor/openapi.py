"""The OpenAPI document of /api, put together from the same structs that the handlers use."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow as WorkflowDefinition
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.conductor import shapes
from pavane.doors.rest.conductor.scheduler import WorkflowSchedule
from pavane.doors.rest.conductor.tasks import TaskResult
from pavane.doors.rest.conductor.token import TokenRequest
from pavane.doors.rest.conductor.workflow import StartWorkflowRequest
from pavane.doors.rest.native.openapi import error_statuses

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_YES = {"type": "boolean"}
_OBJECT = {"type": "object"}
_ID = "/api/workflow/{workflow_id}"
_SCHEDULES = "/api/scheduler/schedules"
_BY_REF = "/api/tasks/{workflow_id}/{ref}/{status}"


class Operation(NamedTuple):
    """One method on one path. An answer `str` is text, None is an empty body."""

    method: str
    path: str
    summary: str
    answer: Any = None
    body: Any = None
    status: int = 200
    query: tuple[tuple[str, dict[str, str]], ...] = ()


_POLL = (("workerid", _TEXT), ("domain", _TEXT))
_PAGE = (("start", _NUMBER), ("size", _NUMBER), ("sort", _TEXT))
_TASKS = (("includeClosed", _YES), ("includeTasks", _YES))

OPERATIONS = (
    Operation("get", "/api/health", "Whether the server takes requests", _OBJECT),
    Operation("get", "/api/version", "The version of the server", str),
    Operation("post", "/api/token", "A token for a key; 404 without keys", _OBJECT, TokenRequest),
    Operation(
        "post",
        "/api/metadata/workflow",
        "Register a workflow definition",
        body=WorkflowDefinition,
        query=(("overwrite", _YES),),
    ),
    Operation(
        "put",
        "/api/metadata/workflow",
        "Register or replace workflow definitions",
        shapes.BulkResponse,
        list[WorkflowDefinition],
    ),
    Operation(
        "get", "/api/metadata/workflow", "All workflow definitions", list[WorkflowDefinition]
    ),
    Operation("get", "/api/metadata/workflow/names-and-versions", "Names and versions", _OBJECT),
    Operation(
        "get",
        "/api/metadata/workflow/latest-versions",
        "The newest version of each",
        list[WorkflowDefinition],
    ),
    Operation(
        "get",
        "/api/metadata/workflow/{name}",
        "One workflow definition",
        WorkflowDefinition,
        query=(("version", _NUMBER),),
    ),
    Operation(
        "post",
        "/api/metadata/taskdefs",
        "Register task definitions",
        body=list[TaskDefinition],
    ),
    Operation("put", "/api/metadata/taskdefs", "Replace a task definition", body=TaskDefinition),
    Operation("get", "/api/metadata/taskdefs", "All task definitions", list[TaskDefinition]),
    Operation("get", "/api/metadata/taskdefs/{name}", "One task definition", TaskDefinition),
    Operation("post", "/api/workflow", "Start an execution", str, StartWorkflowRequest),
    Operation(
        "post",
        "/api/workflow/{name}",
        "Start an execution by name",
        str,
        _OBJECT,
        query=(("version", _NUMBER), ("correlationId", _TEXT), ("priority", _NUMBER)),
    ),
    Operation(
        "get",
        "/api/workflow/search",
        "Search executions",
        shapes.SearchResult,
        query=(*_PAGE, ("freeText", _TEXT), ("query", _TEXT), ("topLevelOnly", _YES)),
    ),
    Operation(
        "get",
        "/api/workflow/running/{name}",
        "Ids of what goes on",
        list[str],
        query=(("version", _NUMBER), ("startTime", _NUMBER), ("endTime", _NUMBER)),
    ),
    Operation(
        "post",
        "/api/workflow/{name}/correlated",
        "Executions by correlation ids",
        dict[str, list[shapes.Workflow]],
        list[str],
        query=_TASKS,
    ),
    Operation(
        "get",
        "/api/workflow/{name}/correlated/{correlation_id}",
        "Executions by a correlation id",
        list[shapes.Workflow],
        query=_TASKS,
    ),
    Operation("put", "/api/workflow/decide/{workflow_id}", "Nothing: it is always decided"),
    Operation("get", _ID, "One execution", shapes.Workflow, query=(("includeTasks", _YES),)),
    Operation("delete", _ID, "Terminate and undo", query=(("reason", _TEXT),)),
    Operation("delete", _ID + "/remove", "Forget an execution that has ended"),
    Operation(
        "get",
        _ID + "/tasks",
        "Tasks of one execution",
        _OBJECT,
        query=(("start", _NUMBER), ("count", _NUMBER), ("status", _TEXT)),
    ),
    Operation(
        "get",
        _ID + "/status",
        "The status of one execution",
        shapes.WorkflowStatus,
        query=(("includeOutput", _YES), ("includeVariables", _YES)),
    ),
    Operation("put", _ID + "/pause", "Schedule nothing new"),
    Operation("put", _ID + "/resume", "Go on after a pause"),
    Operation("post", _ID + "/retry", "Try again what failed", status=204),
    Operation("get", "/api/tasks/poll/{name}", "Take one task", shapes.Task, query=_POLL),
    Operation(
        "get",
        "/api/tasks/poll/batch/{name}",
        "Take some tasks",
        list[shapes.Task],
        query=(*_POLL, ("count", _NUMBER), ("timeout", _NUMBER)),
    ),
    Operation("post", "/api/tasks", "Report a result", str, TaskResult),
    Operation("post", "/api/tasks/update-v2", "Report, take the next", shapes.Task, TaskResult),
    Operation("get", "/api/tasks/{task_id}", "One task", shapes.Task),
    Operation(
        "post",
        _BY_REF,
        "Settle the open task of a step",
        str,
        _OBJECT,
        query=(("workerid", _TEXT),),
    ),
    Operation(
        "post",
        _BY_REF + "/sync",
        "The same, answered with the workflow",
        shapes.Workflow,
        _OBJECT,
        query=(("workerid", _TEXT),),
    ),
    Operation(
        "get", "/api/tasks/queue/sizes", "Waiting tasks", _OBJECT, query=(("taskType", _TEXT),)
    ),
    Operation(
        "get", "/api/tasks/queue/size", "Waiting tasks", _NUMBER, query=(("taskType", _TEXT),)
    ),
    Operation("get", "/api/tasks/queue/all", "All waiting tasks", _OBJECT),
    Operation("post", _SCHEDULES, "Make or replace a schedule", body=WorkflowSchedule),
    Operation(
        "get", _SCHEDULES, "All schedules", list[WorkflowSchedule], query=(("workflowName", _TEXT),)
    ),
    Operation(
        "get",
        _SCHEDULES + "/search",
        "A page of the schedules",
        _OBJECT,
        query=(("start", _NUMBER), ("size", _NUMBER), ("workflowName", _TEXT)),
    ),
    Operation("get", _SCHEDULES + "/{name}", "One schedule", WorkflowSchedule),
    Operation("delete", _SCHEDULES + "/{name}", "Forget a schedule"),
    *(
        Operation(method, f"{_SCHEDULES}/{{name}}/{action}", what, query=query)
        for method in ("put", "get")
        for action, what, query in (
            ("pause", "Start nothing until it is resumed", (("reason", _TEXT),)),
            ("resume", "Go on with its next time", ()),
        )
    ),
    Operation(
        "get",
        "/api/scheduler/nextFewSchedules",
        "The next times of an expression",
        list[int],
        query=(
            ("cronExpression", _TEXT),
            ("zoneId", _TEXT),
            *((name, _NUMBER) for name in ("scheduleStartTime", "scheduleEndTime", "limit")),
        ),
    ),
)


async def document(_request: Request) -> Response:
    """OpenAPI 3.1, assembled when it is first asked for."""
    return json_response(build())


@cache
def build() -> dict[str, Any]:
    """The document as plain data."""
    kinds = [kind for each in OPERATIONS for kind in (each.body, each.answer) if _is_kind(kind)]
    unique = list({repr(kind): kind for kind in kinds}.values())
    schemas, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    by_kind = dict(zip(map(repr, unique), schemas, strict=True))
    components["ErrorResponse"] = _ERROR
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _described(each, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pavane: Conductor's API", "version": version("pavane")},
        "paths": paths,
        "components": {"schemas": components},
    }


def _is_kind(kind: Any) -> bool:
    return kind is not None and kind is not str and not isinstance(kind, dict)


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    return schemas[repr(kind)] if _is_kind(kind) else dict(kind)


def _described(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    names = [part.strip("{}") for part in operation.path.split("/") if part.startswith("{")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names
    ] + [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query]
    done: dict[str, Any] = {"description": operation.summary}
    if operation.answer is str:
        done["content"] = {"text/plain": {"schema": _TEXT}}
    elif operation.answer is not None:
        done["content"] = {"application/json": {"schema": _schema(operation.answer, schemas)}}
    responses: dict[str, Any] = {str(operation.status): done}
    if operation.answer is shapes.Task and "{task_id}" not in operation.path:
        responses["204"] = {"description": "No task waits"}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
    body, query = operation.body is not None, bool(operation.query)
    for status in error_statuses(operation.path, body=body, query=query):
        if status != 422:  # Conductor says 400
            told = {"description": HTTPStatus(status).phrase, "content": error}
            responses[str(status)] = told
    if operation.path == "/api/health":
        responses["503"] = {**done, "description": "It is stopping"}
    described = {"summary": operation.summary, "parameters": parameters, "responses": responses}
    if operation.body is not None:
        content = {"application/json": {"schema": _schema(operation.body, schemas)}}
        described["requestBody"] = {"content": content}
    return described


_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["status", "message", "instance", "retryable"],
    "properties": {
        "status": _NUMBER,
        "message": _TEXT,
        "instance": _TEXT,
        "retryable": _YES,
        "code": _TEXT,
        "validationErrors": {"type": "array", "items": _OBJECT},
    },
}
