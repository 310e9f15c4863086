"""Conductor's /api/workflow: executions started, looked at, and told what to do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pavane.core.decide.step_types.start_workflow import IF_EXISTS
from pavane.core.model import status as st
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import flag, integer, read_body, read_json
from pavane.doors.rest.conductor import translation
from pavane.doors.rest.conductor.errors import InvalidError, NotBuiltError
from pavane.doors.rest.native.executions import ShortText, json_object
from pavane.doors.rest.problems import MalformedError
from pavane.doors.rest.state import state
from pavane.engine.views.records import Record, Records
from pavane.engine.views.shapes import null
from pavane.errors import ConflictError

CHARS_MAX = 500  # as ShortText
Priority = Annotated[int, msgspec.Meta(ge=0, le=99)]


class StartWorkflowRequest(msgspec.Struct, rename="camel"):
    """What starts an execution. Null and absent are the same."""

    name: str | None = None
    version: int | None = None
    correlation_id: ShortText | None = None
    input: msgspec.Raw = msgspec.field(default_factory=null)
    priority: Priority | None = None
    idempotency_key: ShortText | None = None
    idempotency_strategy: Literal["FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"] | None = None
    task_to_domain: dict[str, str] | None = None
    workflow_def: Any = None
    external_input_payload_storage_path: str | None = None
    event: str | None = None


async def start(request: Request) -> Response:
    """Start an execution; its id as text."""
    wanted = await read_json(request, StartWorkflowRequest)
    if not wanted.name:
        raise InvalidError(("name", "Workflow name cannot be null or empty"))
    for field, value in (
        ("taskToDomain", wanted.task_to_domain),
        ("workflowDef", wanted.workflow_def),
        ("externalInputPayloadStoragePath", wanted.external_input_payload_storage_path),
    ):
        if value:
            raise NotBuiltError(f"Pavane does not have `{field}` yet.", "Leave it out.")
    key = wanted.idempotency_key or ""
    execution_id = await state(request).engine.start_execution(
        wanted.name,
        input_object(bytes(wanted.input)),
        version=wanted.version or None,
        key=key,
        correlation_id=wanted.correlation_id or "",
        priority=wanted.priority or 0,
        if_exists=IF_EXISTS[wanted.idempotency_strategy or "RETURN_EXISTING"],
    )
    return PlainTextResponse(execution_id)


async def start_by_name(request: Request) -> Response:
    """Start an execution with the body as its input; its id as text."""
    correlation_id = request.query_params.get("correlationId", "")
    if len(correlation_id) > CHARS_MAX:
        raise MalformedError(f"The correlationId has more than {CHARS_MAX} characters.")
    execution_id = await state(request).engine.start_execution(
        request.path_params["name"],
        input_object(await read_body(request)),
        version=integer(request, "version", 0, 0, 2**31 - 1) or None,
        correlation_id=correlation_id,
        priority=integer(request, "priority", 0, 0, 99),
    )
    return PlainTextResponse(execution_id)


async def get(request: Request) -> Response:
    """One execution, with every attempt of every step unless `includeTasks=false`."""
    wanted = _yes(request, "includeTasks", default=True)
    record = await _record(request)
    return json_response(translation.workflow(record, with_tasks=wanted))


async def get_tasks(request: Request) -> Response:
    """A page of the tasks of one execution."""
    start_at = integer(request, "start", 0, 0, 2**31 - 1)
    count = integer(request, "count", 15, 1, 5000)
    wanted = request.query_params.getlist("status")
    found = translation.tasks(await _record(request))
    if wanted:
        found = [task for task in found if task.status in wanted]
    page = found[start_at : start_at + count]
    return json_response({"totalHits": len(found), "results": page})


async def get_status(request: Request) -> Response:
    """The status of one execution."""
    return json_response(
        translation.short_status(
            await _record(request),
            output=_yes(request, "includeOutput"),
            variables=_yes(request, "includeVariables"),
        )
    )


async def decide(request: Request) -> Response:
    """Nothing to force: what follows from a fact is decided in the fact's own transaction."""
    await _records(request).one(_id(request), tasks=False)
    return Response()


async def pause(request: Request) -> Response:
    """Schedule nothing new; pausing twice is fine."""
    try:
        await state(request).engine.pause(_id(request))
    except ConflictError:
        record = await _records(request).one(_id(request), tasks=False)
        if record.header.status != st.PAUSED:
            raise
    return Response()


async def resume(request: Request) -> Response:
    """Go on after a pause."""
    await state(request).engine.resume(_id(request))
    return Response()


async def retry(request: Request) -> Response:
    """Try again what failed; 409 where nothing is to be tried again."""
    if _yes(request, "resumeSubworkflowTasks"):
        raise NotBuiltError(
            "Pavane does not have `resumeSubworkflowTasks` yet.",
            "Leave it out: the step that failed starts a new sub-workflow.",
        )
    await state(request).engine.retry(_id(request))
    return Response(status_code=204)


async def terminate(request: Request) -> Response:
    """Stop it; what was done is undone."""
    reason = request.query_params.get("reason", "")
    try:
        await state(request).engine.terminate(_id(request), reason)
    except ConflictError:
        record = await _records(request).one(_id(request), tasks=False)
        if record.header.status == st.COMPLETED:
            raise ConflictError("Cannot terminate a COMPLETED workflow.") from None
        raise
    return Response()


async def remove(request: Request) -> Response:
    """Forget it, once it has ended; there is no archive, so `archiveWorkflow` says nothing."""
    await state(request).executions.remove(_id(request))
    return Response()


def _records(request: Request) -> Records:
    return state(request).records


async def _record(request: Request) -> Record:
    return await _records(request).one(_id(request))


def _id(request: Request) -> str:
    return request.path_params["workflow_id"]


def _yes(request: Request, name: str, *, default: bool = False) -> bool:
    return flag(request, name) if name in request.query_params else default


def input_object(body: bytes) -> bytes:
    """An input object; nothing and null count as `{}`."""
    if body.strip() in {b"", b"null"}:
        return b"{}"
    if not body.lstrip().startswith(b"{"):
        raise MalformedError("The input is not a JSON object.", "Send a JSON object.")
    return json_object(msgspec.Raw(body), "$.input")
