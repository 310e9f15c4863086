"""The kinds of connections that a ledger lends, each made when somebody first asks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from pavane.adapters.postgres.lent.terms import Lender, Terms
from pavane.adapters.postgres.place import Place
from pavane.errors import NotInstalledError, StoreError, UsageError


def _asyncpg(terms: Terms) -> Lender:
    from pavane.adapters.postgres.lent.by_asyncpg import AsyncpgLender

    return AsyncpgLender(terms)


def _psycopg_async(terms: Terms) -> Lender:
    from pavane.adapters.postgres.lent.by_psycopg import AsyncPsycopgLender

    return AsyncPsycopgLender(terms)


def _psycopg_sync(terms: Terms) -> Lender:
    from pavane.adapters.postgres.lent.by_psycopg import SyncPsycopgLender

    return SyncPsycopgLender(terms)


def _sqlalchemy_async(terms: Terms, *, sessions: bool) -> Lender:
    from pavane.adapters.postgres.lent.by_sqlalchemy import AsyncLender

    return AsyncLender(terms, sessions=sessions)


def _sqlalchemy_sync(terms: Terms, *, sessions: bool) -> Lender:
    from pavane.adapters.postgres.lent.by_sqlalchemy import SyncLender

    return SyncLender(terms, sessions=sessions)


KINDS: Final[dict[str, Callable[[Terms], Lender]]] = {
    "asyncpg.Connection": _asyncpg,
    "psycopg.AsyncConnection": _psycopg_async,
    "psycopg.Connection": _psycopg_sync,
    "sqlalchemy.AsyncConnection": partial(_sqlalchemy_async, sessions=False),
    "sqlalchemy.AsyncSession": partial(_sqlalchemy_async, sessions=True),
    "sqlalchemy.Connection": partial(_sqlalchemy_sync, sessions=False),
    "sqlalchemy.Session": partial(_sqlalchemy_sync, sessions=True),
}
"""How each is made, by the name under which functions ask for it."""


class Lenders:
    """Those of one ledger, between `begin` and `close`."""

    def __init__(self) -> None:
        self._terms: Terms | None = None
        self._made: dict[str, Lender] = {}

    def begin(self, terms: Terms) -> None:
        """From now on, on these terms."""
        self._terms, self._made = terms, {}

    def ensure_known(self, asked: str, place: Place) -> None:
        """UsageError where there is no such kind."""
        if asked not in KINDS:
            raise UsageError(
                f"A function asks for {asked}, and the ledger is in PostgreSQL: {place}.",
                f"Ask for {', '.join(KINDS)}; or use --ledger sqlite:///path.db.",
            )

    def of(self, asked: str) -> Lender:
        """The one of this kind. NotInstalledError."""
        if self._terms is None:
            raise StoreError("The PostgreSQL ledger is not open.", "Open it.")
        if asked not in self._made:
            try:
                self._made[asked] = KINDS[asked](self._terms)
            except ModuleNotFoundError as error:
                raise NotInstalledError(
                    f"A function asks for {asked}, and the package {error.name} is not installed.",
                    f"Type: pip install {error.name}.",
                ) from error
        return self._made[asked]

    async def close(self) -> None:
        """Take leave of the server."""
        made, self._made, self._terms = self._made, {}, None
        for each in made.values():
            await each.close()

    def abandon(self) -> None:
        """Let go of all at once, as a process that dies. For tests."""
        made, self._made, self._terms = self._made, {}, None
        for each in made.values():
            each.abandon()

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        return [pid for each in self._made.values() for pid in each.pids()]
