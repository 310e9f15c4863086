"""Refuses calls that could not be made: a bad URL, an unknown placeholder, a status twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from pavane.core.expressions.placeholders import in_text, in_value
from pavane.core.model.call import METHODS, Call
from pavane.errors import ExpressionError

SECRET = "secret"  # {secret.NAME}, in a header, is known where the call is made
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    {"connection", "content-length", "host", "idempotency-key", "te", "traceparent"}
    | {"trailer", "transfer-encoding", "upgrade"}
)


def check_call(call: Call, inputs: Iterable[str]) -> Iterator[str]:
    """What is wrong with a call of a task that has these inputs (none: they are not known)."""
    if call.method not in METHODS:
        yield f"{call.method!r} is no method; use one of {', '.join(sorted(METHODS))}"
    yield from _url(call.url)
    for name, value in call.headers.items():
        if not _TOKEN.fullmatch(name):
            yield f"{name!r} cannot name a header"
        elif name.lower() in _OURS:
            yield f"the header {name!r} is set by Pavane or by HTTP itself; leave it out"
        if not value.isprintable():
            yield f"the header {name!r} has a value that cannot be sent"
    if call.body is not None and call.method in {"GET", "HEAD"}:
        yield f"a {call.method} has no body; leave it out, or use another method"
    yield from _placeholders(call, set(inputs))
    yield from _statuses(call)


def _url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        yield f"its url {url!r} cannot be read: {error}"
        return
    if parts.scheme not in {"http", "https"} or not host:
        yield f"its url {url!r} is no http:// or https:// address"
    elif parts.username is not None or parts.password is not None:
        yield "its url holds a password; put it into a header, as {secret.NAME}"
    elif "{" in parts.netloc:
        yield "its url has a placeholder in the host, which must be known beforehand"
    elif parts.fragment or parts.query or "?" in url or "#" in url:
        yield "its url holds a query or a fragment; give the query as `query`"
    elif not url.isascii() or re.search(r"[\s\\]", url):
        yield "its url holds characters that must be written as %XX"


def _placeholders(call: Call, inputs: set[str]) -> Iterator[str]:
    places = {"url": [call.url], "query": [*call.query.values()]}
    places["headers"] = [*call.headers.values()]
    for place, texts in places.items():
        for text in texts:
            yield from _in_place(place, text, inputs)
    yield from _in_place("body", call.body, inputs)


def _in_place(place: str, template: object, inputs: set[str]) -> Iterator[str]:
    try:
        paths = [*in_value(template)] if place == "body" else in_text(str(template))
    except ExpressionError as error:
        yield f"its {place}: {error}"
        return
    for path in paths:
        name = "{" + ".".join(path) + "}"
        if path[0] == SECRET:
            if place != "headers":
                yield f"{name} stands in its {place}; secrets may stand in headers only"
            elif len(path) != 2:
                yield f"{name} names no secret; write {{secret.NAME}}"
            elif path[1].lower().endswith("_hosts"):
                yield f"{name} says where another secret may go; give it a name with another end"
        elif inputs and path[0] not in inputs:
            known = ", ".join(sorted(inputs))
            yield f"{name} in its {place} is no input of the task; there is {known}"


def _statuses(call: Call) -> Iterator[str]:
    seen: set[int] = set()
    for status in [*call.done_on, *call.retry_on, *call.fail_on]:
        if not 200 <= status <= 599:
            yield f"{status} is no status that ends a request"
        if status in seen:
            yield f"the status {status} is mapped twice"
        seen.add(status)
