"""Promises 1, 2 and 6: atomic, alone, guarded. What happens in a transaction, and beside it."""

from __future__ import annotations

import asyncio

import pytest

from pavane.errors import UsageError
from pavane.ports.ledger import Entry, Ledger
from pavane.ports.results import Transaction
from pavane.testing.contracts.ledger.harness import LedgerHarness, opened
from pavane.testing.contracts.results.harness import (
    SCHEMA,
    done,
    effects,
    names,
    put,
    recorded,
    result,
)


class LendingTests(LedgerHarness):
    """`transaction`."""

    # --- atomic ---------------------------------------------------------------------------------

    async def test_atomic_both_stay_or_neither(self, ledger: Ledger) -> None:
        """With the commit both are there; without it nothing is, however it was left."""
        await ledger.results.create(SCHEMA)
        await done(ledger, "a")
        async with ledger.results.transaction() as transaction:
            put(transaction, "b")
        with pytest.raises(ZeroDivisionError):
            await _breaks_off(ledger)
        assert await effects(ledger) == ["a"]
        assert await recorded(ledger, "a", "b", "c") == {"a": b'{"paid":160}'}

    async def test_atomic_when_the_process_dies(self, ledger: Ledger) -> None:
        """In the middle nothing stays, of a commit under way both or neither."""
        await ledger.results.create(SCHEMA)
        stands: list[str] = []
        for n in range(4):
            going = asyncio.create_task(done(ledger, f"{n}"))
            for _ in range(n):
                await asyncio.sleep(0)
            ledger = await self.die(ledger)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            await ledger.open()
            stands = await effects(ledger)
            assert list(await recorded(ledger, *"0123")) == stands
        async with ledger.results.transaction() as transaction:
            put(transaction, "x")
            ledger = await self.die(ledger)
        async with opened(ledger):
            assert await effects(ledger) == stands
            await done(ledger, "y")
            assert "y" in await effects(ledger)

    async def test_atomic_what_is_left_behind_is_undone(self, ledger: Ledger) -> None:
        """Nobody gets in while somebody who cannot be stopped still uses the connection."""
        await ledger.results.create(SCHEMA)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with ledger.results.transaction() as transaction:
            put(transaction, "a")
            transaction.leave_behind(ended)
        later = asyncio.create_task(done(ledger, "b"))
        await asyncio.sleep(0.02)
        assert not later.done()
        put(transaction, "a2")
        ended.set_result(None)
        await later
        assert await effects(ledger) == ["b"]
        assert await recorded(ledger, "a", "b") == {"b": b'{"paid":160}'}

    async def test_atomic_a_caller_that_is_cancelled_leaves_no_half(self, ledger: Ledger) -> None:
        """What is being committed is committed all the same, and whole."""
        await ledger.results.create(SCHEMA)
        for n in range(6):
            going = asyncio.create_task(done(ledger, f"{n}"))
            for _ in range(n):
                await asyncio.sleep(0)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
        assert list(await recorded(ledger, *"012345")) == await effects(ledger)

    # --- alone ----------------------------------------------------------------------------------

    async def test_alone_one_after_the_other(self, ledger: Ledger) -> None:
        """First come, first served; none sees what another has half done."""
        await ledger.results.create(SCHEMA)
        order: list[int] = []

        async def count(n: int) -> None:
            async with ledger.results.transaction() as transaction:
                order.append(n)
                before = len(names(transaction))
                await asyncio.sleep(0)
                put(transaction, f"{before:02}")
                await asyncio.sleep(0)
                if n % 5:
                    await transaction.commit([result(f"{n}")])

        await asyncio.gather(*(count(n) for n in range(25)))
        assert order == list(range(25))
        assert await effects(ledger) == [f"{n:02}" for n in range(20)]

    async def test_alone_what_was_found_stays_so(self, ledger: Ledger) -> None:
        """Nothing is recorded meanwhile: whoever comes later finds what it has committed."""
        await ledger.results.create(SCHEMA)
        async with ledger.results.transaction() as transaction:
            later = asyncio.create_task(ledger.results.record([result("k", b'{"late":1}')]))
            await asyncio.sleep(0.02)
            assert not later.done()
            assert transaction.find(["k"]) == {}
            await transaction.commit([result("k")])
        await later
        assert await recorded(ledger, "k") == {"k": b'{"paid":160}'}

    async def test_alone_but_the_ledger_works_on(self, ledger: Ledger) -> None:
        """Entries that come meanwhile are committed, at the latest afterwards, apart from it."""
        await ledger.results.create(SCHEMA)
        async with ledger.results.transaction() as transaction:
            put(transaction, "a")
            other = asyncio.create_task(ledger.commit([Entry(message="m")]))
            await asyncio.sleep(0.02)
        assert await other == set()
        assert await ledger.seen(["m"]) == {"m"}
        assert await effects(ledger) == []

    # --- guarded --------------------------------------------------------------------------------

    @pytest.mark.parametrize("word", ["COMMIT", "END", "ROLLBACK", "ROLLBACK; BEGIN"])
    async def test_guarded_the_transaction_is_not_ended_inside(
        self, ledger: Ledger, word: str
    ) -> None:
        """Whoever tries is refused, or finds at the commit that nothing can be kept."""
        await ledger.results.create(SCHEMA)
        await done(ledger, "before")  # so that the adapter has used such statements itself
        refused = await _ends_it(ledger, word)
        assert refused is None or refused.remedy
        assert await effects(ledger) == (["before"] if refused else ["a", "before"])
        assert list(await recorded(ledger, "a")) == ([] if refused else ["a"])
        await done(ledger, "after")
        assert "after" in await effects(ledger)

    async def test_guarded_a_part_can_be_undone(self, ledger: Ledger) -> None:
        """With savepoints, as `with connection:` does."""
        await ledger.results.create(SCHEMA)
        async with ledger.results.transaction() as transaction:
            put(transaction, "a")
            with pytest.raises(ZeroDivisionError):
                _undoes_a_part(transaction)
            with transaction.connection:
                put(transaction, "c")
            await transaction.commit([result("a")])
        assert await effects(ledger) == ["a", "c"]

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM pavane_result",
            "UPDATE pavane_result SET output = NULL",
            "CREATE TABLE IF NOT EXISTS PAVANE_more (x)",
            "CREATE TEMP TABLE pavane_result (x)",
            "CREATE TRIGGER t AFTER INSERT ON pavane_result BEGIN SELECT 1; END",
        ],
    )
    async def test_guarded_the_ledgers_own_tables(self, ledger: Ledger, sql: str) -> None:
        """They are neither altered nor replaced, whatever was tried before."""
        await ledger.results.create(SCHEMA)
        await done(ledger, "a")
        for _ in range(2):
            async with ledger.results.transaction() as transaction:
                with pytest.raises(UsageError) as refusal:
                    transaction.connection.execute(sql)
                assert "pavane_" in refusal.value.message.lower()
                await transaction.commit([])
        assert list(await recorded(ledger, "a")) == ["a"]
        await done(ledger, "b")
        assert list(await recorded(ledger, "a", "b")) == ["a", "b"]

    async def test_guarded_reading_writes_nothing(self, ledger: Ledger) -> None:
        """Neither by mistake nor on purpose; the next one writes again."""
        await ledger.results.create(SCHEMA)
        async with ledger.results.transaction(read_only=True) as transaction:
            with pytest.raises(Exception, match=r"read-?only"):
                put(transaction, "a")
        assert await effects(ledger) == []
        await done(ledger, "b")
        assert await effects(ledger) == ["b"]


async def _breaks_off(ledger: Ledger) -> None:
    async with ledger.results.transaction() as transaction:
        put(transaction, "c")
        raise ZeroDivisionError


def _undoes_a_part(transaction: Transaction) -> None:
    with transaction.connection:
        put(transaction, "b")
        raise ZeroDivisionError


async def _ends_it(ledger: Ledger, word: str) -> UsageError | None:
    """A function that says the word and takes no notice of being refused; how its commit ends."""
    async with ledger.results.transaction() as transaction:
        put(transaction, "a")
        try:
            transaction.connection.execute(word)
        except Exception:  # noqa: BLE001  # it takes no notice
            await asyncio.sleep(0)
        try:
            await transaction.commit([result("a")])
        except UsageError as error:
            return error
    return None
