"""What monitors and clients ask of the server itself under /api."""

from __future__ import annotations

from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pavane.doors.rest.answers import json_response
from pavane.doors.rest.state import state


async def health(request: Request) -> Response:
    """Whether the server takes requests, as Conductor says it."""
    healthy = not state(request).stopping.is_set()
    body: dict[str, object] = {
        "healthy": healthy,
        "healthResults": [],
        "suppressedHealthResults": [],
    }
    return json_response(body, 200 if healthy else 503)


async def get_version(_request: Request) -> Response:
    """The version of Pavane, as text."""
    return PlainTextResponse(version("pavane"))
