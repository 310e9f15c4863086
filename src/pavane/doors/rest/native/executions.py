"""Executions: started, found, looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.command import IfExists
from pavane.core.model.status import EXECUTION_CHANGES
from pavane.doors.executions.asked import Start
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import integer, read_json
from pavane.doors.rest.problems import MalformedError
from pavane.doors.rest.state import state
from pavane.errors import InputError
from pavane.ports.store import Search

ShortText = Annotated[str, msgspec.Meta(max_length=500)]
STATUSES = sorted(filter(None, EXECUTION_CHANGES))
STYLES = ("orchestrated", "choreographed")


def empty_object() -> msgspec.Raw:
    """The default of a payload (as a function, so that JSON schemas can be made of the shapes)."""
    return msgspec.Raw(b"{}")


class StartRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What starts an execution; `if_exists` says what it means when its key was used before."""

    input: msgspec.Raw = msgspec.field(default_factory=empty_object)
    version: Annotated[int, msgspec.Meta(ge=1)] | None = None
    key: ShortText = ""
    correlation_id: ShortText = ""
    priority: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    if_exists: IfExists = "return"


async def start(request: Request) -> Response:
    """Start an execution: 201 with its id, and where to look."""
    wanted = await read_json(request, StartRequest)
    execution_id = await state(request).executions.start(
        Start(
            request.path_params["name"],
            json_object(wanted.input, "$.input"),
            version=wanted.version,
            key=wanted.key,
            correlation_id=wanted.correlation_id,
            priority=wanted.priority,
            if_exists=wanted.if_exists,
        )
    )
    location = f"/v1/executions/{execution_id}"
    return json_response({"id": execution_id}, 201, {"location": location})


async def find(request: Request) -> Response:
    """Executions, newest first; `next` is the `before` of the following page, or null."""
    limit = integer(request, "limit", 100, 1, 1000)
    wanted, style = search_of(request.query_params, limit)
    found = await state(request).executions.executions(wanted, style)
    following = found[-1].id if len(found) == limit else None
    return json_response({"executions": found, "next": following})


def search_of(query: Mapping[str, str], limit: int) -> tuple[Search, str]:
    """What a query wants, and of which style ("" for every); MalformedError."""
    statuses = tuple(filter(None, query.get("status", "").upper().split(",")))
    for each in statuses:
        if each not in STATUSES:
            raise MalformedError(f"There is no status '{each[:40]}'.", f"One of {STATUSES}.")
    style = query.get("style", "")
    if style not in ("", *STYLES):
        raise MalformedError(f"There is no style '{style[:40]}'.", f"One of {', '.join(STYLES)}.")
    wanted = Search(
        workflow=query.get("workflow", ""),
        statuses=statuses,
        key=query.get("key", ""),
        parent_id=query.get("parent"),
        before=query.get("before", ""),
        limit=limit,
    )
    return wanted, style


async def get(request: Request) -> Response:
    """One execution with its steps."""
    executions = state(request).executions
    return json_response(await executions.execution(request.path_params["execution_id"]))


async def history(request: Request) -> Response:
    """What happened to one execution, oldest first."""
    entries = await state(request).executions.history(request.path_params["execution_id"])
    return json_response({"history": entries})


def json_object(raw: msgspec.Raw, path: str) -> bytes:
    """The bytes of a JSON object as they came; InputError for anything else."""
    body = bytes(raw).strip()
    if not body.startswith(b"{"):
        kind = type(msgspec.json.decode(body)).__name__
        what = {"list": "array", "NoneType": "null", "str": "string", "dict": "object"}
        raise InputError(
            f"The body does not fit: Expected `object`, got `{what.get(kind, kind)}` at `{path}`.",
            "Inputs and outputs are JSON objects.",
        )
    return body
