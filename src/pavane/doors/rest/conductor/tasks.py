"""Conductor's /api/tasks for workers: poll and update, which is where the load is."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pavane.core.decide.nodes import UNDO
from pavane.core.decide.operator import SIGNALLED
from pavane.core.model import status as st
from pavane.core.model.rows import parse_task_id
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import NAMELESS, Assignment, Outcome
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import decode, integer, read_body
from pavane.doors.rest.conductor import translation
from pavane.doors.rest.conductor.errors import InvalidError, NotBuiltError
from pavane.doors.rest.conductor.shapes import Task
from pavane.doors.rest.hanging_up import unless_hung_up
from pavane.doors.rest.problems import MalformedError
from pavane.doors.rest.state import State, state
from pavane.doors.rest.visitor import may
from pavane.engine.crews import LOCAL
from pavane.engine.sessions import PREFIX
from pavane.engine.views.late import why_late
from pavane.engine.views.shapes import null
from pavane.errors import NotFoundError

COUNT_MAX = 1000
TIMEOUT_MAX_MS = 5000
SINGLE_POLL_MS = 100
WORKER_CHARS_MAX = 255
IGNORED = "pavane-ignored"
"""The header that says what of an update changed nothing, and why."""

_AD_HOC = TaskDefinition()

Seconds = Annotated[float, msgspec.Meta(le=100 * 366 * 86_400)]  # a hundred years
ResultStatus = Literal["IN_PROGRESS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "COMPLETED"]


class TaskResult(msgspec.Struct, rename="camel", gc=False):
    """What a worker reports. Null and absent are the same."""

    workflow_instance_id: str | None = None
    task_id: str | None = None
    status: ResultStatus | None = None
    output_data: msgspec.Raw = msgspec.field(default_factory=null)
    reason_for_incompletion: str | None = None
    callback_after_seconds: Seconds | None = None
    worker_id: str | None = None
    extend_lease: bool | None = None
    logs: msgspec.Raw = msgspec.field(default_factory=null)
    external_output_payload_storage_path: str | None = None
    sub_workflow_id: str | None = None


# --- poll ---------------------------------------------------------------------------------------


async def poll(request: Request) -> Response:
    """One task, leased to the worker, or 204."""
    found = await _poll(request, 1, SINGLE_POLL_MS)
    return json_response(found[0]) if found else Response(status_code=204)


async def poll_batch(request: Request) -> Response:
    """Up to `count` tasks; waits up to `timeout` ms for the first of them."""
    count = integer(request, "count", 1, 1, COUNT_MAX)
    return json_response(
        await _poll(request, count, integer(request, "timeout", 100, 0, TIMEOUT_MAX_MS))
    )


async def _poll(request: Request, count: int, timeout_ms: int) -> list[Task]:
    query = request.query_params
    if query.get("domain"):
        raise NotBuiltError("Pavane does not have task domains yet.", "Poll without `domain`.")
    worker = worker_name(query.get("workerid", ""))
    name = request.path_params["name"]
    here = state(request)
    # A task that is leased to somebody who has hung up is lost until its lease ends.
    taken = await unless_hung_up(request, _taken(here, name, worker, count, timeout_ms))
    return [_polled(here, each) for each in taken]


async def _taken(
    here: State, name: str, worker: str, count: int, timeout_ms: int
) -> list[Assignment]:
    async with here.engine.taking((name,), worker, count) as taking:
        await taking.within(timeout_ms / 1000)
        return taking.given


def worker_name(given: str) -> str:
    """The name under which a worker from outside holds tasks."""
    if len(given) > WORKER_CHARS_MAX:
        raise MalformedError(f"The workerid has more than {WORKER_CHARS_MAX} characters.")
    if given.startswith((f"{LOCAL}/", PREFIX)):
        raise MalformedError(
            f"The workerid '{given[:40]}' is that of a worker of Pavane's own: use another."
        )
    return given or NAMELESS


def _polled(here: State, given: Assignment) -> Task:
    definition = here.engine.registry.tasks.get(given.task, _AD_HOC)
    return translation.polled(given, definition.response_timeout_seconds)


# --- update -------------------------------------------------------------------------------------


async def update(request: Request) -> Response:
    """Take a result; the task's id as text. What came too late is told in a header."""
    result = decode(await read_body(request) or b"{}", TaskResult)
    ignored, _task = await _take(request, result)
    return PlainTextResponse(result.task_id or "", headers=_saying(ignored, result))


