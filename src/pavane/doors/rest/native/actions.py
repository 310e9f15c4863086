"""What people and programs do to an execution; each answers with its id and status afterwards."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.executions.asked import Action
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import Empty, read_json
from pavane.doors.rest.native.executions import empty_object, json_object
from pavane.doors.rest.state import state


class TerminateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why, and whether what was done is undone."""

    reason: str = ""
    undo: bool = True


class SignalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How the waiting step ends."""

    output: msgspec.Raw = msgspec.field(default_factory=empty_object)
    status: Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"] = "COMPLETED"
    reason: str = ""


class ResolveRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What becomes of something that gave up."""

    action: Literal["retry", "done", "abandon"]
    output: msgspec.Raw = msgspec.field(default_factory=empty_object)


class MoveRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The version to go on by, the newest by default; `dryRun` only asks whether it fits."""

    to: Annotated[int, msgspec.Meta(ge=1)] | None = None
    dry_run: bool = False


async def pause(request: Request) -> Response:
    """Schedule nothing new."""
    await read_json(request, Empty)
    return await _act(request, Action("pause"))


async def resume(request: Request) -> Response:
    """Go on after a pause."""
    await read_json(request, Empty)
    return await _act(request, Action("resume"))


async def retry(request: Request) -> Response:
    """Try again what failed, where nothing was undone."""
    await read_json(request, Empty)
    return await _act(request, Action("retry"))


async def terminate(request: Request) -> Response:
    """Stop it; what was done is undone unless `undo` is false."""
    wanted = await read_json(request, TerminateRequest)
    return await _act(request, Action("terminate", reason=wanted.reason, undo=wanted.undo))


async def signal(request: Request) -> Response:
    """Complete (or fail) a waiting step from outside."""
    wanted = await read_json(request, SignalRequest)
    output = json_object(wanted.output, "$.output")
    ref = request.path_params["ref"]
    action = Action("signal", ref, output=output, status=wanted.status, reason=wanted.reason)
    return await _act(request, action)


async def resolve(request: Request) -> Response:
    """Settle something that gave up and waits for a person."""
    wanted = await read_json(request, ResolveRequest)
    output = json_object(wanted.output, "$.output")
    ref = request.path_params["ref"]
    return await _act(request, Action("resolve", ref, output=output, choice=wanted.action))


async def move(request: Request) -> Response:
    """Let it go on by another version of its workflow, or say why it cannot."""
    wanted = await read_json(request, MoveRequest)
    executions, execution_id = state(request).executions, request.path_params["execution_id"]
    return json_response(await executions.move(execution_id, wanted.to, dry_run=wanted.dry_run))


async def remove(request: Request) -> Response:
    """Forget it, once it has ended, with all that it started as its steps."""
    execution_id = request.path_params["execution_id"]
    await state(request).executions.remove(execution_id)
    return json_response({"id": execution_id})


async def _act(request: Request, action: Action) -> Response:
    executions, execution_id = state(request).executions, request.path_params["execution_id"]
    await executions.act(execution_id, action)
    summary = await executions.summary(execution_id)
    return json_response({"id": summary.id, "status": summary.status, "reason": summary.reason})
