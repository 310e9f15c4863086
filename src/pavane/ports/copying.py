"""All that a store or a ledger holds, read and written as rows: what a copy elsewhere is made of.

Promises (each is watched by the tests of copies):

1. alone: while a place is open here nobody commits to it; StoreBusyError where somebody uses it.
2. one: what is read is one state of it.
3. ordered: `rows` gives the rows of a table by its key, texts compared by code point, so that two
   places that hold the same give the same.
4. whole: nothing that was put is there for anybody before `commit` returns, then all of it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol

Kind = Literal["store", "ledger"]

Row = tuple[Any, ...]


class Table(NamedTuple):
    """One table as each database has it; `flags` are its columns of truth values."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    flags: frozenset[str] = frozenset()


class Whole(Protocol):
    """A store or a ledger, to be read as a whole or, where it is empty, to be filled."""

    @property
    def shown(self) -> str:
        """Where it is, for people: without a password."""
        ...

    async def kind(self) -> Kind | None:
        """What is there; None where there is nothing yet. Before `open`."""
        ...

    async def open(self, kind: Kind, *, filling: bool) -> None:
        """Have it alone, at this version's schema; `filling`: make it first where it is not there.

        Raises StoreBusyError, StoreVersionError, StoreError.
        """
        ...

    async def close(self) -> None:
        """Let go of it; what was put and not committed is gone. Closing twice is fine."""
        ...

    async def count(self, table: Table) -> int:
        """How many rows there are."""
        ...

    def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        """All rows by key, in pieces of bounded size; flags are bool."""
        ...

    async def marks(self) -> dict[str, str]:
        """What else is remembered of it as a whole, by name."""
        ...

    async def strangers(self) -> list[str]:
        """Tables that are not ours, by name: a service may have its own in its ledger."""
        ...

    def fitted(self, table: Table, row: Row) -> Row:
        """The row as it can be kept here: the same, but for what a free text cannot have.

        InputError for what cannot be kept at all.
        """
        ...

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows. StoreFullError when there is no room."""
        ...

    async def put_marks(self, marks: dict[str, str]) -> None:
        """Remember these, where they mean anything here."""
        ...

    async def commit(self) -> None:
        """All that was put is there from now on."""
        ...
