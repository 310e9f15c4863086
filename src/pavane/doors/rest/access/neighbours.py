"""Other people's web pages in the same browser: what they may not make it do.

A page that a person happens to visit can let the browser send requests to a server on loopback,
and a domain that resolves to loopback (DNS rebinding) can even read the answers. A key in a header
keeps both out; where none is asked for, or a cookie stands for it, these two questions do.
"""

from __future__ import annotations

import ipaddress

from starlette.types import Scope

_APIS = ("/v1", "/api")
_OURS = frozenset({"localhost", "127.0.0.1", "::1"})
_SAID = frozenset({b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode"})


def is_api(path: str) -> bool:
    """Whether programs ask here, not people."""
    return any(path == each or path.startswith(each + "/") for each in _APIS)


def has_foreign_host(scope: Scope) -> bool:
    """Whether the request was sent to a name other than loopback's and the socket's own."""
    host = next((value for name, value in scope["headers"] if name == b"host"), None)
    if host is None:
        return False  # no browser leaves it out
    name = _name(host.decode("latin-1"))
    server = scope.get("server")
    if name in _OURS or (server and name == server[0]):
        return False
    try:
        return not ipaddress.ip_address(name).is_loopback
    except ValueError:
        return True


def is_from_elsewhere(scope: Scope) -> bool:
    """Whether a browser sends this for a page of another origin.

    Browsers of today say so themselves (Sec-Fetch-Site); older ones give at least the Origin of
    whatever is no plain GET. Following a link to one of our pages is fine; to an API it is not,
    since asking for tasks there takes them.
    """
    said = {name: value for name, value in scope["headers"] if name in _SAID}
    site = said.get(b"sec-fetch-site")
    if site is not None:
        if site in {b"same-origin", b"none"}:
            return False
        followed = said.get(b"sec-fetch-mode") == b"navigate" and scope["method"] == "GET"
        return not followed or is_api(scope["path"])
    origin = said.get(b"origin")
    if origin is None:
        return False
    return origin.lower().partition(b"://")[2] != said.get(b"host", b"").lower()


def _name(host: str) -> str:
    """A Host header without its port, an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
