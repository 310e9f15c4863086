"""Promise 7: isolated. And what a snapshot shows."""

from __future__ import annotations

import asyncio

from pavane.core.model.rows import Header, Ready
from pavane.core.model.status import COMPLETED, EXECUTION_CHANGES, FAILED, RUNNING
from pavane.ports.store import Change, Search, Snapshot, Store
from pavane.testing.contracts.store.harness import (
    DENSE,
    StoreHarness,
    dump,
    each,
    finish,
    header,
    needs,
    one,
    start,
    task,
)

_READERS = 6


class ViewTests(StoreHarness):
    """What `snapshot` gives."""

    # --- isolated -------------------------------------------------------------------------------

    async def test_isolated_a_snapshot_does_not_change(self, store: Store) -> None:
        """Whatever commits meanwhile, every view shows the moment it was taken."""
        await store.commit(each([start("a"), start("b")]))

        async def look(view: Snapshot) -> list[object]:
            return [
                await view.header("a"),
                await view.header("c"),
                await view.tasks("a"),
                await view.values("a"),
                await view.ready("a"),
                await view.search(Search()),
                await view.counts(),
                await view.log("a"),
                await view.log_after(0, 99),
                await view.queues(),
            ]

        async with store.snapshot() as view:
            before = await look(view)
            assert await store.commit(each([finish("a"), start("c"), start("d")])) == set()
            assert await look(view) == before
            async with store.snapshot() as fresh:
                after = await look(fresh)
                assert all(old != new for old, new in zip(before, after, strict=True))
                await store.commit(each([finish("b"), finish("c")]))
                assert await look(fresh) == after
            assert await look(view) == before

    async def test_isolated_a_snapshot_unread_does_not_change_either(self, store: Store) -> None:
        """The moment is that of taking it, not that of the first look."""
        await store.commit(one(start("a")))
        async with store.snapshot() as view:
            await store.commit(one(finish("a")))
            assert await view.header("a") == header("a")

    async def test_isolated_snapshots_do_not_hold_commits_up(self, store: Store) -> None:
        """Commits end while many snapshots are open and read."""
        await store.commit(each([start(f"{n}") for n in range(50)]))
        stop = asyncio.Event()
        inside: list[Snapshot] = []
        all_inside = asyncio.Event()

        async def read() -> None:
            async with store.snapshot() as view:
                inside.append(view)
                if len(inside) == _READERS:
                    all_inside.set()
                while not stop.is_set():
                    await view.search(Search())
                    await view.counts()
                    await asyncio.sleep(0)

        readers = [asyncio.ensure_future(read()) for _ in range(_READERS)]
        try:
            await all_inside.wait()
            for n in range(50):
                async with asyncio.timeout(self.patience_s):
                    await store.commit(one(finish(f"{n}")))
        finally:
            stop.set()
            await asyncio.gather(*readers)
        async with store.snapshot() as view:
            assert await view.counts() == {("fulfil_order", COMPLETED): 50}

    async def test_isolated_a_reader_that_fails_lets_go(self, store: Store) -> None:
        """Leaving by an error or a cancellation releases the snapshot."""
        await store.commit(one(start("a")))
        for _ in range(20):
            try:
                async with store.snapshot() as view:
                    await view.counts()
                    raise ZeroDivisionError
            except ZeroDivisionError:
                pass
            reading = asyncio.ensure_future(dump(store))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        await store.commit(one(finish("a")))
        async with store.snapshot() as view:
            assert await view.header("a") == finish("a").header

    # --- what it shows --------------------------------------------------------------------------

    async def test_shown_nothing_of_an_unknown_execution(self, store: Store) -> None:
        """An unknown id is no error."""
        async with store.snapshot() as view:
            assert await view.header("nobody") is None
            assert await view.tasks("nobody") == []
            assert await view.values("nobody") == {}
            assert await view.ready("nobody") == []
            assert await view.log("nobody") == []
            assert await view.search(Search()) == []
            assert await view.counts() == {}
            assert await view.log_after(0, 10) == []
            assert await view.queues() == {}

    async def test_shown_tasks_by_seq(self, store: Store) -> None:
        """In the order in which they were scheduled, many of them."""
        rows = [task("a", f"step_{n}", seq=n) for n in range(1, 701)]
        await store.commit(one(Change(header("a"), new_tasks=rows[::-1])) + one(start("b")))
        async with store.snapshot() as view:
            assert await view.tasks("a") == rows

    async def test_shown_search(self, store: Store) -> None:
        """Every filter alone and together, newest id first, up to the limit, from `before` on."""
        statuses = sorted(filter(None, EXECUTION_CHANGES))
        changes = [
            Change(
                header(
                    f"{n:03}",
                    workflow="xy"[n % 2],
                    status=statuses[n % len(statuses)],
                    key=f"key-{n // 2}" if n % 5 == 0 else "",
                    parent_id=f"{n % 7:03}" if n % 3 == 0 and n > 6 else "",
                )
            )
            for n in range(120)
        ]
        await store.commit(each(changes))
        headers = [change.header for change in reversed(changes)]
        async with store.snapshot() as view:
            for wanted in _searches():
                fitting = [found for found in headers if _fits(wanted, found)]
                assert await view.search(wanted) == fitting[: wanted.limit], wanted

    async def test_shown_counts(self, store: Store) -> None:
        """By workflow and status, after changes of status."""
        await store.commit(each([start(f"{n}") for n in range(4)] + [start("x", workflow="w2")]))
        await store.commit(each([finish("0"), Change(header("1", 2, status=FAILED))]))
        async with store.snapshot() as view:
            assert await view.counts() == {
                ("fulfil_order", RUNNING): 2,
                ("fulfil_order", COMPLETED): 1,
                ("fulfil_order", FAILED): 1,
                ("w2", RUNNING): 1,
            }

    async def test_shown_log(self, store: Store) -> None:
        """One record per change with entries, positions rising in the order of the batch."""
        silent = Change(header("c"))
        await store.commit(each([start("b"), start("a"), silent]))
        await store.commit(each([finish("a"), finish("b")]))
        async with store.snapshot() as view:
            log = await view.log_after(0, 99)
            assert [(e.execution_id, e.at, e.entries) for e in log] == [
                ("b", 1000, b'["started"]'),
                ("a", 1000, b'["started"]'),
                ("a", 2000, b'["completed"]'),
                ("b", 2000, b'["completed"]'),
            ]
            positions = [entry.position for entry in log]
            assert positions == sorted(set(positions))
            assert await view.log_after(positions[1], 1) == log[2:3]
            assert await view.log_after(positions[3], 9) == []
            assert await view.log("a") == [log[1], log[2]]
            assert await view.log("c") == []

    @needs(DENSE)
    async def test_shown_a_unit_that_lost_leaves_no_gap_in_the_log(self, store: Store) -> None:
        """A follower of the log waits for no position that never comes."""
        await store.commit(one(start("a")))
        await store.commit(each([start("b"), start("a"), start("c")]))
        async with store.snapshot() as view:
            positions = [entry.position for entry in await view.log_after(0, 99)]
        assert positions == list(range(positions[0], positions[0] + 3))

    async def test_shown_queues(self, store: Store) -> None:
        """What waits for a worker now or later; not what is leased, marked or nobody's."""
        rows = [
            Ready("a", "1", 0, "q", visible_at=1),
            Ready("a", "2", 0, "q", visible_at=1 << 50),
            Ready("a", "3", 0, "q", worker="w"),
            Ready("a", "4", 0, "p", mark="frontier"),
            Ready("a", "5", 0, ""),
            Ready("a", "6", 0, "r"),
        ]
        await store.commit(one(Change(header("a"), ready=rows)))
        async with store.snapshot() as view:
            assert await view.queues() == {"q": 2, "r": 1}


def _searches() -> list[Search]:
    return [
        Search(
            workflow=workflow, statuses=statuses, key=key, parent_id=parent, before=before, limit=n
        )
        for workflow in ("", "x", "nobody")
        for statuses in ((), (RUNNING,), (FAILED, COMPLETED, FAILED))
        for key in ("", "key-5")
        for parent in (None, "", "003")
        for before in ("", "077")
        for n in (1, 7, 1000)
    ]


def _fits(wanted: Search, found: Header) -> bool:
    """The filters once more, in words of their own."""
    if wanted.workflow and found.workflow != wanted.workflow:
        return False
    if wanted.statuses and found.status not in wanted.statuses:
        return False
    if wanted.key and found.key != wanted.key:
        return False
    if wanted.parent_id is not None and found.parent_id != wanted.parent_id:
        return False
    return not wanted.before or found.id < wanted.before
