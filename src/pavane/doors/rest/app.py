"""The HTTP application over an engine, a bus or both; every error is a document of its API."""

from __future__ import annotations

from asyncio import Event
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from pavane.doors.executions.every_style import executions_of
from pavane.doors.rest.conductor.routes import MOUNT as CONDUCTOR
from pavane.doors.rest.front import Front
from pavane.doors.rest.health import health
from pavane.doors.rest.native.routes import ROUTES
from pavane.doors.rest.problems import HANDLERS
from pavane.doors.rest.state import Conductor
from pavane.engine.views.reader import Reader
from pavane.engine.views.records import Records

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine


def build_app(engine: Engine | None, company: Company | None = None) -> Front:
    """The application over what there is, which is one of the two at least.

    `company` brings what is choreographed. `stop` the application, so that requests that wait
    answer and end.
    """
    routes: list[BaseRoute] = [Route("/health", health), CONDUCTOR, Mount("/v1", routes=ROUTES)]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    app.state.conductor = engine and Conductor(engine, Reader(engine.store), Records(engine.store))
    app.state.executions = executions_of(engine, company)
    app.state.stopping = Event()
    return Front(app)
