"""Promises 8 and 9: alone, full. And the life of a store."""

from __future__ import annotations

import pytest

from pavane.core.model.rows import Value
from pavane.errors import StoreBusyError, StoreError, StoreFullError
from pavane.ports.store import Change, Store
from pavane.testing.contracts.store.harness import (
    ALONE,
    FULL,
    StoreHarness,
    dump,
    each,
    finish,
    needs,
    one,
    opened,
    revision,
    start,
)


class LimitTests(StoreHarness):
    """Who may use a store, when, and how much it takes."""

    async def test_served_only_while_open(self, store: Store) -> None:
        """A closed store refuses; closing twice is fine."""
        await store.close()
        await store.close()
        with pytest.raises(StoreError):
            await store.commit(one(start("a")))
        with pytest.raises(StoreError):
            await store.load({"a": set()})

    # --- alone ----------------------------------------------------------------------------------

    @needs(ALONE)
    async def test_alone_a_second_server_is_refused(self, store: Store) -> None:
        """With an error that says what to do, and without harm to the first."""
        await store.commit(one(start("a")))
        second = await self.again(store)
        with pytest.raises(StoreBusyError) as refusal:
            await second.open()
        assert refusal.value.remedy
        assert await store.commit(one(finish("a"))) == set()

    @needs(ALONE)
    async def test_alone_again_after_the_first_has_gone(self, store: Store) -> None:
        """Neither closing nor dying leaves the data locked."""
        await store.commit(one(start("a")))
        await store.close()
        second = await self.again(store)
        await second.open()
        third = await self.die(second)
        async with opened(third):
            assert await revision(third, "a") == 1

    # --- full -----------------------------------------------------------------------------------

    @needs(FULL)
    async def test_full_is_said_and_nothing_is_written(self, store: Store) -> None:
        """Neither the first nor any other unit of the batch."""
        await store.commit(each([start("a"), start("b")]))
        before = await dump(store)
        await self.fill(store)
        for _ in range(3):
            with pytest.raises(StoreFullError) as refusal:
                await store.commit([*one(finish("a")), *each([_large(n) for n in range(40)])])
            assert refusal.value.remedy
            assert await dump(store) == before

    @needs(FULL)
    async def test_full_passes_when_there_is_room(self, store: Store) -> None:
        """The same store works on, with the same batch."""
        await store.commit(one(start("a")))
        batch = [*one(finish("a")), *each([_large(n) for n in range(40)])]
        await self.fill(store)
        with pytest.raises(StoreFullError):
            await store.commit(batch)
        await self.make_room(store)
        assert await store.commit(batch) == set()
        before = await dump(store)
        assert before["a"]["header"]["status"] == "COMPLETED"
        async with opened(await self.die(store)) as reborn:
            assert await dump(reborn) == before


def _large(n: int) -> Change:
    """An execution of 20 KB."""
    change = start(f"large-{n:02}")
    change.values = [Value(change.header.id, "input", b"0" * 20_000)]
    return change
