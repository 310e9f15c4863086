"""The addresses of the pages."""

from __future__ import annotations

from starlette.routing import Route

from pavane.doors.dashboard.asking import answer
from pavane.doors.dashboard.event_types import listing as event_types
from pavane.doors.dashboard.execution import execution
from pavane.doors.dashboard.frame import file, shown
from pavane.doors.dashboard.listing import listing

ROUTES = [
    Route("/", shown(listing), methods=["GET"]),
    Route("/executions/{execution_id}", shown(execution), methods=["GET"]),
    Route("/executions/{execution_id}/answer/{ref:path}", shown(answer), methods=["POST"]),
    Route("/events", shown(event_types), methods=["GET"]),
    Route("/assets/{name}", shown(file), methods=["GET"]),
]
