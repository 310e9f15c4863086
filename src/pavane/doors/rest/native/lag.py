"""How far groups are behind on the server's bus."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.executions.lag import lag_of
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.state import state


async def find(request: Request) -> Response:
    """All groups that are known, most behind first."""
    kept = state(request)
    return json_response(await lag_of(kept.company, kept.engine if kept.conducts else None))
