"""Conductor's /api/scheduler: schedules made by hand, and those that workflows declare."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.schedule import Beat, Schedule
from pavane.core.model.ticks import fault_in, following
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import integer, read_json
from pavane.doors.rest.conductor.errors import InvalidError, NotBuiltError
from pavane.doors.rest.conductor.workflow import StartWorkflowRequest, input_object
from pavane.doors.rest.native.executions import ShortText
from pavane.doors.rest.state import state

FEW_MAX = 1000


class CronSchedule(msgspec.Struct, rename="camel"):
    """An expression of six fields, seconds first, and its time zone."""

    cron_expression: str | None = None
    zone_id: str | None = None


class WorkflowSchedule(msgspec.Struct, rename="camel", omit_defaults=True):
    """A schedule as Conductor writes it. Null and absent are the same."""

    name: ShortText | None = None
    cron_expression: str | None = None
    zone_id: str | None = None
    cron_schedules: list[CronSchedule] | None = None
    run_catchup_schedule_instances: bool | None = None
    paused: bool | None = None
    paused_reason: ShortText | None = None
    schedule_start_time: int | None = None
    schedule_end_time: int | None = None
    start_workflow_request: StartWorkflowRequest | None = None
    description: str | None = None
    create_time: int | None = None
    updated_time: int | None = None
    next_run_time: int | None = None


async def put(request: Request) -> Response:
    """Make a schedule, or replace the one of its name."""
    given = await read_json(request, WorkflowSchedule)
    await state(request).engine.schedules.put(_read(given))
    return Response()


async def find(request: Request) -> Response:
    """All schedules, or those of one workflow (`?workflowName=`)."""
    name = request.query_params.get("workflowName", "")
    found = state(request).engine.schedules.all()
    return json_response([_written(each) for each in found if name in ("", each.workflow)])


async def search(request: Request) -> Response:
    """A page of them, by name: `?start=&size=&workflowName=`."""
    start = integer(request, "start", 0, 0, 2**31 - 1)
    size = integer(request, "size", 100, 0, 5000)
    name = request.query_params.get("workflowName", "")
    found = [each for each in state(request).engine.schedules.all() if name in ("", each.workflow)]
    page = [_written(each) for each in found[start : start + size]]
    return json_response({"totalHits": len(found), "results": page})


async def get(request: Request) -> Response:
    """One schedule; 404."""
    return json_response(_written(state(request).engine.schedules.find(_name(request))))


async def remove(request: Request) -> Response:
    """Forget a schedule."""
    await state(request).engine.schedules.remove(_name(request))
    return Response()


async def pause(request: Request) -> Response:
    """Start nothing until it is resumed."""
    reason = request.query_params.get("reason", "")
    await state(request).engine.schedules.pause(_name(request), reason)
    return Response()


async def resume(request: Request) -> Response:
    """Go on with its next time."""
    await state(request).engine.schedules.resume(_name(request))
    return Response()


async def next_few(request: Request) -> Response:
    """The next times of an expression, epoch milliseconds."""
    query = request.query_params
    beat = Beat(query.get("cronExpression", ""), query.get("zoneId", "UTC"))
    if wrong := fault_in(beat):
        raise InvalidError(("cronExpression", f"{beat.every!r} {wrong}"))
    at = integer(request, "scheduleStartTime", 0, 0, 2**53)
    until = integer(request, "scheduleEndTime", 0, 0, 2**53)
    at = at - 1 if at else state(request).engine.now()
    times: list[int] = []
    for _ in range(integer(request, "limit", 5, 1, FEW_MAX)):
        at = following((beat,), at)
        if not at or (until and at > until):
            break
        times.append(at)
    return json_response(times)


def _name(request: Request) -> str:
    return request.path_params["name"]


def _read(given: WorkflowSchedule) -> Schedule:
    """As ours. InvalidError with every field that is missing, NotBuiltError."""
    wanted = given.start_workflow_request
    wrong: list[tuple[str, str]] = []
    if not given.name:
        wrong.append(("name", "A name is required"))
    if wanted is None or not wanted.name:
        wrong.append(("startWorkflowRequest.name", "The name of a workflow is required"))
    lines = given.cron_schedules or [CronSchedule(given.cron_expression, given.zone_id)]
    beats = tuple(Beat(each.cron_expression or "", each.zone_id or "UTC") for each in lines)
    for beat in beats:
        if fault := fault_in(beat):
            wrong.append(("cronExpression", f"{beat.every!r} {fault}"))
    if wrong or wanted is None:
        raise InvalidError(*wrong)
    for field in ("idempotency_key", "task_to_domain", "workflow_def"):
        if getattr(wanted, field):
            raise NotBuiltError(
                f"The startWorkflowRequest of a schedule takes no `{field}`.",
                "Leave it out: the time of the start is its key.",
            )
    return Schedule(
        name=given.name or "",
        workflow=wanted.name or "",
        beats=beats,
        version=wanted.version or None,
        input=msgspec.json.decode(input_object(bytes(wanted.input))),
        missed="all" if given.run_catchup_schedule_instances else "none",
        correlation_id=wanted.correlation_id or "",
        priority=wanted.priority or 0,
        description=given.description or "",
        paused=bool(given.paused),
        paused_reason=given.paused_reason or "",
        begins_at=max(0, given.schedule_start_time or 0),
        ends_at=max(0, given.schedule_end_time or 0),
    )


def _written(schedule: Schedule) -> dict[str, Any]:
    lines = [{"cronExpression": each.every, "zoneId": each.zone} for each in schedule.beats]
    request: dict[str, Any] = {"name": schedule.workflow, "input": schedule.input}
    if schedule.version is not None:
        request["version"] = schedule.version
    if schedule.correlation_id:
        request["correlationId"] = schedule.correlation_id
    told: dict[str, Any] = {
        "name": schedule.name,
        **(lines[0] if len(lines) == 1 else {"cronSchedules": lines}),
        "runCatchupScheduleInstances": schedule.missed == "all",
        "paused": schedule.paused,
        "startWorkflowRequest": {**request, "priority": schedule.priority},
        "createTime": schedule.created_at,
        "updatedTime": schedule.updated_at,
    }
    more = {
        "pausedReason": schedule.paused_reason,
        "scheduleStartTime": schedule.begins_at,
        "scheduleEndTime": schedule.ends_at,
        "description": schedule.description,
        "nextRunTime": schedule.next_at,
    }
    return told | {name: value for name, value in more.items() if value}
