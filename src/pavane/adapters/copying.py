"""One store or ledger copied into another that is empty, whatever databases they are in.

Both are had alone from the beginning to the end. What was written is read back and compared with
what was read, table by table, before it is committed: the copy is there as a whole, and is the
same, or it is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

import msgspec

from pavane.adapters.copied_tables import TABLES
from pavane.errors import NotCopiedError, StoreError
from pavane.ports.copying import Kind, Row, Table, Whole

Tell = Callable[[str, int, int], None]
"""Called with a table's name, how many of its rows were copied, and how many there are."""

_encode = msgspec.msgpack.Encoder().encode
_SHOWN: Final = 16  # characters of a digest


class Copied(NamedTuple):
    """One table that is the same in both places: its rows, and a digest of them in order.

    `fitted` rows have a free text that the other database could not keep as it was.
    """

    table: str
    rows: int
    digest: str
    fitted: int = 0


async def copy(
    source: Whole,
    target: Whole,
    *,
    leave: bool = False,
    tell: Tell = lambda _table, _done, _rows: None,
) -> tuple[Kind, list[Copied]]:
    """Copy all that `source` holds; what kind it is, and its tables.

    NotCopiedError where the target is not empty, where it is of another kind, and where the source
    has tables that are not ours and are not to be left behind; StoreBusyError and others as opening
    has them.
    """
    kind = await source.kind()
    if kind is None:
        raise StoreError(
            f"There is no store and no ledger in {source.shown}.", "Check the URL to copy from."
        )
    there = await target.kind()
    if there not in (None, kind):
        raise NotCopiedError(
            f"{target.shown} holds a {there}, and {source.shown} a {kind}.",
            "Give another place to copy to.",
        )
    await source.open(kind, filling=False)
    try:
        await _ensure_ours(source, leave=leave)
        await target.open(kind, filling=True)
        try:
            await _ensure_empty(target, kind)
            copied = [await _copy_table(source, target, table, tell) for table in TABLES[kind]]
            await target.put_marks(await source.marks())
            await target.commit()
        finally:
            await target.close()
    finally:
        await source.close()
    return kind, copied


async def _ensure_ours(source: Whole, *, leave: bool) -> None:
    strangers = await source.strangers()
    if strangers and not leave:
        raise NotCopiedError(
            f"{source.shown} has tables of the service's own, which are not copied: "
            f"{', '.join(strangers)}.",
            "Copy them yourself, and say --leave-tables for the rest.",
        )


async def _ensure_empty(target: Whole, kind: Kind) -> None:
    for table in TABLES[kind]:
        if count := await target.count(table):
            raise NotCopiedError(
                f"{target.shown} is not empty: the table {table.name} has {count} rows.",
                "Give a place where nothing is yet: another file, or another schema in the URL.",
            )


async def _copy_table(source: Whole, target: Whole, table: Table, tell: Tell) -> Copied:
    count, done, fitted = await source.count(table), 0, 0
    digest = hashlib.sha256()
    async for rows in source.rows(table):
        kept = [target.fitted(table, row) for row in rows]
        fitted += sum(new is not old for new, old in zip(kept, rows, strict=True))
        for row in kept:
            digest.update(_encode(row))
        await target.put(table, kept)
        done += len(rows)
        tell(table.name, done, count)
    read = await _digest(target.rows(table))
    if read != (done, digest.hexdigest()):
        raise StoreError(
            f"What was written to {target.shown} is not what was read: the table {table.name} has "
            f"{read[0]} rows for {done}. Nothing of it was kept.",
            "Check the disk; if it happens again, please report it.",
        )
    return Copied(table.name, done, digest.hexdigest()[:_SHOWN], fitted)


async def _digest(rows: AsyncIterator[list[Row]]) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    async for piece in rows:
        count += len(piece)
        for row in piece:
            digest.update(_encode(row))
    return count, digest.hexdigest()
