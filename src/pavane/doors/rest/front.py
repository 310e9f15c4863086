"""The busiest endpoints in front of the framework: plain ASGI, found by one look into a table.

Everything else goes on to the framework, which knows these as well (for other methods, and so that
each stands in its API's table of routes).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pavane.doors.rest import problems
from pavane.doors.rest.conductor import errors as conductor
from pavane.doors.rest.conductor import tasks
from pavane.doors.rest.native import exchange

Endpoint = Callable[[Request], Awaitable[Response]]
Handlers = dict[Any, Callable[[Request, Exception], Awaitable[Response]]]

EXACT: Final[dict[tuple[str, str], Endpoint]] = {
    ("POST", "/v1/exchange"): exchange.post,
    ("POST", "/api/tasks"): tasks.update,
    ("POST", "/api/tasks/update-v2"): tasks.update_v2,
}
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
            endpoint = EXACT.get((scope["method"], path))
            if endpoint is None and path.startswith(POLL) and scope["method"] == "GET":
                endpoint = _poll(scope, path[len(POLL) :])
            if endpoint is not None:
                scope["app"] = self.app
                await _answer(endpoint, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def stop(self) -> None:
        """Let requests that wait answer and end."""
        self.state.stopping.set()
        if (conductor := self.state.conductor) is not None:
            conductor.engine.places.dismiss_all()


def _poll(scope: Scope, rest: str) -> Endpoint | None:
    """Conductor's two ways to poll; the name of the task is the rest of the path."""
    name = rest.removeprefix(BATCH)
    if not name or "/" in name:
        return None
    scope["path_params"] = {"name": name}
    return tasks.poll_batch if name != rest else tasks.poll


async def _answer(endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    try:
        response = await endpoint(request)
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
