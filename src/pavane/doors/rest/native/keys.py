"""Keys over /v1: made, listed, revoked. The text of a key is in one answer, that which made it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.access import Role
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import read_json
from pavane.engine.keyring import LATEST, Keyring
from pavane.engine.views.keys import KeyList, in_use, made, shown


class KeyRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a new key is called and may do; `expiresAt` is epoch milliseconds, 0 for never."""

    name: str
    roles: list[Role]
    expires_at: Annotated[int, msgspec.Meta(ge=0, le=LATEST)] = 0


async def list_keys(request: Request) -> Response:
    """All keys, by name."""
    return json_response(KeyList([in_use(each) for each in _keyring(request).holders()]))


async def add_key(request: Request) -> Response:
    """Make a key: 201, and its text this once."""
    wanted = await read_json(request, KeyRequest)
    key, text = await _keyring(request).add(wanted.name, wanted.roles, expires_at=wanted.expires_at)
    return json_response(made(key, text), 201, {"cache-control": "no-store"})


async def revoke_key(request: Request) -> Response:
    """Take away a key, by id or name; it opens nothing from now on."""
    key = await _keyring(request).remove(request.path_params["key"], spare_last=True)
    return json_response(shown(key))


def _keyring(request: Request) -> Keyring:
    """There is one: without, nobody has the role that leads here."""
    return request.app.state.keyring
