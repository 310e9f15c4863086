"""Promises 4, 5 and 10: visible, newest, paged."""

from __future__ import annotations

import asyncio

from pavane.core.model.rows import PAGE, Ready, Value
from pavane.ports.store import Change, Store, StoredWorkflow
from pavane.testing.contracts.store.harness import (
    StoreHarness,
    each,
    finish,
    header,
    load,
    one,
    revision,
    start,
    task,
)


class ReadingTests(StoreHarness):
    """What `load` finds."""

    # --- visible --------------------------------------------------------------------------------

    async def test_visible_what_was_committed_is_loaded(self, store: Store) -> None:
        """After each commit the next load sees it, though it has loaded the same before."""
        await store.commit(one(start("a")))
        for n in range(2, 10):
            assert await revision(store, "a") == n - 1
            body = str(n).encode()
            changed = task("a", "reserve", polls=n)
            values = [Value("a", "var:n", body)]
            await store.commit(one(Change(header("a", n), tasks=[changed], values=values)))
            rows = await load(store, "a", ("task", "reserve"), ("value", "var:n"))
            assert rows.header == header("a", n)
            assert rows.tasks["reserve"] is not None
            assert rows.tasks["reserve"].polls == n
            assert rows.values["var:n"] == body

    async def test_visible_while_others_commit(self, store: Store) -> None:
        """Loads in between commits under way see whatever was answered before they began."""

        async def run(id: str) -> None:
            await store.commit(one(start(id)))
            for n in range(2, 6):
                assert await revision(store, id) == n - 1
                assert await store.commit(one(finish(id, n))) == set()

        await asyncio.gather(*(run(f"{n}") for n in range(20)))

    async def test_visible_what_is_not_there_is_none(self, store: Store) -> None:
        """Every execution and key that was asked for is in the answer."""
        await store.commit(one(start("a")))
        keys = {("task", "nobody"), ("value", "nothing"), ("open", "zzz")}
        found = await store.load({"a": keys, "b": keys, "c": set()})
        assert set(found) == {"a", "b", "c"}
        for id in "ab":
            assert found[id].tasks == {"nobody": None}
            assert found[id].values == {"nothing": None}
            assert found[id].pages == {"zzz": ()}
        assert found["a"].header is not None
        assert found["b"].header is None
        assert found["c"].header is None

    async def test_visible_hundreds_of_executions_at_once(self, store: Store) -> None:
        """Each execution gets its own rows."""
        ids = [f"{n:03}" for n in range(300)]
        changes = [start(id) for id in ids]
        for id, change in zip(ids, changes, strict=True):
            change.values = [Value(id, "input", id.encode())]
        await store.commit(each(changes))
        keys = frozenset({("task", "reserve"), ("value", "input"), ("open", "")})
        found = await store.load(dict.fromkeys(ids, keys))
        for id in ids:
            rows = found[id]
            assert rows.header is not None
            assert rows.header.id == id
            assert rows.tasks["reserve"] is not None
            assert rows.tasks["reserve"].execution_id == id
            assert rows.values["input"] == id.encode()
            assert [ready.execution_id for ready in rows.pages[""]] == [id]

    async def test_visible_a_loaded_header_is_the_callers_own(self, store: Store) -> None:
        """What the decider does to a header touches nobody before it is committed."""
        await store.commit(one(start("a")))
        found = (await load(store, "a")).header
        assert found is not None
        found.status = "FAILED"
        assert (await load(store, "a")).header == header("a")
        written = header("a", 2)
        await store.commit(one(Change(written)))
        written.status = "FAILED"
        assert (await load(store, "a")).header == header("a", 2)

    async def test_visible_definitions(self, store: Store) -> None:
        """Definitions are kept by hash once, registrations and tasks by name replace."""
        await store.put_definition("h1", b"1", 5)
        await store.put_definition("h1", b"other", 6)
        await store.put_definition("h2", b"2", 7)
        assert await store.definition("h1") == b"1"
        assert await store.definition("h2") == b"2"
        assert await store.definition("h3") is None
        await store.put_workflow(StoredWorkflow("b", 1, "h1", 5))
        await store.put_workflow(StoredWorkflow("a", 10, "h1", 5))
        await store.put_workflow(StoredWorkflow("a", 9, "h2", 5))
        await store.put_workflow(StoredWorkflow("b", 1, "h2", 8))
        assert await store.workflows() == [
            StoredWorkflow("a", 9, "h2", 5),
            StoredWorkflow("a", 10, "h1", 5),
            StoredWorkflow("b", 1, "h2", 8),
        ]
        await store.put_task_definitions({"x": b"1", "y": b"2"})
        await store.put_task_definitions({"x": b"3"})
        await store.put_task_definitions({})
        assert await store.task_definitions() == {"x": b"3", "y": b"2"}

    # --- newest ---------------------------------------------------------------------------------

    async def test_newest_attempt_is_loaded(self, store: Store) -> None:
        """By number, not by text nor by time of writing."""
        await store.commit(one(start("a")))
        for attempt in range(1, 12):
            row = task("a", "reserve", attempt, seq=attempt + 1)
            await store.commit(one(Change(header("a", attempt + 1), new_tasks=[row])))
            assert (await load(store, "a", ("task", "reserve"))).tasks["reserve"] == row
        old = task("a", "reserve", 2, status="FAILED", reason="late")
        await store.commit(one(Change(header("a", 13), tasks=[old])))
        found = (await load(store, "a", ("task", "reserve"))).tasks["reserve"]
        assert found is not None
        assert found.attempt == 11

    async def test_newest_leaves_older_attempts_readable(self, store: Store) -> None:
        """Every attempt keeps its own record."""
        rows = [task("a", "reserve", n, seq=n, reason=f"{n}") for n in range(4)]
        await store.commit(one(Change(header("a"), new_tasks=[rows[2], rows[0]])))
        await store.commit(one(Change(header("a", 2), new_tasks=[rows[3], rows[1]])))
        async with store.snapshot() as view:
            assert await view.tasks("a") == rows

    # --- paged ----------------------------------------------------------------------------------

    async def test_paged_every_open_row_by_ref(self, store: Store) -> None:
        """Pages of PAGE rows behind the ref that was asked for, until one is short."""
        refs = sorted(f"branch_{n}" for n in range(2 * PAGE + 30))
        rows = [Ready("a", ref, 0, "q", mark="" if n % 3 else "held") for n, ref in enumerate(refs)]
        await store.commit(one(Change(header("a"), ready=rows[::-1])) + one(start("b")))
        pages: list[tuple[Ready, ...]] = []
        after = ""
        for _ in range(4):
            if page := (await load(store, "a", ("open", after))).pages[after]:
                pages.append(page)
                after = page[-1].ref
        assert [len(page) for page in pages] == [PAGE, PAGE, 30]
        assert [ready for page in pages for ready in page] == rows

    async def test_paged_only_what_is_open(self, store: Store) -> None:
        """Rows that were closed or replaced do not come; order is by code point."""
        refs = ["B", "a", "ab", "b", "é", "\u4e00", "\U0001f600"]
        rows = [Ready("a", ref, 0, "q") for ref in refs]
        await store.commit(one(Change(header("a"), ready=rows)))
        moved = Ready("a", "b", 1, "q", worker="w")
        await store.commit(one(Change(header("a", 2), ready=[moved], closed=["a", "b", "none"])))
        wanted = [rows[0], rows[2], moved, *rows[4:]]
        found = (await load(store, "a", ("open", ""), ("open", "ab"))).pages
        assert list(found[""]) == wanted
        assert list(found["ab"]) == wanted[2:]
