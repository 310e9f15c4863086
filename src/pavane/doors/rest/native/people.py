"""What waits for people."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import integer
from pavane.doors.rest.state import state
from pavane.engine.views.people import LIMIT_MAX, Questions


async def find(request: Request) -> Response:
    """All of them, or those that one person or group is asked (`to`)."""
    limit = integer(request, "limit", 100, 1, LIMIT_MAX)
    to = request.query_params.get("to", "")
    return json_response(Questions(await state(request).executions.questions(to, limit)))
