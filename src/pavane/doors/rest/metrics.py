"""`GET /metrics`, for Prometheus and its like."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.metrics.collected import collected
from pavane.doors.metrics.text import CONTENT_TYPE, written
from pavane.doors.rest.state import state


async def metrics(request: Request) -> Response:
    """All numbers of this process, as they are now."""
    kept = state(request)
    found = await collected(kept.engine if kept.conducts else None, kept.company)
    return Response(written(found), media_type=CONTENT_TYPE)
