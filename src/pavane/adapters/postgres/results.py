"""What a ledger in PostgreSQL will remember of tasks: not built yet, and refused in a sentence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

from pavane.adapters.postgres.place import Place
from pavane.errors import UsageError
from pavane.ports.results import Result, Transaction


class PostgresResults:
    """Each use of it is a UsageError: functions that ask for their database need SQLite for now."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def _refuse(self) -> NoReturn:
        raise UsageError(
            f"A function asks for its database, and the ledger is {self._place}: results and "
            "transactions of functions in PostgreSQL are not built yet.",
            "Use --ledger sqlite:///path.db for this service.",
        )

    async def create(self, schema: str) -> None:
        """UsageError."""
        self._refuse()

    async def find(self, keys: Collection[str]) -> dict[str, Result]:
        """UsageError."""
        self._refuse()

    async def record(self, results: Sequence[Result]) -> None:
        """UsageError."""
        self._refuse()

    def transaction(self, *, read_only: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """UsageError."""
        self._refuse()
