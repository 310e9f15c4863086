"""Promises 1, 2 and 6: atomic, alone, guarded. What happens in a transaction, and beside it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from pavane.errors import UsageError
from pavane.ports.ledger import Entry, Ledger
from pavane.ports.results import HasResults, Transaction
from pavane.testing.contracts.features import needs
from pavane.testing.contracts.ledger.harness import opened
from pavane.testing.contracts.results.harness import (
    CLOSED,
    ONE_BY_ONE,
    SCHEMA,
    SHARED,
    ResultsHarness,
    recorded,
    result,
)

OWN_ROWS = ("DELETE FROM pavane_result", "UPDATE pavane_result SET output = NULL")


class LendingTests(ResultsHarness):
    """`transaction`."""

    # --- atomic ---------------------------------------------------------------------------------

    async def test_atomic_both_stay_or_neither(self, ledger: Ledger) -> None:
        """With the commit both are there; without it nothing is, however it was left."""
        await ledger.results.create(SCHEMA)
        await self.done(ledger, "a")
        async with self.transacting(ledger) as transaction:
            await self.put(transaction, "b")
        with pytest.raises(ZeroDivisionError):
            await self._breaks_off(ledger)
        assert await self.effects(ledger) == ["a"]
        assert await recorded(ledger, "a", "b", "c") == {"a": b'{"paid":160}'}

    async def test_atomic_when_the_process_dies(self, ledger: Ledger) -> None:
        """In the middle nothing stays, of a commit under way both or neither."""
        await ledger.results.create(SCHEMA)
        stands: list[str] = []
        for n in range(4):
            going = asyncio.create_task(self.done(ledger, f"{n}"))
            for _ in range(n):
                await asyncio.sleep(0)
            ledger = await self.die(ledger)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            await ledger.open()
            stands = await self.effects(ledger)
            assert list(await recorded(ledger, *"0123")) == stands
        async with self.transacting(ledger) as transaction:
            await self.put(transaction, "x")
            ledger = await self.die(ledger)
        async with opened(ledger):
            assert await self.effects(ledger) == stands
            await self.done(ledger, "y")
            assert "y" in await self.effects(ledger)

    async def test_atomic_what_is_left_behind_is_undone(self, ledger: Ledger) -> None:
        """Nobody gets in while somebody who cannot be stopped still uses the connection."""
        await ledger.results.create(SCHEMA)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self.transacting(ledger, ["k"]) as transaction:
            await self.put(transaction, "a")
            transaction.leave_behind(ended)
        later = asyncio.create_task(self.done(ledger, "b", "k"))
        await asyncio.sleep(0.02)
        assert not later.done()
        await self.put(transaction, "a2")
        ended.set_result(None)
        await later
        assert await self.effects(ledger) == ["b"]
        assert await recorded(ledger, "a", "b") == {"b": b'{"paid":160}'}

    async def test_atomic_a_caller_that_is_cancelled_leaves_no_half(self, ledger: Ledger) -> None:
        """What is being committed is committed all the same, and whole."""
        await ledger.results.create(SCHEMA)
        for n in range(6):
            going = asyncio.create_task(self.done(ledger, f"{n}"))
            for _ in range(n):
                await asyncio.sleep(0)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
        assert list(await recorded(ledger, *"012345")) == await self.effects(ledger)

    # --- alone ----------------------------------------------------------------------------------

    async def test_alone_one_after_the_other(self, ledger: Ledger) -> None:
        """None sees what another that looks for the same has half done."""
        await ledger.results.create(SCHEMA)
        await asyncio.gather(*(self._counts(ledger, n) for n in range(25)))
        assert await self.effects(ledger) == [f"{n:02}" for n in range(20)]

    @needs(SHARED)
    async def test_alone_among_processes(self, ledger: Ledger) -> None:
        """The same where they are in several processes, which share the ledger."""
        await ledger.results.create(SCHEMA)
        async with opened(await self.sharing(ledger)) as other:
            both: list[HasResults] = [other, ledger]
            await asyncio.gather(*(self._counts(both[n % 2], n) for n in range(25)))
            assert await self.effects(other) == [f"{n:02}" for n in range(20)]

    @needs(ONE_BY_ONE)
    async def test_alone_first_come_first_served(self, ledger: Ledger) -> None:
        """In the order in which they asked, whatever they look for."""
        await ledger.results.create(SCHEMA)
        order: list[int] = []

        async def count(n: int) -> None:
            async with self.transacting(ledger, [f"{n}"]) as transaction:
                order.append(n)
                await self.put(transaction, f"{len(order):02}")
                await asyncio.sleep(0)

        await asyncio.gather(*(count(n) for n in range(25)))
        assert order == list(range(25))

    async def test_alone_what_was_found_stays_so(self, ledger: Ledger) -> None:
        """Nothing is recorded meanwhile: whoever comes later finds what it has committed."""
        await ledger.results.create(SCHEMA)
        async with self.transacting(ledger, ["j", "k"]) as transaction:
            later = asyncio.create_task(ledger.results.record([result("k", b'{"late":1}')]))
            await asyncio.sleep(0.02)
            assert not later.done()
            assert transaction.found == {}
            await transaction.commit([result("k")])
        await later
        assert await recorded(ledger, "k") == {"k": b'{"paid":160}'}

    async def test_alone_but_the_ledger_works_on(self, ledger: Ledger) -> None:
        """Entries that come meanwhile are committed, at the latest afterwards, apart from it."""
        await ledger.results.create(SCHEMA)
        async with self.transacting(ledger) as transaction:
            await self.put(transaction, "a")
            other = asyncio.create_task(ledger.commit([Entry(message="m")]))
            await asyncio.sleep(0.02)
        assert await other == set()
        assert await ledger.seen(["m"]) == {"m"}
        assert await self.effects(ledger) == []

    # --- guarded --------------------------------------------------------------------------------

    @pytest.mark.parametrize("word", ["COMMIT", "END", "ROLLBACK", "ROLLBACK; BEGIN"])
    async def test_guarded_the_transaction_is_not_ended_inside(
        self, ledger: Ledger, word: str
    ) -> None:
        """Whoever tries is refused, or finds at the commit that nothing can be kept."""
        await ledger.results.create(SCHEMA)
        await self.done(ledger, "before")  # so that the adapter has used such statements itself
        refused = await self._ends_it(ledger, word)
        assert refused is None or refused.remedy
        assert await self.effects(ledger) == (["before"] if refused else ["a", "before"])
        assert list(await recorded(ledger, "a")) == ([] if refused else ["a"])
        await self.done(ledger, "after")
        assert "after" in await self.effects(ledger)

    async def test_guarded_a_part_can_be_undone(self, ledger: Ledger) -> None:
        """With savepoints, as `with connection:` does."""
        await ledger.results.create(SCHEMA)
        async with self.transacting(ledger) as transaction:
            await self.put(transaction, "a")
            with pytest.raises(ZeroDivisionError):
                await self._undoes_a_part(transaction)
            async with self.part(transaction.connection):
                await self.put(transaction, "c")
            await transaction.commit([result("a")])
        assert await self.effects(ledger) == ["a", "c"]

    @pytest.mark.parametrize("sql", OWN_ROWS)
    async def test_guarded_the_ledgers_own_tables(self, ledger: Ledger, sql: str) -> None:
        """Their rows are not altered, whatever was tried before."""
        await self._refuses(ledger, sql)

    @needs(CLOSED)
    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE TABLE IF NOT EXISTS PAVANE_more (x)",
            "CREATE TEMP TABLE pavane_result (x)",
            "CREATE TRIGGER t AFTER INSERT ON pavane_result BEGIN SELECT 1; END",
        ],
    )
    async def test_guarded_that_they_stay_as_they_are(self, ledger: Ledger, sql: str) -> None:
        """They are neither altered nor replaced."""
        await self._refuses(ledger, sql)

    async def test_guarded_reading_writes_nothing(self, ledger: Ledger) -> None:
        """Neither by mistake nor on purpose; the next one writes again."""
        await ledger.results.create(SCHEMA)
        async with self.transacting(ledger, read_only=True) as transaction:
            with pytest.raises(Exception, match=r"read-?only"):
                await self.put(transaction, "a")
        assert await self.effects(ledger) == []
        await self.done(ledger, "b")
        assert await self.effects(ledger) == ["b"]

    # --- what functions do ----------------------------------------------------------------------

    async def _breaks_off(self, ledger: Ledger) -> None:
        async with self.transacting(ledger) as transaction:
            await self.put(transaction, "c")
            raise ZeroDivisionError

    async def _counts(self, ledger: HasResults, n: int) -> None:
        """Has an effect that depends on what it sees. One in five is left without a commit."""
        async with self.transacting(ledger, ["k"]) as transaction:
            before = len(await self.names(transaction))
            await asyncio.sleep(0)
            await self.put(transaction, f"{before:02}")
            await asyncio.sleep(0)
            if n % 5:
                await transaction.commit([result(f"{n}")])

    async def _undoes_a_part(self, transaction: Transaction) -> None:
        async with self.part(transaction.connection):
            await self.put(transaction, "b")
            raise ZeroDivisionError

    async def _ends_it(self, ledger: Ledger, word: str) -> UsageError | None:
        """A function that says it and takes no notice of being refused; how its commit ends."""
        async with self.transacting(ledger, ["a"]) as transaction:
            await self.put(transaction, "a")
            try:
                await self.execute(transaction.connection, word)
                await self.put(transaction, "b")
            except Exception:  # noqa: BLE001  # it takes no notice
                await asyncio.sleep(0)
            try:
                await transaction.commit([result("a")])
            except UsageError as error:
                return error
        return None

    async def _refuses(self, ledger: Ledger, sql: str) -> None:
        await ledger.results.create(SCHEMA)
        await self.done(ledger, "a")
        for _ in range(2):
            async with self.transacting(ledger) as transaction:
                with pytest.raises(Exception, match=r"(?i)pavane_"):
                    await self.execute(transaction.connection, sql)
                with suppress(UsageError):  # in some databases nothing goes on behind an error
                    await transaction.commit([])
        assert list(await recorded(ledger, "a")) == ["a"]
        await self.done(ledger, "b")
        assert list(await recorded(ledger, "a", "b")) == ["a", "b"]
