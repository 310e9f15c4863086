"""Promise 13: own. The row of an execution itself, among those of its tasks."""

from __future__ import annotations

from pavane.core.model.rows import OWN, PAGE, Ready
from pavane.ports.store import Change, Store
from pavane.testing.contracts.store.harness import StoreHarness, each, header, one, opened

_ALL = 1_000


def _entering(id: str, at: int, priority: int = 0) -> Change:
    return Change(header(id), ready=[Ready(id, OWN, 0, "places", at, priority=priority)])


class OwnTests(StoreHarness):
    """Ready rows with the ref ""."""

    async def test_own_row_is_in_no_page(self, store: Store) -> None:
        """Whoever goes through the open tasks of an execution meets tasks only."""
        tasks = [Ready("a", f"t{n:03}", 0, "q") for n in range(PAGE)]
        own = Ready("a", OWN, 0, "places", worker="w")
        await store.commit(one(Change(header("a"), ready=[own, *tasks])))
        page = (await store.load({"a": {("open", "")}}))["a"].pages[""]
        assert page == tuple(tasks)
        async with store.snapshot() as view:
            assert await view.ready("a") == [own, *tasks]

    async def test_own_rows_wait_by_priority_and_then_by_age(self, store: Store) -> None:
        """Whatever their ids are; and only as many are given as were asked for."""
        changes = [_entering("c", 1), _entering("a", 2), _entering("b", 9, priority=1)]
        await store.commit(each(changes))
        rows = [change.ready[0] for change in changes]
        assert await store.ready("places", 1 << 62, _ALL) == [rows[2], rows[0], rows[1]]
        assert await store.ready("places", 1 << 62, 1) == [rows[2]]
        async with store.snapshot() as view:
            assert await view.queues() == {"places": 3}

    async def test_own_row_is_had_and_given_up(self, store: Store) -> None:
        """In the commits that write the header; also after a death."""
        await store.commit(each([_entering(id, at) for at, id in enumerate("abc")]))
        held = [Ready(id, OWN, 0, "places", worker="w") for id in "ab"]
        changes = [Change(header(row.execution_id, 2), ready=[row]) for row in held]
        await store.commit(each(changes))
        assert await store.leases("") == held
        await store.commit(one(Change(header("a", 3), closed=[OWN])))
        assert await store.leases("") == held[1:]
        async with opened(await self.die(store)) as reborn:
            assert await reborn.leases("") == held[1:]
            assert [row.execution_id for row in await reborn.ready("places", 9, _ALL)] == ["c"]
            async with reborn.snapshot() as view:
                assert await view.running() == {"places": 1}

    async def test_own_row_is_apart_from_the_alarm_of_the_execution(self, store: Store) -> None:
        """Both have the ref "": the alarm comes and goes without the row."""
        own = Ready("a", OWN, 0, "places", 1)
        await store.commit(one(Change(header("a", alarm_at=5), ready=[own])))
        assert await store.due(9, _ALL) == [(5, "a", "")]
        await store.commit(one(Change(header("a", 2))))
        assert await store.due(9, _ALL) == [] and await store.ready("places", 9, _ALL) == [own]
