"""Logging in with a browser: a form for the key, a cookie for the session, and out again."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pavane.doors.rest.access.credentials import COOKIE, shown
from pavane.doors.rest.access.neighbours import is_from_elsewhere
from pavane.doors.rest.access.sessions import LIFE_S, Sessions
from pavane.doors.rest.body import read_short_body
from pavane.engine.keyring import Keyring
from pavane.errors import ForbiddenError

_NAME: Final = COOKIE.decode()
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Pavane: log in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 15vh auto; padding: 0 1rem }
input, button { font: inherit; padding: .4rem .6rem; width: 100%%; box-sizing: border-box }
button { margin-top: .8rem } p { color: #a00 }
:root { color-scheme: light dark }
</style>
<h1>Pavane</h1>
<form method="post" action="/login">
<label for="key">Your key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<input name="next" type="hidden" value="%s">
<button>Log in</button>
%s</form>
</html>
"""


async def form(request: Request) -> Response:
    """The page with the form; where nobody is asked for a key there is nothing to fill in."""
    if _locks(request) is None:
        return RedirectResponse("/", 303)
    return _page(request.query_params.get("next", ""))


async def log_in(request: Request) -> Response:
    """A right key sets the cookie and leads on; a wrong one shows the form again, with 401."""
    locks = _locks(request)
    if locks is None:
        return RedirectResponse("/", 303)
    if is_from_elsewhere(request.scope):
        raise ForbiddenError("A page of another origin cannot log you in.", "Use the form here.")
    keyring, sessions = locks
    given = parse_qs((await read_short_body(request)).decode("latin-1"))
    onwards = _within(given.get("next", [""])[0])
    holder = keyring.holder(given.get("key", [""])[0].strip())
    if holder is None:
        return _page(onwards, "<p>This key does not open the server.</p>\n", 401)
    response = RedirectResponse(onwards, 303, _HEADERS)
    response.set_cookie(
        _NAME,
        sessions.begin(holder),
        max_age=LIFE_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


async def log_out(request: Request) -> Response:
    """End the session, here and in the browser."""
    locks = _locks(request)
    session = shown(request.scope).session
    if is_from_elsewhere(request.scope):
        raise ForbiddenError("A page of another origin cannot log you out.", "Do it here.")
    if locks and session:
        locks[1].end(session)
    response = RedirectResponse("/login" if locks else "/", 303, _HEADERS)
    response.delete_cookie(_NAME, httponly=True, samesite="strict")
    return response


def _page(onwards: str, said: str = "", status: int = 200) -> Response:
    safe = _within(onwards).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return HTMLResponse(_PAGE % (safe, said), status, _HEADERS)


def _within(path: str) -> str:
    """A path of this server, whatever else was asked for."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else "/"


def _locks(request: Request) -> tuple[Keyring, Sessions] | None:
    keyring: Keyring | None = request.app.state.keyring
    return (keyring, request.app.state.sessions) if keyring else None
