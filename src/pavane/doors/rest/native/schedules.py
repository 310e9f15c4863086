"""What starts by itself, and when: listed, paused, resumed."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.schedule import Schedule
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import read_json
from pavane.doors.rest.native.executions import ShortText
from pavane.doors.rest.state import state


class ScheduleList(msgspec.Struct):
    """All schedules, by name."""

    schedules: list[Schedule]


class PauseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why a schedule is paused."""

    reason: ShortText = ""


async def find(request: Request) -> Response:
    """All schedules."""
    return json_response(ScheduleList(state(request).engine.schedules.all()))


async def pause(request: Request) -> Response:
    """Start nothing until it is resumed; how it stands."""
    wanted = await read_json(request, PauseRequest)
    name = request.path_params["name"]
    return json_response(await state(request).engine.schedules.pause(name, wanted.reason))


async def resume(request: Request) -> Response:
    """Go on with its next time; how it stands."""
    return json_response(await state(request).engine.schedules.resume(request.path_params["name"]))
