"""The busiest endpoints in front of the framework: plain ASGI, found by one look into a table.

Everything else goes on to the framework, which knows these as well (for other methods, and so that
each stands in its API's table of routes).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pavane.core.model.access import Role
from pavane.doors.rest import problems
from pavane.doors.rest.access.roles import role_of
from pavane.doors.rest.conductor import errors as conductor
from pavane.doors.rest.conductor import tasks
from pavane.doors.rest.native import exchange, executions, results
from pavane.doors.rest.visitor import require

Endpoint = Callable[[Request], Awaitable[Response]]


class Busy(NamedTuple):
    """An endpoint and the role that it needs."""

    endpoint: Endpoint
    role: Role


def _busy(method: str, path: str, endpoint: Endpoint) -> Busy:
    return Busy(endpoint, role_of(method, path))


Handlers = dict[Any, Callable[[Request, Exception], Awaitable[Response]]]

EXACT: Final[dict[tuple[str, str], Busy]] = {
    each: _busy(*each, endpoint)
    for each, endpoint in {
        ("POST", "/v1/exchange"): exchange.post,
        ("POST", "/api/tasks"): tasks.update,
        ("POST", "/api/tasks/update-v2"): tasks.update_v2,
    }.items()
}
POLL_ONE: Final = _busy("GET", "/api/tasks/poll/{name}", tasks.poll)
POLL_BATCH: Final = _busy("GET", "/api/tasks/poll/batch/{name}", tasks.poll_batch)
START: Final = _busy("POST", "/v1/workflows/{name}/executions", executions.start)
RESULT: Final = _busy("GET", "/v1/executions/{execution_id}/result", results.result)
NAMED: Final = (
    ("POST", "/v1/workflows/", "/executions", "name", START),
    ("GET", "/v1/executions/", "/result", "execution_id", RESULT),
)
POLL: Final = "/api/tasks/poll/"
BATCH: Final = "batch/"


class Front:
    """The whole application: the table, and the framework behind it."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    @property
    def state(self) -> State:
        """What every request finds."""
        return self.app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            busy = EXACT.get((scope["method"], path)) or _by_name(scope, path)
            if busy is not None:
                scope["app"] = self.app
                await _answer(busy, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def stop(self) -> None:
        """Let requests that wait answer and end."""
        self.state.stopping.set()
        if (conductor := self.state.conductor) is not None:
            conductor.engine.places.dismiss_all()


def _by_name(scope: Scope, path: str) -> Busy | None:
    """Those whose path has a name in it; the name alone may not have a slash in it."""
    if scope["method"] == "GET" and path.startswith(POLL):
        return _poll(scope, path[len(POLL) :])
    for method, head, tail, parameter, busy in NAMED:
        if scope["method"] == method and path.startswith(head) and path.endswith(tail):
            name = path[len(head) : -len(tail)]
            if name and "/" not in name:
                scope["path_params"] = {parameter: name}
                return busy
    return None


def _poll(scope: Scope, rest: str) -> Busy | None:
    """Conductor's two ways to poll; the name of the task is the rest of the path."""
    name = rest.removeprefix(BATCH)
    if not name or "/" in name:
        return None
    scope["path_params"] = {"name": name}
    return POLL_BATCH if name != rest else POLL_ONE


async def _answer(busy: Busy, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    try:
        require(scope, busy.role)
        response = await busy.endpoint(request)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001  # each error is a document of its API
        handlers: Handlers = (
            problems.HANDLERS if scope["path"].startswith("/v1") else conductor.HANDLERS
        )
        response = await _handler(handlers, error)(request, error)
    await response(scope, receive, send)


def _handler(handlers: Handlers, error: Exception) -> Callable[..., Awaitable[Response]]:
    if isinstance(error, HTTPException):
        return handlers[HTTPException]
    return next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
