"""What is over in a SQLite store: headers go first, the rows behind them piece by piece.

A piece is small, because statements run on the event loop, beside all that goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final, Protocol

from pavane.core.model.ids import first_at
from pavane.core.model.status import ENDED

_ENDED: Final = ", ".join(f"'{status}'" for status in sorted(ENDED))
_IS_OVER: Final = f"status IN ({_ENDED}) AND ended_at < ?1"

OVER: Final = f"""SELECT id, parent_id = '' AND {_IS_OVER} FROM execution
    WHERE id > ?2 AND id < ?3 ORDER BY id LIMIT ?4"""
"""The next executions by id, and whether they may go."""

FAMILY: Final = f"""WITH RECURSIVE family (id) AS (
        SELECT id FROM execution WHERE id = ?2 AND parent_id = ''
        UNION ALL SELECT e.id FROM family
        CROSS JOIN execution e INDEXED BY execution_by_parent
            ON e.parent_id = family.id AND e.parent_id <> '')
    SELECT e.id, {_IS_OVER} FROM family JOIN execution e ON e.id = family.id"""
"""An execution of no other, and all that are its steps and theirs; whether each is over."""

FORGET: Final = (
    "INSERT INTO forgotten (id) VALUES (?)",
    "DELETE FROM ready WHERE execution_id = ?",
    "DELETE FROM execution WHERE id = ?",
)
"""An execution disappears."""

FORGOTTEN: Final = "SELECT id FROM forgotten ORDER BY id LIMIT ?"
"""Whose rows are to be swept."""

# A position must not come again, and the next one follows the last that is there: so the last entry
# stays, as nobody's, until there is another behind it.
_LAST: Final = "(SELECT max(position) FROM log)"
SWEEP: Final = (
    """DELETE FROM task WHERE rowid IN (
        SELECT rowid FROM task WHERE execution_id = ?1 LIMIT ?2)""",
    """DELETE FROM value WHERE rowid IN (
        SELECT rowid FROM value WHERE execution_id = ?1 LIMIT ?2)""",
    f"""UPDATE log SET execution_id = '', at = 0, entries = x''
        WHERE execution_id = ?1 AND position = {_LAST} AND ?2 > 0""",
    """DELETE FROM log WHERE position IN (
        SELECT position FROM log INDEXED BY log_by_execution WHERE execution_id = ?1 LIMIT ?2)""",
    "DELETE FROM forgotten WHERE id = ?1 AND ?2 > 0",
)
"""Some of what is left of an execution; at last, that there is anything left of it."""

SWEEP_NOBODYS: Final = f"DELETE FROM log WHERE execution_id = '' AND position < {_LAST}"
"""Entries that were the last ones."""


class Statements(Protocol):
    """Runs statements inside a transaction that has begun."""

    def __call__(
        self, sql: str, rows: Sequence[Sequence[object]], /
    ) -> tuple[list[tuple[Any, ...]], int]:
        """A statement for each row of parameters; what they gave, and how many rows changed."""
        ...


Read = Callable[..., Awaitable[list[tuple[Any, ...]]]]
Transact = Callable[[Callable[[Statements], Any]], Awaitable[Any]]


class SqlitePast:
    """Keeps the promises of `ports.past`; reads and transactions are the store's."""

    def __init__(self, read: Read, transact: Transact) -> None:
        self._read = read
        self._transact = transact

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        """Looks at the next executions by id."""
        rows = await self._read(OVER, before, after, first_at(before), limit)
        return [row[0] for row in rows if row[1]], rows[-1][0] if len(rows) == limit else ""

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        """Headers go, and what waits."""

        def work(run: Statements) -> set[str]:
            gone: set[str] = set()
            for id in ids:
                family, _ = run(FAMILY, [(before, id)])
                if family and all(is_over for _, is_over in family):
                    for sql in FORGET:
                        run(sql, [(each,) for each, _ in family])
                    gone.add(id)
            return gone

        return await self._transact(work)

    async def sweep(self, limit: int) -> int:
        """The rows behind the headers that went, the oldest first."""
        left = await self._read(FORGOTTEN, limit)
        if not left:
            return 0

        def work(run: Statements) -> int:
            _, done = run(SWEEP_NOBODYS, [()])
            for (id,) in left:
                for sql in SWEEP:
                    done += run(sql, [(id, max(0, limit - done))])[1]
                if done >= limit:
                    break
            return done

        return await self._transact(work)

    async def prepare(self, now: int, keep_ms: int) -> None:
        """Nothing has to be made ready: pages that are free are used again."""
