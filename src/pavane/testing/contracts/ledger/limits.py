"""Promises 10 to 12: full, alone, leased. And the life of a ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from pavane.errors import LeaseLostError, StoreBusyError, StoreError, StoreFullError
from pavane.ports.ledger import Entry, Leased, Ledger
from pavane.testing.contracts.features import needs
from pavane.testing.contracts.ledger.harness import (
    ALONE,
    FULL,
    LEASED,
    STEP,
    LedgerHarness,
    bare,
    dump_of,
    first,
    opened,
    outgoing,
    revision,
    second,
)


class LimitTests(LedgerHarness):
    """Who may use a ledger, when, and how much it takes."""

    async def test_served_only_while_open(self, ledger: Ledger) -> None:
        """A closed ledger refuses; closing twice is fine."""
        await ledger.close()
        await ledger.close()
        with pytest.raises(StoreError):
            await ledger.commit([bare("a")])
        with pytest.raises(StoreError):
            await ledger.load({"a": []})
        with pytest.raises(StoreError):
            await ledger.log_after(0, 1)

    # --- full -----------------------------------------------------------------------------------

    @needs(FULL)
    async def test_full_is_said_and_nothing_is_written(self, ledger: Ledger) -> None:
        """Neither the first nor any other entry of the batch."""
        await ledger.commit([first("a"), first("b")])
        before = await dump_of(ledger, "a", "b")
        await self.fill(ledger)
        for _ in range(3):
            with pytest.raises(StoreFullError) as refusal:
                await ledger.commit([second("a"), *map(_large, range(40))])
            assert refusal.value.remedy
            assert await dump_of(ledger, "a", "b") == before

    @needs(FULL)
    async def test_full_passes_when_there_is_room(self, ledger: Ledger) -> None:
        """The same ledger works on, with the same batch."""
        await ledger.commit([first("a")])
        batch = [second("a"), *map(_large, range(40))]
        await self.fill(ledger)
        with pytest.raises(StoreFullError):
            await ledger.commit(batch)
        await self.make_room(ledger)
        assert await ledger.commit(batch) == set()
        before = await dump_of(ledger, "a", "large-7")
        assert await revision(ledger, "large-39") == 1
        async with opened(await self.die(ledger)) as reborn:
            assert await dump_of(reborn, "a", "large-7") == before

    # --- alone ----------------------------------------------------------------------------------

    @needs(ALONE)
    async def test_alone_a_second_process_is_refused(self, ledger: Ledger) -> None:
        """With an error that says what to do, and without harm to the first."""
        await ledger.commit([first("a")])
        standby = await self.again(ledger)
        for _ in range(2):
            with pytest.raises(StoreBusyError) as refusal:
                await standby.open()
            assert refusal.value.remedy
        await standby.close()
        assert await ledger.commit([second("a")]) == set()

    @needs(ALONE)
    async def test_alone_again_after_the_first_has_gone(self, ledger: Ledger) -> None:
        """Neither closing nor dying leaves the data locked."""
        await ledger.commit([first("a")])
        await ledger.close()
        standby = await self.again(ledger)
        await standby.open()
        third = await self.die(standby)
        async with opened(third):
            assert await revision(third, "a") == 1

    # --- leased ---------------------------------------------------------------------------------

    @needs(LEASED)
    async def test_leased_what_is_silent_is_taken_over(self, ledger: Ledger) -> None:
        """All that it committed is there, and nothing that it would write later."""
        assert isinstance(ledger, Leased)
        await ledger.commit([first("a")])
        await self.silence(ledger)
        assert await ledger.commit([first("b")]) == set()  # nobody has taken it over yet
        await ledger.keep_offset("bus", 7)
        async with self._taken_over(ledger) as other:
            before = await dump_of(other, "a", "b", "c")
            for entry in (second("a"), first("c"), second("b")):
                with pytest.raises(LeaseLostError) as refusal:
                    await ledger.commit([entry])
                assert refusal.value.remedy
            async with asyncio.timeout(self.patience_s):
                await ledger.lost()
            assert ledger.is_lost
            with pytest.raises(LeaseLostError):
                await ledger.load({"a": []})
            with pytest.raises(LeaseLostError):
                await ledger.prune(1 << 60, 1 << 60)
            await ledger.close()
            assert await dump_of(other, "a", "b", "c") == before
            assert await other.offset("bus") == 0
            assert await other.commit([second("a"), first("c")]) == set()
            assert isinstance(other, Leased)
            assert not other.is_lost

    @needs(LEASED)
    async def test_leased_who_was_put_out_stands_by(self, ledger: Ledger) -> None:
        """It is refused like anybody else, until the other one has gone; then it serves again."""
        await ledger.commit([first("a")])
        await self.silence(ledger)
        async with self._taken_over(ledger) as other:
            assert await other.commit([second("a")]) == set()
            await ledger.close()
            with pytest.raises(StoreBusyError):
                await ledger.open()
        async with asyncio.timeout(self.patience_s):
            await ledger.open()
        assert isinstance(ledger, Leased)
        assert not ledger.is_lost
        assert await revision(ledger, "a") == 2
        assert await ledger.commit([first("c")]) == set()

    @needs(LEASED)
    async def test_leased_signs_of_life_keep_it(self, ledger: Ledger) -> None:
        """Who stands by and looks again and again is refused as long as they come."""
        standby = await self.again(ledger)
        for _ in range(30):
            with pytest.raises(StoreBusyError):
                await standby.open()
            await asyncio.sleep(0.02)
        assert await ledger.commit([first("a")]) == set()

    @asynccontextmanager
    async def _taken_over(self, ledger: Ledger) -> AsyncGenerator[Ledger]:
        standby = await self.again(ledger)
        async with asyncio.timeout(self.patience_s):
            while True:
                try:
                    await standby.open()
                    break
                except StoreBusyError:
                    await asyncio.sleep(0.02)
        try:
            yield standby
        finally:
            await standby.close()


def _large(n: int) -> Entry:
    """An execution with 20 KB of rows and as much in the log."""
    out = outgoing(f"{n}", data=b"0" * 20_000)
    return bare(f"large-{n}", rows={STEP: b"0" * 20_000}, records=[out])
