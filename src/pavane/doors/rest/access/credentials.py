"""What a request shows at the door: a key in a header, or the cookie of a session."""

from __future__ import annotations

from typing import Final, NamedTuple

from starlette.types import Scope

COOKIE: Final = b"pavane_session"
_LONGEST = 200  # a header that is longer has no key of ours in it


class Shown(NamedTuple):
    """`key` is what a header says, `session` what the cookie says; None for neither."""

    key: str | None
    session: str | None


def shown(scope: Scope) -> Shown:
    """`Authorization: Bearer KEY`, or `X-Authorization: KEY` (Conductor's SDKs), or the cookie."""
    key = session = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            key = _bearer(value)
        elif name == b"x-authorization":
            key = key if key is not None else _text(value)
        elif name == b"cookie" and session is None:
            session = _cookie(value)
    return Shown(key, session)


def _bearer(value: bytes) -> str:
    """The key; something that is none of ours for another scheme."""
    scheme, _, rest = value.strip().partition(b" ")
    return _text(rest) if scheme.lower() == b"bearer" else ""


def _cookie(value: bytes) -> str | None:
    for part in value.split(b";"):
        name, _, content = part.strip().partition(b"=")
        if name == COOKIE:
            return _text(content)
    return None


def _text(value: bytes) -> str:
    return value.strip().decode("latin-1") if len(value) <= _LONGEST else ""
