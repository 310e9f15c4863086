"""The HTTP application over one engine; every error becomes a document of its API."""

from __future__ import annotations

from asyncio import Event
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from pavane.doors.rest.conductor.routes import MOUNT as CONDUCTOR
from pavane.doors.rest.front import Front
from pavane.doors.rest.health import health
from pavane.doors.rest.native.routes import ROUTES
from pavane.doors.rest.problems import HANDLERS
from pavane.engine.views.reader import Reader
from pavane.engine.views.records import Records

if TYPE_CHECKING:
    from pavane.engine.engine import Engine


def build_app(engine: Engine) -> Front:
    """The application; `stop` it, so that requests that wait answer and end."""
    routes: list[BaseRoute] = [Route("/health", health), CONDUCTOR, Mount("/v1", routes=ROUTES)]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    app.state.engine = engine
    app.state.reader = Reader(engine.store)
    app.state.records = Records(engine.store)
    app.state.stopping = Event()
    return Front(app)
