"""The lock: an ASGI application around the whole of another; nothing is reached beside it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pavane.doors.rest.access.credentials import shown
from pavane.doors.rest.access.neighbours import has_foreign_host, is_api, is_from_elsewhere
from pavane.doors.rest.access.refusals import Refusals
from pavane.doors.rest.access.roles import is_open
from pavane.doors.rest.access.sessions import Sessions
from pavane.doors.rest.visitor import ANONYMOUS, EVERYBODY, VISITOR, Visitor, wanted
from pavane.engine.keyring import Holder, Keyring
from pavane.errors import ForbiddenError, UnauthenticatedError

if TYPE_CHECKING:
    from pavane.doors.rest.serve import Application

_LOG = logging.getLogger("pavane.access")


class Lock:
    """Says who asks and passes the request on, or answers itself that it does not.

    Without a keyring nobody is asked for a key; then only browsers are watched, which other
    people's pages might steer.
    """

    def __init__(
        self, app: Application, keyring: Keyring | None = None, sessions: Sessions | None = None
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._sessions = sessions
        self._refusals = Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            if self._keyring is None:
                await self._unlocked(scope, receive, send)
            else:
                await self._locked(self._keyring, scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    def stop(self) -> None:
        """Let requests that wait answer and end."""
        self._app.stop()

    async def _unlocked(self, scope: Scope, receive: Receive, send: Send) -> None:
        if has_foreign_host(scope):
            error = ForbiddenError(
                "This server asks nobody for a key, so it answers only to names of this machine.",
                "Use http://127.0.0.1, or start it with --auth required.",
            )
            await self._refusals.answer(error, scope)(scope, receive, send)
        elif is_from_elsewhere(scope):
            await self._refusals.answer(_elsewhere(), scope)(scope, receive, send)
        else:
            scope[VISITOR] = EVERYBODY
            await self._app(scope, receive, send)

    async def _locked(self, keyring: Keyring, scope: Scope, receive: Receive, send: Send) -> None:
        key, session = shown(scope)
        holder = keyring.holder(key) if key is not None else self._in_session(session)
        by_cookie = key is None and holder is not None
        if by_cookie and is_from_elsewhere(scope):
            await self._refusals.answer(_elsewhere(), scope)(scope, receive, send)
        elif holder is not None:
            keyring.used(holder)
            _LOG.debug("'%s' %s %s", holder.key.name, scope["method"], quote(scope["path"]))
            scope[VISITOR] = Visitor(holder.key.name, holder.roles)
            await _While(keyring, holder, self._refusals, scope).run(self._app, receive, send)
        elif is_open(scope["path"]):
            scope[VISITOR] = ANONYMOUS
            await self._app(scope, receive, send)
        else:
            answer = self._ask(scope, bad=key is not None)
            await answer(scope, receive, send)

    def _in_session(self, session: str | None) -> Holder | None:
        return self._sessions.holder(session) if self._sessions and session else None

    def _ask(self, scope: Scope, *, bad: bool) -> Response:
        """A person is shown where to log in, a program is told."""
        looks = scope["method"] == "GET" and not is_api(scope["path"])
        if looks and not bad and "text/html" in Headers(scope=scope).get("accept", ""):
            return RedirectResponse(f"/login?next={quote(scope['path'])}", 303)
        return self._refusals.answer(_unknown() if bad else wanted(), scope, bad=bad)


class _While:
    """A request of a key: what is not out when the key goes stays in."""

    def __init__(self, keyring: Keyring, holder: Holder, refusals: Refusals, scope: Scope) -> None:
        self._keyring = keyring
        self._holder = holder
        self._refusals = refusals
        self._scope = scope
        self._cut = False

    async def run(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back for as long as the key stands."""

        async def guarded(message: Message) -> None:
            streams = message.get("more_body", False)
            begins = message["type"] == "http.response.start"
            if not self._cut and (begins or streams) and not self._keyring.stands(self._holder):
                self._cut = True
                if begins:
                    refusal = self._refusals.answer(_unknown(), self._scope, bad=True)
                    await refusal(self._scope, receive, send)
                else:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            if not self._cut:
                await send(message)
            elif streams:
                raise _GoneError

        try:
            await app(self._scope, receive, guarded)
        except Exception:
            if not self._cut:  # else it is ours, perhaps wrapped on its way
                raise


class _GoneError(OSError):
    """Nobody reads this stream any more: as if the client had closed the connection."""


def _unknown() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The key does not open this server: it is unknown, revoked or out of date.",
        "Ask for another one; `pavane keys list` shows those that there are.",
    )


def _elsewhere() -> ForbiddenError:
    return ForbiddenError(
        "A page of another origin sent this request, and no key came with it.",
        "Send it from this server's own pages, or from a program with a key in a header.",
    )
