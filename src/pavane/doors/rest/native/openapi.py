"""The OpenAPI document of /v1, put together from the same structs that the handlers use."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.rest.answers import json_response
from pavane.doors.rest.native.operations import OPERATIONS, Operation


async def document(_request: Request) -> Response:
    """OpenAPI 3.1, assembled when it is first asked for."""
    return json_response(build())


@cache
def build() -> dict[str, Any]:
    """The document as plain data."""
    import msgspec

    kinds = [kind for each in OPERATIONS for kind in (each.body, each.answer) if kind]
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


def _operation(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    names = [part.strip("{}") for part in operation.path.split("/") if part.startswith("{")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ] + [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query]
    content = {operation.media: {"schema": schemas.get(operation.answer, {})}}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): {"description": operation.summary, "content": content},
            "default": {
                "description": "What went wrong (RFC 9457)",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            },
        },
    }
    if operation.body:
        body = {"application/json": {"schema": schemas[operation.body]}}
        described["requestBody"] = {"content": body}
    return described


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
