"""What all pages share: the head, the headers that keep foreign scripts out, errors, the files."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pavane.doors.dashboard.html import Child, Markup, document, joined, tag
from pavane.doors.rest.problems import status_code
from pavane.errors import NotFoundError, PavaneError

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_FILES: Final = {"page.css": "text/css", "page.js": "text/javascript"}

Page = Callable[[Request], Awaitable[Response]]


def page(title: str, body: Child, *, events: str = "", status: int = 200) -> Response:
    """A whole page. `events` is where its changes are told; then its script keeps it fresh."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title, " · Pavane"),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href=_address("page.css")),
        tag("script", src=_address("page.js"), defer=True),
    )
    live = tag("span", "", id="live", class_="quiet", role="status") if events else None
    top = tag("header", tag("a", "Pavane", href="/", class_="brand"), live)
    main = tag("main", body, id="main", data_events=events or None)
    skip = tag("a", "To the content", href="#main", class_="skip")
    whole = document(head, tag("body", joined(skip, top, main)))
    return HTMLResponse(whole, status, headers=_HEADERS)


def shown(make: Page) -> Page:
    """A page whose errors are pages too."""

    @functools.wraps(make)
    async def showing(request: Request) -> Response:
        try:
            return await make(request)
        except PavaneError as error:
            return failure(status_code(error), error.message, error.remedy)

    return showing


def failure(status: int, message: str, remedy: str) -> Response:
    """What went wrong, for people."""
    phrase = HTTPStatus(status).phrase
    back = tag("p", tag("a", "All executions", href="/"))
    return page(
        phrase, [tag("h1", phrase), tag("p", message), tag("p", remedy), back], status=status
    )


async def file(request: Request) -> Response:
    """The style and the script. Their address changes with their content, so they may be kept."""
    name = request.path_params["name"]
    if name not in _FILES:
        raise NotFoundError(f"There is no file '{name}'.", "")
    headers = {**_HEADERS, "cache-control": "max-age=31536000, immutable"}
    return Response(_content(name), media_type=_FILES[name], headers=headers)


def _address(name: str) -> str:
    digest = hashlib.blake2b(_content(name), digest_size=6).hexdigest()
    return f"/assets/{name}?v={digest}"


@functools.cache
def _content(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


def section(title: str, *children: Child, id: str = "") -> Markup:
    """A part of a page with its heading."""
    return tag("section", tag("h2", title), *children, id=id or None)
