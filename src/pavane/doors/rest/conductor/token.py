"""The token that Conductor's SDKs fetch with a key's id and secret, and send from then on."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import decode, read_short_body
from pavane.engine.keyring import Keyring
from pavane.errors import UnauthenticatedError


class TokenRequest(msgspec.Struct, rename="camel"):
    """A key in two parts: its id, and the whole key or only what stands behind the id."""

    key_id: str
    key_secret: str


async def token(request: Request) -> Response:
    """The key itself: another secret beside it would have to be kept and renewed, and open no less.

    404 where nobody is asked for a key: the SDKs then go on without one.
    """
    keyring: Keyring | None = request.app.state.keyring
    if keyring is None:
        raise HTTPException(404)
    asked = decode(await read_short_body(request), TokenRequest)
    text = f"pvk_{asked.key_id}_{asked.key_secret.removeprefix(f'pvk_{asked.key_id}_')}"
    if keyring.holder(text) is None:
        raise UnauthenticatedError("No key has this id and secret.", "Check them.")
    return json_response({"token": text})
