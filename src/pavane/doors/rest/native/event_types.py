"""The types of events on the server's bus."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.executions.event_types import event_types
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import flag
from pavane.doors.rest.state import state


async def find(request: Request) -> Response:
    """All of them, or with `unheard` those that nobody takes."""
    company = state(request).company
    return json_response(await event_types(company, unheard=flag(request, "unheard")))
