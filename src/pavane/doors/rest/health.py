"""Whether the server takes requests: for load balancers, scripts and people."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.rest.answers import json_response
from pavane.doors.rest.state import state


async def health(request: Request) -> Response:
    """200 while the server works, 503 once it is stopping."""
    if state(request).stopping.is_set():
        return json_response({"status": "stopping", "healthy": False}, 503)
    return json_response({"status": "ok", "healthy": True})
