"""What type checkers need to know of connections that functions ask for: nobody passes them.

The drivers need not be installed, so they are known by methods that nothing else has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import apsw


class OfAsyncpg(Protocol):
    """`asyncpg.Connection`."""

    def is_in_transaction(self) -> bool: ...
    def get_server_pid(self) -> Any: ...


class OfPsycopg(Protocol):
    """`psycopg.Connection` and `psycopg.AsyncConnection`."""

    def pipeline(self) -> Any: ...
    def notifies(self) -> Any: ...
    def xid(self, format_id: int, gtrid: str, bqual: str, /) -> Any: ...


class OfSqlalchemy(Protocol):
    """Its `Session`, `Connection`, `AsyncSession` and `AsyncConnection`."""

    def begin_nested(self) -> Any: ...
    def in_nested_transaction(self) -> bool: ...


D = TypeVar("D", bound="apsw.Connection | OfAsyncpg | OfPsycopg | OfSqlalchemy")
"""A connection to the database of the function's service."""
