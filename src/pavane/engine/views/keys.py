"""Keys as they are shown: never with their secret, but once to whoever made one."""

from __future__ import annotations

import msgspec

from pavane.core.model.access import Role
from pavane.engine.keyring import Holder
from pavane.ports.keys import StoredKey


class KeyView(msgspec.Struct, rename="camel"):
    """A key without its secret; times are epoch milliseconds, 0 for never.

    `requests` and `last_used_at` count since the server started.
    """

    id: str
    name: str
    roles: list[Role]
    created_at: int
    expires_at: int = 0
    requests: int = 0
    last_used_at: int = 0


class NewKey(KeyView, kw_only=True):
    """A key that was just made, with its text."""

    key: str


class KeyList(msgspec.Struct):
    """All keys, by name."""

    keys: list[KeyView]


def shown(key: StoredKey) -> KeyView:
    """What is kept of a key."""
    return KeyView(key.id, key.name, list(key.roles), key.created_at, key.expires_at)


def in_use(holder: Holder) -> KeyView:
    """What is known of a key."""
    view = shown(holder.key)
    view.requests, view.last_used_at = holder.requests, holder.last_used_at
    return view


def made(key: StoredKey, text: str) -> NewKey:
    """What is shown of a key once."""
    return NewKey(key.id, key.name, list(key.roles), key.created_at, key.expires_at, key=text)
