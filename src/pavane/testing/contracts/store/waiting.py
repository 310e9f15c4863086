"""Promise 6: ordered. What is due, and what a worker may take."""

from __future__ import annotations

from pavane.core.model.rows import Ready
from pavane.ports.store import Change, Store
from pavane.testing.contracts.store.harness import StoreHarness, each, header, one

_ALL = 1_000


def _holding(id: str, *rows: Ready, revision: int = 1, alarm_at: int = 0) -> Change:
    return Change(header(id, revision, alarm_at=alarm_at), ready=list(rows))


class WaitingTests(StoreHarness):
    """`due`, `next_alarm`, `ready`, `leases`."""

    async def test_ordered_due_earliest_first(self, store: Store) -> None:
        """By time, then execution, then ref; an execution's own alarm has no ref."""
        await store.commit(
            each(
                [
                    _holding("b", Ready("b", "y", 0, alarm_at=20), alarm_at=20),
                    _holding("a", Ready("a", "y", 0, alarm_at=20), Ready("a", "x", 0, alarm_at=20)),
                    _holding("c", Ready("c", "z", 0, alarm_at=5), Ready("c", "w", 0, alarm_at=31)),
                ]
            )
        )
        wanted = [(5, "c", "z"), (20, "a", "x"), (20, "a", "y"), (20, "b", ""), (20, "b", "y")]
        assert await store.due(30, _ALL) == wanted
        assert await store.due(20, _ALL) == wanted
        assert await store.due(19, _ALL) == wanted[:1]
        assert await store.due(4, _ALL) == []
        assert await store.due(31, _ALL) == [*wanted, (31, "c", "w")]
        assert await store.due(31, 2) == wanted[:2]
        assert await store.due(31, 0) == []

    async def test_ordered_alarms_move_and_go(self, store: Store) -> None:
        """An alarm counts as it was last written; 0 is none, and a mark has none."""
        assert await store.next_alarm() == 0
        first = _holding("a", Ready("a", "x", 0, alarm_at=10), alarm_at=40)
        await store.commit(one(first))
        assert await store.next_alarm() == 10
        second = _holding("a", Ready("a", "x", 0, alarm_at=50), revision=2, alarm_at=40)
        await store.commit(one(second))
        assert await store.next_alarm() == 40
        assert await store.due(99, _ALL) == [(40, "a", ""), (50, "a", "x")]
        await store.commit(one(_holding("a", revision=3, alarm_at=45)))
        assert await store.due(99, _ALL) == [(45, "a", ""), (50, "a", "x")]
        mark = Ready("a", "x", 0, alarm_at=50, mark="held")
        await store.commit(one(_holding("a", mark, revision=4, alarm_at=0)))
        assert await store.due(99, _ALL) == []
        assert await store.next_alarm() == 0
        await store.commit(one(_holding("a", Ready("a", "x", 0, alarm_at=7), revision=5)))
        assert await store.next_alarm() == 7
        await store.commit(one(Change(header("a", 6), closed=["x"])))
        assert await store.next_alarm() == 0

    async def test_ordered_a_leased_task_still_has_its_alarm(self, store: Store) -> None:
        """A lease that runs out is an alarm."""
        await store.commit(one(_holding("a", Ready("a", "x", 0, "q", alarm_at=9, worker="w"))))
        assert await store.due(9, _ALL) == [(9, "a", "x")]

    async def test_ordered_ready_earliest_first(self, store: Store) -> None:
        """By the time from which it may be taken, then execution, then ref."""
        rows = [
            Ready("b", "x", 0, "q", visible_at=20),
            Ready("a", "y", 0, "q", visible_at=20),
            Ready("a", "x", 0, "q", visible_at=20),
            Ready("a", "z", 3, "q", visible_at=30),
            Ready("b", "a", 0, "q", visible_at=5),
        ]
        a, b = (
            Change(header(id), ready=[row for row in rows if row.execution_id == id]) for id in "ab"
        )
        await store.commit(each([a, b]))
        wanted = [rows[4], rows[2], rows[1], rows[0], rows[3]]
        assert await store.ready("q", 30, _ALL) == wanted
        assert await store.ready("q", 29, _ALL) == wanted[:4]
        assert await store.ready("q", 20, 2) == wanted[:2]
        assert await store.ready("q", 4, _ALL) == []
        assert await store.ready("q", 30, 0) == []

    async def test_ordered_ready_the_highest_priority_first(self, store: Store) -> None:
        """Before what waits for longer; within one priority as ever; what is not due hides none."""
        rows = [
            Ready("a", "v", 0, "q", visible_at=1),
            Ready("a", "w", 0, "q", visible_at=2),
            Ready("a", "x", 0, "q", visible_at=3, priority=7),
            Ready("a", "y", 0, "q", visible_at=2, priority=7),
            Ready("a", "z", 0, "q", visible_at=90, priority=99),
            Ready("a", "u", 0, "q", visible_at=90, priority=3),
        ]
        await store.commit(one(_holding("a", *rows)))
        wanted = [rows[3], rows[2], rows[0], rows[1]]
        assert await store.ready("q", 9, _ALL) == wanted
        assert await store.ready("q", 9, 3) == wanted[:3]
        assert await store.ready("q", 2, _ALL) == [rows[3], rows[0], rows[1]]
        assert await store.ready("q", 90, 2) == [rows[4], rows[3]]
        await store.commit(one(Change(header("a", 2), closed=["y", "z"])))
        assert await store.ready("q", 90, 2) == [rows[2], rows[5]]

    async def test_ordered_ready_only_what_may_be_taken(self, store: Store) -> None:
        """Not what is leased, nor a mark, nor another queue's, nor what no worker takes."""
        rows = [
            Ready("a", "free", 0, "q", visible_at=1),
            Ready("a", "leased", 0, "q", visible_at=1, worker="w"),
            Ready("a", "held", 0, "q", visible_at=1, mark="held"),
            Ready("a", "other", 0, "p", visible_at=1),
            Ready("a", "timer", 0, "", visible_at=1, alarm_at=1),
        ]
        await store.commit(one(_holding("a", *rows)))
        assert await store.ready("q", 9, _ALL) == rows[:1]
        assert await store.ready("p", 9, _ALL) == [rows[3]]
        assert await store.ready("", 9, _ALL) == []
        assert await store.ready("nobody", 9, _ALL) == []

    async def test_ordered_ready_follows_leases(self, store: Store) -> None:
        """Taken, given back, taken for good."""
        free = Ready("a", "x", 0, "q", visible_at=1)
        taken = Ready("a", "x", 0, "q", visible_at=1, worker="w1")
        later = Ready("a", "x", 1, "q", visible_at=8)
        await store.commit(one(_holding("a", free)))
        await store.commit(one(_holding("a", taken, revision=2)))
        assert await store.ready("q", 9, _ALL) == []
        assert await store.leases("w") == [taken]
        await store.commit(one(_holding("a", later, revision=3)))
        assert await store.ready("q", 7, _ALL) == []
        assert await store.ready("q", 8, _ALL) == [later]
        assert await store.leases("w") == []
        await store.commit(one(Change(header("a", 4), closed=["x"])))
        assert await store.ready("q", 9, _ALL) == []

    async def test_ordered_leases_by_prefix(self, store: Store) -> None:
        """What the workers of one process hold, by execution and ref."""
        rows = [
            Ready("a", "z", 0, "q", worker="node-1/a"),
            Ready("a", "b", 0, "q", worker="node-1/b"),
            Ready("a", "c", 0, "q", worker="node-10/a"),
            Ready("a", "d", 0, "q", worker="Node-1/a"),
            Ready("a", "e", 0, "q", worker="node_1/%"),
            Ready("a", "f", 0, "q"),
        ]
        await store.commit(one(_holding("a", *rows)))
        assert await store.leases("node-1/") == [rows[1], rows[0]]
        assert await store.leases("node_1/") == [rows[4]]
        assert await store.leases("node-1/%") == []
        assert len(await store.leases("")) == 5
