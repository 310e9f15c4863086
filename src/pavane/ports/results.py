"""Results: what a service remembers of the steps that it did, in the database of their effects.

A key names a step, or the undo of one; who asks decides what keys mean to each other.

Promises (each is watched by the contract suite, and by one adapter that breaks it):

1. atomic: what is written through a transaction's connection and the results that it commits stay
   together or not at all, also when the process dies; one that is left without `commit` leaves
   nothing.
2. alone: what a transaction has found under the keys that it named stays so until its end: `record`
   and the other transactions wait that name one of these keys, or StoreError says after a while
   that somebody has it. Whoever else uses the ledger may have to wait too.
3. durable: when `commit` or `record` returns, what was recorded survives the loss of power.
4. first: what was recorded first under a key stays, but for a result without output, which says
   that something has begun: one with an output takes its place.
5. visible: `find` sees everything that was recorded before it was called.
6. guarded: nothing that is done through the connection ends the transaction (then `commit` raises
   UsageError and nothing is written), nor alters rows of the ledger's own tables (an error that
   names the table); nor does anything stay of a transaction that is for reading only.
7. kept: `create` makes the service's tables, all or none; it may be called again and again.
   DefinitionError when the database does not take it, or when it names a table of the ledger.
8. pruned: with the inbox ids of a ledger go the results of that age, and nothing of the service's;
   `known_since` tells from when on none is missing.
9. full: when there is no room, `commit` and `record` raise StoreFullError, nothing of the batch is
   written, and all works on once there is room.

All are called from one event loop, while the ledger is open. Some ledgers let several processes
record and transact at once; the promises hold among them too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import msgspec

APSW: Final = "apsw.Connection"
"""What a function asks for, by the name of its driver and of the class there."""


class Result(msgspec.Struct, frozen=True, gc=False):
    """What is recorded under a key: a JSON object, or None for what has only begun.

    `at` is when, in epoch milliseconds by the service's clock.
    """

    key: str
    output: bytes | None
    at: int


class Transaction(Protocol):
    """A transaction that has begun. It is over when its context is left."""

    @property
    def connection(self) -> Any:
        """The database, as the service's functions use it; for one thread at a time."""
        ...

    @property
    def found(self) -> Mapping[str, Result]:
        """What is recorded under the keys that it was begun with; those without are left out."""
        ...

    @property
    def known_since(self) -> int:
        """Whatever was recorded at this time (epoch ms) or later is still there; 0 from ever on."""
        ...

    async def flush(self) -> None:
        """Write what the connection keeps back until it is told to. Errors are its driver's: as

        if the function had raised them. To be called when that has ended, before `commit`.
        """
        ...

    async def commit(self, results: Sequence[Result]) -> None:
        """Make everything durable, with these results. A cancelled caller does not stop it.

        UsageError when the transaction was ended through the connection; StoreError.
        """
        ...

    def leave_behind(self, ended: Awaitable[object]) -> None:
        """Somebody still uses the connection and cannot be stopped: undo all when that has ended.

        Until then nobody else gets in. Nothing else may be called after it.
        """
        ...


class Results(Protocol):
    """The recorded results of one service. See the module for the promises."""

    def ensure_lends(self, asked: Collection[str]) -> None:
        """UsageError, NotInstalledError where it has no such connections to give.

        They are named as `APSW` is. May be called before the ledger is open.
        """
        ...

    async def create(self, schema: str) -> None:
        """Run the statements that make the service's own tables."""
        ...

    async def find(self, keys: Collection[str]) -> dict[str, Result]:
        """What is recorded under these keys; those without are left out."""
        ...

    async def record(self, results: Sequence[Result]) -> None:
        """Write them in one transaction, together with nothing else."""
        ...

    async def prune_results(self, before: int) -> int:
        """Forget results from before a time (epoch ms), in pieces; how many went.

        Where several processes share them, all may do so at once, and do not wait for each other.
        """
        ...

    def transaction(
        self, keys: Collection[str] = (), *, read_only: bool = False, asked: str = APSW
    ) -> AbstractAsyncContextManager[Transaction]:
        """Begin, when all that came before and named one of these keys are over.

        `asked` is what the function uses. StoreError when it cannot, or when that takes too long.
        """
        ...


class HasResults(Protocol):
    """A ledger, or what there is of one where nothing but results is kept."""

    @property
    def results(self) -> Results:
        """What it remembers of tasks. Use it while the ledger is open."""
        ...

    async def open(self) -> None:
        """Begin. Raises StoreError and its kind."""
        ...

    async def close(self) -> None:
        """Let go of what is held; closing twice is fine."""
        ...
