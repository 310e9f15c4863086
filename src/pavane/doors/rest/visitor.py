"""Who is asking: put into the scope of a request by the lock, asked for by each route."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from pavane.core.model.access import ROLES, Role
from pavane.errors import ForbiddenError, UnauthenticatedError

VISITOR: Final = "pavane.visitor"
OPEN: Final = "open"
"""What a route needs that anybody may reach."""


class Visitor(msgspec.Struct, frozen=True):
    """Whose request it is: the name of the key, what it reaches, and whether keys are asked for."""

    name: str
    roles: frozenset[Role]
    locked: bool = True


ANONYMOUS: Final = Visitor("", frozenset())
"""Somebody without a key at a door that asks for one."""

EVERYBODY: Final = Visitor("", frozenset(ROLES) - {"administer"}, locked=False)
"""Anybody at a door that asks for none. Keys are left out: one that is made here by whoever passes
would still open the door once it is locked."""


def visitor(scope: Scope) -> Visitor:
    """Who asks. A request that has not come through the lock has no visitor: KeyError."""
    return scope[VISITOR]


def may(scope: Scope, role: Role) -> bool:
    """Whether the visitor has the role."""
    return role in visitor(scope).roles


def require(scope: Scope, role: Role) -> None:
    """Let the visitor through, or raise UnauthenticatedError or ForbiddenError."""
    asking = visitor(scope)
    if role in asking.roles:
        return
    if not asking.locked:
        raise ForbiddenError(
            "This server asks nobody for a key, so nobody may change its keys through it.",
            "Stop it and use `pavane keys --store`, or start it with --auth required.",
        )
    if asking is ANONYMOUS:
        raise wanted()
    raise ForbiddenError(
        f"The key '{asking.name}' does not have the role '{role}'.",
        f"Use a key with it; `pavane keys add NAME --role {role}` makes one.",
    )


def wanted() -> UnauthenticatedError:
    """What to say to somebody who shows no key."""
    return UnauthenticatedError(
        "This server wants a key.",
        "Send `Authorization: Bearer KEY`; the commands read it from PAVANE_API_KEY, and `Client` "
        "takes it as `api_key`.",
    )


class Needs:
    """An ASGI application that only those reach who have the role."""

    def __init__(self, role: Role, app: ASGIApp) -> None:
        self.role: Role = role
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; UnauthenticatedError or ForbiddenError for others."""
        require(scope, self.role)
        await self._app(scope, receive, send)
