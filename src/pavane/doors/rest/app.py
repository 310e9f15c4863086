"""The HTTP application over an engine, a bus or both; every error is a document of its API."""

from __future__ import annotations

from asyncio import Event
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from pavane.doors.executions.dead_letters import DeadLetters
from pavane.doors.executions.every_style import executions_of
from pavane.doors.rest.access import login
from pavane.doors.rest.access.lock import Lock
from pavane.doors.rest.access.roles import guarded
from pavane.doors.rest.access.sessions import Sessions
from pavane.doors.rest.conductor.errors import on_http_error as conductors
from pavane.doors.rest.conductor.routes import ROUTES as CONDUCTOR
from pavane.doors.rest.conductor.routes import mount
from pavane.doors.rest.front import Front
from pavane.doors.rest.health import health
from pavane.doors.rest.metrics import metrics
from pavane.doors.rest.native.routes import ROUTES
from pavane.doors.rest.problems import HANDLERS, on_http_error, page
from pavane.doors.rest.state import Conductor
from pavane.engine.views.reader import Reader
from pavane.engine.views.records import Records

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine
    from pavane.engine.keyring import Keyring


PAGES: list[BaseRoute] = [
    Route("/health", health),
    Route("/metrics", metrics),
    Route("/login", login.form, methods=["GET"]),
    Route("/login", login.log_in, methods=["POST"]),
    Route("/logout", login.log_out, methods=["POST"]),
    Route("/problems/{code}", page, methods=["GET"]),
    Mount("/v1", routes=ROUTES),
]


def build_app(
    engine: Engine | None,
    company: Company | None = None,
    keyring: Keyring | None = None,
    pages: Sequence[BaseRoute] = (),
) -> Lock:
    """The application over what there is, behind its lock.

    There is an engine, or a `company` that brings what is choreographed, or both. With a keyring
    every request needs one of its keys. `pages` are for people. `stop` the application, so that
    requests that wait answer and end.
    """
    routes = [*guarded([*PAGES, *pages]), mount(guarded(CONDUCTOR, "/api"))]
    app = Starlette(routes=routes, exception_handlers={**HANDLERS, HTTPException: on_nothing})
    app.state.conductor = engine and Conductor(engine, Reader(engine.store), Records(engine.store))
    app.state.executions = executions_of(engine, company)
    app.state.dead_letters = DeadLetters(app.state.executions, company)
    app.state.company = company
    app.state.stopping = Event()
    app.state.keyring = keyring
    app.state.sessions = Sessions(keyring) if keyring else None
    return Lock(Front(app), keyring, app.state.sessions)


async def on_nothing(request: Request, error: Exception) -> Response:
    """No route has it; under /api too, if the path has a line end, as no pattern takes those."""
    told = conductors if request.url.path.startswith("/api/") else on_http_error
    return await told(request, error)