async def update_v2(request: Request) -> Response:
    """Take a result and give the next task of the same type, or 204."""
    result = decode(await read_body(request) or b"{}", TaskResult)
    worker = worker_name(result.worker_id or "")
    here = state(request)
    ignored, name = await _take(request, result)
    headers = _saying(ignored, result)
    # A server that is stopping has taken the result, and has nothing more to give.
    if name and result.status != st.IN_PROGRESS and not here.stopping.is_set():
        found = await here.engine.poll((name,), worker, 1)
        if found:
            return json_response(_polled(here, found[0]), headers=headers)
    return Response(status_code=204, headers=headers)


async def _take(request: Request, result: TaskResult) -> tuple[str, str]:
    """What was wrong with the result, if it changed nothing; and the task's name, if known."""
    here = state(request)
    execution_id, ref, attempt = _address(result)
    worker = result.worker_id or ""
    if result.extend_lease:
        taken = await here.engine.heartbeat(execution_id, ref, attempt, worker)
        return ("" if taken else await _why_not(here, result, worker)), ""
    if result.external_output_payload_storage_path or result.sub_workflow_id:
        raise NotBuiltError(
            "Pavane takes neither externalOutputPayloadStoragePath nor subWorkflowId.",
            "Send the output itself.",
        )
    if result.status is None:
        raise InvalidError(("status", "Task status cannot be null"))
    outcome = Outcome(
        execution_id,
        ref,
        attempt,
        result.status,
        output_object(result.output_data),
        result.reason_for_incompletion or "",
        worker,
        max(0.0, result.callback_after_seconds or 0),
    )
    if await here.engine.report(outcome):
        return "", _name_of(here, execution_id, ref)
    if may(request.scope, "operate") and await _signal(here, outcome):
        return "", ""
    return await _why_not(here, result, worker), _name_of(here, execution_id, ref)


def _address(result: TaskResult) -> tuple[str, str, int]:
    if not result.workflow_instance_id:
        raise InvalidError(("workflowInstanceId", "Workflow Id cannot be null or empty"))
    if not result.task_id:
        raise InvalidError(("taskId", "Task ID cannot be null or empty"))
    parts = parse_task_id(result.task_id)
    if parts is None or parts[0] != result.workflow_instance_id:
        raise NotFoundError(f"No such task found by id: {result.task_id}")
    return parts


def output_object(raw: msgspec.Raw) -> bytes:
    """The bytes of an output; null counts as `{}`."""
    body = bytes(raw).strip()
    if body == b"null":
        return b"{}"
    if not body.startswith(b"{"):
        raise InvalidError(("outputData", "outputData must be a JSON object"))
    return body


def _name_of(here: State, execution_id: str, ref: str) -> str:
    """The task's name, from the plan if it is at hand: it is used for looking ahead only."""
    plan = here.engine.registry.plan_of(execution_id)
    node = plan.nodes.find(ref.removeprefix(UNDO)) if plan else None
    if node is None:
        return ""
    if ref.startswith(UNDO):
        return node.undo.name if node.undo else ""
    return "" if node.type == "DYNAMIC" else node.step.name


async def _signal(here: State, outcome: Outcome) -> bool:
    """A step that waits is completed like a task; nothing else is."""
    if outcome.status == st.IN_PROGRESS:
        return False
    found = await here.records.newest(outcome.execution_id, outcome.ref)
    row = found[1] if found else None
    if row is None or row.type not in SIGNALLED or row.status not in st.OPEN:
        return False
    if row.attempt != outcome.attempt:
        return False
    await here.engine.signal(
        outcome.execution_id, outcome.ref, outcome.output, outcome.status, outcome.reason
    )
    return True


async def _why_not(here: State, result: TaskResult, worker: str) -> str:
    """Why a result changed nothing, in a sentence. NotFoundError where there is no such task."""
    execution_id, ref, attempt = _address(result)
    why = await why_late(here.records, execution_id, ref, attempt, worker)
    if why is None:
        raise NotFoundError(f"No such task found by id: {result.task_id}")
    return why


def _saying(ignored: str, result: TaskResult) -> dict[str, str]:
    """Headers that say what was not taken."""
    if ignored:
        return {IGNORED: ignored}
    none = bytes(result.logs).strip() in {b"null", b"[]"}
    return {} if none else {IGNORED: "logs"}
