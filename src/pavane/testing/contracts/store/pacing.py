"""Promise 12: paced. And how many of each task workers have."""

from __future__ import annotations

from pavane.core.model.pace import Pace, Rate
from pavane.core.model.rows import Ready
from pavane.ports.store import Bound, Change, Store, Unit
from pavane.testing.contracts.store.harness import StoreHarness, finish, header, one, opened, start

_FEW = Rate(3, 100)
_MANY = Rate(250, 100)  # so many that three share a group


def _begin(task: str, rate: Rate, at: int, count: int = 1) -> Bound:
    return Bound(task, rate.many, count, rate.within_ms, at)


async def _noted(store: Store) -> dict[str, list[tuple[int, int]]]:
    return {task: Pace.of(body).groups() for task, body in (await store.paces()).items()}


class PacingTests(StoreHarness):
    """`paces`, noted with units; `running`."""

    async def test_paced_what_begins_is_noted(self, store: Store) -> None:
        """Of each task by itself, whichever unit it came with."""
        assert await store.paces() == {}
        first = Unit([start("a")], [_begin("x", _FEW, 1000), _begin("y", _FEW, 1000)])
        second = Unit([start("b")], [_begin("x", _FEW, 1001, 2)])
        assert await store.commit([first, second]) == set()
        assert await _noted(store) == {
            "x": [(1000, 1), (1001, 1), (1001, 1)],
            "y": [(1000, 1)],
        }
        assert await store.commit([Unit([finish("a")], [_begin("y", _FEW, 1005)])]) == set()
        assert (await _noted(store))["y"] == [(1000, 1), (1005, 1)]

    async def test_paced_as_a_pace_says_it(self, store: Store) -> None:
        """What is too old is forgotten, what lies ahead has just begun, many share a group."""
        pace, begun = Pace(), [(1000, 2), (1001, 5), (1002, 1), (1090, 7), (1101, 1), (1050, 2)]
        for revision, (at, count) in enumerate(begun, 1):
            assert pace.room(_MANY, at) >= count
            for _ in range(count):
                pace.note(_MANY, at)
            unit = Unit([Change(header("a", revision))], [_begin("x", _MANY, at, count)])
            assert await store.commit([unit]) == set()
            assert await _noted(store) == {"x": pace.groups()}, at

    async def test_paced_no_more_than_may_begin(self, store: Store) -> None:
        """A unit that is too much loses, beside others, and begins once there is room again."""
        units = [Unit([start(f"a{n}")], [_begin("x", _FEW, 1000)]) for n in range(5)]
        assert await store.commit(units) == {3, 4}
        assert await _noted(store) == {"x": [(1000, 1)] * 3}
        late = Unit([start("b")], [_begin("x", _FEW, 1099)])
        other = Unit([start("c")], [_begin("y", _FEW, 1099)])
        assert await store.commit([late, other]) == {0}
        assert await store.commit([Unit([start("b")], [_begin("x", _FEW, 1100)])]) == set()
        assert (await _noted(store))["x"] == [(1100, 1)]

    async def test_paced_with_its_unit_or_not_at_all(self, store: Store) -> None:
        """A unit that loses leaves nothing, beside others that win."""
        await store.commit(one(start("a")))
        late = Unit([start("a")], [_begin("x", _FEW, 1)])
        assert await store.commit([late]) == {0}
        assert await store.paces() == {}
        wins = Unit([start("b")], [_begin("y", _FEW, 1)])
        assert await store.commit([late, wins, late]) == {0, 2}
        assert await _noted(store) == {"y": [(1, 1)]}

    async def test_paced_after_a_death_too(self, store: Store) -> None:
        """A rate holds across a kill -9."""
        await store.commit([Unit([start("a")], [_begin("x", _FEW, 1)])])
        async with opened(await self.die(store)) as reborn:
            assert await _noted(reborn) == {"x": [(1, 1)]}

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
