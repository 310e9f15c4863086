"""Promises 10 and 11: full, alone. And the life of a ledger."""

from __future__ import annotations

import pytest

from pavane.errors import StoreBusyError, StoreError, StoreFullError
from pavane.ports.ledger import Entry, Ledger
from pavane.testing.contracts.features import needs
from pavane.testing.contracts.ledger.harness import (
    ALONE,
    FULL,
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


def _large(n: int) -> Entry:
    """An execution with 20 KB of rows and as much in the log."""
    out = outgoing(f"{n}", data=b"0" * 20_000)
    return bare(f"large-{n}", rows={STEP: b"0" * 20_000}, records=[out])
