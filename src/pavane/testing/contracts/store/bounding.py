"""Promise 14: bounded. Of a queue no more is leased than its bound says, whoever commits."""

from __future__ import annotations

import asyncio

from pavane.core.model.rows import OWN, PLACE, Ready
from pavane.ports.store import Bound, Change, Store, Unit
from pavane.testing.contracts.store.harness import StoreHarness, header, needs, opened
from pavane.testing.contracts.store.members import SHARED, MemberTests


def _lease(
    id: str, *refs: str, queue: str = "q", most: int = 2, revision: int = 1, worker: str = "w"
) -> Unit:
    """A unit in which a worker takes tasks of an execution."""
    rows = [Ready(id, ref, 0, queue, worker=worker) for ref in refs]
    return Unit([Change(header(id, revision), ready=rows)], [Bound(queue, most, len(refs))])


class BoundingTests(MemberTests, StoreHarness):
    """`bounds` and `held`."""

    async def test_bounded_units_lose_that_are_too_many(self, store: Store) -> None:
        """Those that come first have the places; others of the batch win beside them."""
        free = Unit([Change(header("free"), ready=[Ready("free", "a", 0, "q", worker="w")])])
        other = _lease("other", "a", queue="p")
        units = [_lease("a", "x"), _lease("b", "x", "y"), _lease("c", "x"), other, _lease("d", "x")]
        assert await store.commit(units) == {1, 4}
        assert [each.execution_id for each in await store.held(["q"])] == ["a", "c"]
        assert await store.commit([free]) == set(), "who names no bound has none"
        assert await store.commit([_lease("b", "x", most=4)]) == set()
        held = await store.held(["p", "q", "nobody"])
        assert [each.execution_id for each in held] == ["a", "b", "c", "free", "other"]

    async def test_bounded_by_what_is_leased_and_nothing_else(self, store: Store) -> None:
        """Not by what waits, is held back, or has another queue."""
        rows = [
            Ready("a", "a", 0, "q"),
            Ready("a", "b", 0, "q", mark="held"),
            Ready("a", "c", 0, "p", worker="w"),
            Ready("a", "d", 0, "q", worker="w"),
        ]
        await store.commit([Unit([Change(header("a"), ready=rows)])])
        assert await store.held(["q"]) == rows[3:]
        assert await store.commit([_lease("b", "x"), _lease("c", "x")]) == {1}

    async def test_bounded_until_a_lease_ends(self, store: Store) -> None:
        """Closed, given back, parked or taken by an execution: however it does."""
        assert await store.commit([_lease("a", "x", "y")]) == set()
        for n, end in enumerate((Ready("a", "x", 0, "q"), Ready("a", "y", 0, mark="parked"), None)):
            assert await store.commit([_lease(f"b{n}", "x")]) == {0}
            change = Change(header("a", n + 2))
            if end is None:
                change = Change(header("b0", 2), closed=["x"])
            else:
                change.ready = [end]
            taken = _lease(f"b{n}", "x")
            assert await store.commit([Unit([change]), taken]) == {1}, "as it was before the batch"
            assert await store.commit([taken]) == set()
        assert len(await store.held(["q"])) == 2

    async def test_bounded_places_of_executions(self, store: Store) -> None:
        """Their own rows count in their queue like those of tasks."""
        units = [
            Unit(
                [Change(header(id), ready=[Ready(id, OWN, 0, "lane", worker=PLACE)])],
                [Bound("lane", 1)],
            )
            for id in "ab"
        ]
        assert await store.commit(units) == {1}
        assert [each.ref for each in await store.held(["lane"])] == [OWN]

    async def test_bounded_in_all_ways_at_once(self, store: Store) -> None:
        """A unit that loses by one bound takes nothing of the other."""
        both = [Bound("q", 2), Bound("x", 1, within_ms=100, at=1000)]
        units = [_lease("a", "x"), _lease("b", "x"), _lease("c", "x")]
        for unit in units:
            unit.bounds = both
        assert await store.commit(units) == {1, 2}
        assert await store.commit([_lease("d", "x")]) == set()

    async def test_bounded_after_a_death_too(self, store: Store) -> None:
        """Leases are all that is counted."""
        await store.commit([_lease("a", "x", "y")])
        async with opened(await self.die(store)) as reborn:
            assert await reborn.commit([_lease("b", "x")]) == {0}

    @needs(SHARED)
    async def test_bounded_for_all_at_the_same_moment(self, store: Store) -> None:
        """Stores on the same rows take places side by side, and there are never too many."""
        async with opened(await self.beside(store)) as one, opened(await self.beside(store)) as two:
            for turn in range(8):
                queue, stores = f"q{turn}", (store, one, two)
                batches = [
                    [_lease(f"{turn}-{n}-{m}", "x", queue=queue, most=4) for m in range(3)]
                    for n in range(3)
                ]
                for n, batch in enumerate(batches):
                    begin = Bound("x", 5, within_ms=10, at=100 * turn + 1)
                    batch.append(Unit([Change(header(f"{turn}-{n}"))], [begin, begin]))
                writing = [each.commit(batch) for each, batch in zip(stores, batches, strict=True)]
                lost = await asyncio.gather(*writing)
                assert len(await store.held([queue])) == 4
                assert sum(len(each - {3}) for each in lost) == 5
                assert sum(3 in each for each in lost) == 1
