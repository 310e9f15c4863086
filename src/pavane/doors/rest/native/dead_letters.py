"""What stopped and waits for somebody: listed, looked at, redriven, discarded."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.executions.dead_letters import Wanted
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import integer, read_json
from pavane.doors.rest.problems import MalformedError
from pavane.doors.rest.state import state
from pavane.engine.views.dead_letters import KINDS

Reason = Annotated[str, msgspec.Meta(max_length=500)]
WhyNot = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class RedriveRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why, for those who look later."""

    reason: Reason = ""


class DiscardRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why; it is recorded."""

    reason: WhyNot


async def find(request: Request) -> Response:
    """Those that stand; `next` is the `before` of the following page, or null."""
    query = request.query_params
    kind = query.get("kind", "")
    if kind not in ("", *KINDS):
        raise MalformedError(f"There is no kind '{kind[:40]}'.", f"One of {', '.join(KINDS)}.")
    wanted = Wanted(
        kind=kind,
        service=query.get("service", ""),
        execution=query.get("execution", ""),
        type=query.get("type", ""),
        before=query.get("before", ""),
        limit=integer(request, "limit", 100, 1, 1000),
    )
    found, following = await state(request).dead_letters.find(wanted)
    return json_response({"deadLetters": found, "next": following})


async def get(request: Request) -> Response:
    """One, with the beginning of its payload."""
    return json_response(await state(request).dead_letters.get(request.path_params["id"]))


async def redrive(request: Request) -> Response:
    """Have it tried again; 202 where its owner has not answered yet."""
    wanted = await read_json(request, RedriveRequest)
    id = request.path_params["id"]
    done = await state(request).dead_letters.redrive(id, wanted.reason)
    return json_response(done, 202 if done.state == "asked" else 200)


async def discard(request: Request) -> Response:
    """Give it up, and record why; 202 where its owner has not answered yet."""
    wanted = await read_json(request, DiscardRequest)
    id = request.path_params["id"]
    done = await state(request).dead_letters.discard(id, wanted.reason)
    return json_response(done, 202 if done.state == "asked" else 200)
