"""What a borrowed connection may not do: end the transaction, alter tables that are not its own.

Statements are judged when they are prepared, and a statement that was prepared before is not judged
again; so a COMMIT is also caught when it happens, and a ROLLBACK noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import apsw

from pavane.adapters.sqlite.connection import Connection
from pavane.adapters.sqlite.migrate import META
from pavane.errors import UsageError

RESERVED: Final = "pavane_"
"""Names of tables that begin with this are ours, now and in later versions."""

_FIRST: Final = frozenset(  # the table is the first argument
    {
        apsw.SQLITE_INSERT,
        apsw.SQLITE_UPDATE,
        apsw.SQLITE_DELETE,
        apsw.SQLITE_CREATE_TABLE,
        apsw.SQLITE_CREATE_TEMP_TABLE,
        apsw.SQLITE_CREATE_VIEW,
        apsw.SQLITE_CREATE_TEMP_VIEW,
        apsw.SQLITE_CREATE_VTABLE,
        apsw.SQLITE_DROP_TABLE,
        apsw.SQLITE_DROP_VIEW,
    }
)
_SECOND: Final = frozenset(
    {
        apsw.SQLITE_ALTER_TABLE,
        apsw.SQLITE_CREATE_INDEX,
        apsw.SQLITE_CREATE_TRIGGER,
        apsw.SQLITE_CREATE_TEMP_TRIGGER,
        apsw.SQLITE_DROP_INDEX,
        apsw.SQLITE_DROP_TRIGGER,
    }
)
_LOOKS: Final = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"}
)


class Guard:
    """Judges what is done through a connection while it is armed; `ended`: the transaction was."""

    def __init__(self, connection: Connection, own: frozenset[str]) -> None:
        self._connection = connection
        self._own = own
        self.armed = False
        self.ended = False
        connection.set_authorizer(self._judge)

    def arm(self) -> None:
        """From now on a stranger uses the connection, inside a transaction."""
        self.armed, self.ended = True, False
        self._connection.set_commit_hook(self._committing)
        self._connection.set_rollback_hook(self._rolled_back)

    def disarm(self) -> None:
        """The connection is ours again."""
        self.armed = False
        self._connection.set_commit_hook(None)
        self._connection.set_rollback_hook(None)

    def _judge(
        self,
        action: int,
        first: str | None,
        second: str | None,
        _database: str | None,
        _trigger: str | None,
    ) -> int:
        if not self.armed:
            return apsw.SQLITE_OK
        if action in _FIRST or action in _SECOND:
            table = (first if action in _FIRST else second) or ""
            if is_own(table, self._own):
                raise UsageError(
                    f"The table {table} of the ledger is Pavane's own.",
                    f"Use tables of other names, that do not begin with {RESERVED}.",
                )
        elif action == apsw.SQLITE_TRANSACTION:
            raise _of_transactions(first or "")
        elif action in (apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH):
            raise UsageError(
                "A database cannot be attached to a ledger.",
                "Open another database with a connection of its own.",
            )
        elif action == apsw.SQLITE_PRAGMA and first not in _LOOKS:
            raise UsageError(
                f"PRAGMA {first} cannot be used on a ledger.", "Its settings are Pavane's."
            )
        return apsw.SQLITE_OK

    def _committing(self) -> bool:
        self.ended = True
        raise _of_transactions("COMMIT")

    def _rolled_back(self) -> None:
        self.ended = True


def _of_transactions(word: str) -> UsageError:
    return UsageError(
        f"{word} cannot be used here: the function's transaction begins and ends with its call.",
        "Leave it out; `with db:` undoes a part when it fails.",
    )


def is_own(table: str, own: frozenset[str]) -> bool:
    """Whether a table is not the service's."""
    name = table.lower()
    return name in own or name.startswith(RESERVED)


def tables_made(statements: Iterable[str]) -> frozenset[str]:
    """The names of the tables that these migrations make, and what they need, in lower case."""
    made = r'CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)"?'
    return frozenset(name.lower() for sql in (META, *statements) for name in re.findall(made, sql))
