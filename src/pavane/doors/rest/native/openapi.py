"""The OpenAPI document of /v1, put together from the same structs that the handlers use."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.cloudevents import STRUCTURED
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.native.operations import OPERATIONS, Operation


async def document(_request: Request) -> Response:
    """OpenAPI 3.1, assembled when it is first asked for."""
    return json_response(build())


@cache
def build() -> dict[str, Any]:
    """The document as plain data."""
    import msgspec

    kinds = [kind for each in OPERATIONS for kind in _kinds(each) if kind]
    unique = list(dict.fromkeys(kinds))
    schemas, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    by_kind = dict(zip(unique, schemas, strict=True))
    components["Problem"] = _PROBLEM
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _operation(each, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pavane", "version": version("pavane")},
        "paths": paths,
        "components": {"schemas": components},
    }


def _kinds(operation: Operation) -> tuple[Any, ...]:
    return operation.body, operation.answer, operation.early, operation.structured


def _operation(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    names = [part.strip("{}") for part in operation.path.split("/") if part.startswith("{")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ] + [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query]
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": _responses(operation, schemas),
    }
    if operation.body:
        body = {"application/json": {"schema": schemas[operation.body]}}
        if operation.structured:
            body[STRUCTURED] = {"schema": schemas[operation.structured]}
        described["requestBody"] = {"content": body}
    return described


def _responses(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    """Every status that the operation answers with, and no other."""
    done = _answer(operation.summary, schemas[operation.answer], operation.media)
    responses = {str(operation.status): done}
    if operation.early:
        responses["202"] = _answer("It has not come to that yet", schemas[operation.early])
    for status in error_statuses(
        operation.path, body=operation.body is not None, query=bool(operation.query)
    ):
        problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    if operation.path == "/health":
        responses["503"] = _answer("It is stopping", schemas[operation.answer])
    return responses


# What lets an execution begin or go on, of whose workflow enough may run already.
_STARTING = ("/executions", "/retry", "/resume", "/move", "/api/workflow", "/api/workflow/{name}")


def error_statuses(path: str, *, body: bool, query: bool) -> list[int]:
    """What can go wrong with a request of this shape; 503 and 507 wherever something is kept."""
    if path.endswith(("/health", "/version")):
        return [503]
    found = {401, 403, 409, 503}
    if query or body:
        found.add(400)
    if body:
        found |= {404, 408, 413, 422}
    if "{" in path:  # what stands there may make it another path
        found |= {404, 405}
    if body or path.endswith(("/pause", "/resume", "/retry")):
        found |= {400, 408, 413, 422, 507}
    if path.endswith(_STARTING):
        found.add(429)
    return sorted(found)


def _answer(what: str, schema: dict[str, Any], media: str = "application/json") -> dict[str, Any]:
    return {"description": what, "content": {media: {"schema": schema}}}


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "remedy": {"type": "string"},
        "findings": {"type": "array", "items": {"type": "string"}},
    },
}
