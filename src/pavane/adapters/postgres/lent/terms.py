"""On what terms a connection is lent to a function: the same whatever its driver is.

Outside of the transaction that we begin, such a session can only read. So what is done behind a
ROLLBACK of the function's own writes nothing, and a COMMIT of its own is refused by the server (see
`pavane_ends` in the migrations).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from pavane.adapters.postgres.place import Place

MOST: Final = 8
"""How many functions of one process have a connection of one kind at once."""

READ_WRITE: Final = "SET TRANSACTION READ WRITE"
"""The first statement of a transaction that may write."""

CLEAN: Final = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; DISCARD TEMP; RESET ALL"
"""Undoes what a function has left in a session; it is in no transaction then."""

IDLE_S: Final = 60
"""How long a function may leave its transaction alone before the server ends the session.

A process that is stopped in the middle of one would keep others waiting for what it has locked.
"""

_NAME_BYTES: Final = 63  # of an application; the server cuts what is longer


class Terms(NamedTuple):
    """What is particular to one ledger."""

    place: Place
    path: str  # where the user's own connections would look for tables
    generation: int  # of the process that serves the ledger; 0 where several share it

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which a session begins, and to which it is reset."""
        path = f'"{self.place.schema}", {self.path}' if self.path else f'"{self.place.schema}"'
        return {
            "application_name": lends(self.place.schema, self.generation),
            "search_path": path,
            "default_transaction_read_only": "on",
            "default_transaction_isolation": "read committed",
            "idle_in_transaction_session_timeout": f"{IDLE_S}s",
            "tcp_keepalives_idle": "15",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "pavane.lent": "on",
        }


def lends(schema: str, generation: int) -> str:
    """By this name the server knows the sessions that a process lends."""
    return f"pavane {generation} lends {schema}"[:_NAME_BYTES]


class Lent(Protocol):
    """A connection in a transaction that has begun. Errors are the driver's."""

    @property
    def connection(self) -> Any:
        """What the function uses."""
        ...

    async def call(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        """The rows of a statement of ours; `$1`, `$2`, … are used once each, in order."""
        ...

    async def flush(self) -> None:
        """Send what the function has written, where its connection keeps that back."""
        ...

    async def commit(self) -> None:
        """Commit, and give the connection back. After an error it has to be dropped."""
        ...

    async def roll_back(self) -> None:
        """Undo everything, and give the connection back. After an error it has to be dropped."""
        ...

    def drop(self) -> None:
        """Let go of the connection, whatever it is in the middle of."""
        ...


class Lender(Protocol):
    """Has the connections of one kind."""

    async def lend(self, *, read_only: bool) -> Lent:
        """Begin, when a connection is free. Errors are the driver's."""
        ...

    async def close(self) -> None:
        """Take leave of the server; what is lent is let go of."""
        ...

    def abandon(self) -> None:
        """Let go of all at once, as a process that dies. For tests."""
        ...

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        ...
