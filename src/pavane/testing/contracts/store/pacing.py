"""Promise 12: paced. And how many of each task workers have."""

from __future__ import annotations

from pavane.core.model.rows import Ready
from pavane.ports.store import Change, Store, Unit
from pavane.testing.contracts.store.harness import StoreHarness, finish, header, one, opened, start


class PacingTests(StoreHarness):
    """`paces`, written with units; `running`."""

    async def test_paced_what_was_written_last_is_there(self, store: Store) -> None:
        """Of each task by itself, whichever unit it came with."""
        assert await store.paces() == {}
        first = Unit([start("a")], {"x": b"[1]", "y": b"[2]"})
        second = Unit([start("b")], {"x": b"[3]"})
        assert await store.commit([first, second]) == set()
        assert await store.paces() == {"x": b"[3]", "y": b"[2]"}
        assert await store.commit([Unit([finish("a")], {"y": b"[4]"})]) == set()
        assert await store.paces() == {"x": b"[3]", "y": b"[4]"}

    async def test_paced_with_its_unit_or_not_at_all(self, store: Store) -> None:
        """A unit that loses leaves nothing, beside others that win."""
        await store.commit(one(start("a")))
        late = Unit([start("a")], {"x": b"[1]"})
        assert await store.commit([late]) == {0}
        assert await store.paces() == {}
        wins = Unit([start("b")], {"y": b"[2]"})
        assert await store.commit([late, wins, late]) == {0, 2}
        assert await store.paces() == {"y": b"[2]"}

    async def test_paced_after_a_death_too(self, store: Store) -> None:
        """A rate holds across a kill -9."""
        await store.commit([Unit([start("a")], {"x": b"[1]"})])
        async with opened(await self.die(store)) as reborn:
            assert await reborn.paces() == {"x": b"[1]"}

    async def test_views_count_what_runs(self, store: Store) -> None:
        """By queue: what workers have, not what waits, nor what is held."""
        rows = [
            Ready("a", "b", 0, "q", worker="w1"),
            Ready("a", "c", 0, "q", worker="w2"),
            Ready("a", "d", 0, "q"),
            Ready("a", "e", 0, "p", worker="w1"),
            Ready("a", "f", 0, "r"),
            Ready("a", "g", 0, mark="held"),
        ]
        async with store.snapshot() as view:
            assert await view.running() == {}
        await store.commit(one(Change(header("a"), ready=rows)))
        async with store.snapshot() as view:
            await store.commit(one(Change(header("a", 2), closed=["b"])))
            assert await view.running() == {"p": 1, "q": 2}
        async with store.snapshot() as view:
            assert await view.running() == {"p": 1, "q": 1}
