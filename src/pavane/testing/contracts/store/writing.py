"""Promises 1 to 3: atomic, fenced, durable."""

from __future__ import annotations

import asyncio
from typing import Any

from pavane.core.model.rows import Value
from pavane.core.model.status import COMPLETED
from pavane.ports.store import Change, Search, Store, StoredWorkflow, Unit
from pavane.testing.contracts.store.harness import (
    StoreHarness,
    dump,
    each,
    finish,
    header,
    load,
    one,
    opened,
    revision,
    start,
    task,
)


class WritingTests(StoreHarness):
    """What `commit` writes, what it refuses, what survives."""

    # --- atomic ---------------------------------------------------------------------------------

    async def test_atomic_a_unit_writes_every_row(self, store: Store) -> None:
        """All kinds of rows of a unit are there after it, and its changes after the next."""
        assert await store.commit(one(start("a"))) == set()
        rows = await load(store, "a", ("task", "reserve"), ("value", "input"), ("open", ""))
        assert rows.header == header("a")
        assert rows.tasks["reserve"] == start("a").new_tasks[0]
        assert rows.values["input"] == b'{"order":7}'
        assert list(rows.pages[""]) == start("a").ready
        assert await store.commit(one(finish("a"))) == set()
        rows = await load(store, "a", ("task", "reserve"), ("value", "output"), ("open", ""))
        assert rows.header == finish("a").header
        assert rows.tasks["reserve"] is not None
        assert rows.tasks["reserve"].output == b'{"ok":true}'
        assert rows.values["output"] == b'{"done":1}'
        assert rows.pages[""] == ()
        async with store.snapshot() as view:
            assert [entry.entries for entry in await view.log("a")] == [
                b'["started"]',
                b'["completed"]',
            ]

    async def test_atomic_a_unit_that_loses_by_its_last_change_leaves_nothing(
        self, store: Store
    ) -> None:
        """The parent is untouched when its child is fenced."""
        await store.commit(one(start("child")) + one(start("parent")))
        before = await dump(store)
        assert await store.commit(one(finish("parent"), start("child"))) == {0}
        assert await dump(store) == before

    async def test_atomic_a_unit_that_loses_by_its_first_change_leaves_nothing(
        self, store: Store
    ) -> None:
        """The child is not written when its parent is fenced."""
        await store.commit(one(start("parent")))
        before = await dump(store)
        assert await store.commit(one(finish("parent", revision=7), start("child"))) == {0}
        assert await dump(store) == before

    async def test_atomic_when_the_process_dies(self, store: Store) -> None:
        """After a death a unit is there as a whole."""
        await store.commit(one(start("parent"), start("child")))
        before = await dump(store)
        async with opened(await self.die(store)) as reborn:
            assert await dump(reborn) == before

    async def test_atomic_winners_beside_losers_are_whole(self, store: Store) -> None:
        """Losing units take nothing from the others, wherever they stand in the batch."""
        await store.commit(each([start(f"old-{n}") for n in range(5)]))
        units: list[Unit] = []
        for n in range(5):
            units += one(start(f"new-{n}"), finish(f"old-{n}", revision=2 if n % 2 else 3))
        assert await store.commit(units) == {0, 2, 4}
        for n in range(5):
            rows = await load(store, f"new-{n}", ("task", "reserve"), ("value", "input"))
            assert (rows.header is None) == (n % 2 == 0)
            assert (rows.tasks["reserve"] is None) == (n % 2 == 0)
            assert (rows.values["input"] is None) == (n % 2 == 0)
            assert await revision(store, f"old-{n}") == 1 + n % 2

    # --- fenced ---------------------------------------------------------------------------------

    async def test_fenced_a_stale_revision_loses(self, store: Store) -> None:
        """Of two that saw the same state the second loses, and the others of its batch win."""
        await store.commit(one(start("a")) + one(start("b")))
        assert await store.commit(one(finish("a"))) == set()
        before = await dump(store)
        late = Change(header("a", 2, status="FAILED"), entries=b'["late"]', at=1)
        assert await store.commit([Unit([late]), *one(finish("b"))]) == {0}
        after = await dump(store)
        assert after["a"] == before["a"]
        assert after["b"]["header"]["status"] == "COMPLETED"

    async def test_fenced_a_revision_too_far_ahead_loses(self, store: Store) -> None:
        """Nobody may skip a state, nor change what does not exist."""
        await store.commit(one(start("a")))
        assert await store.commit(one(finish("a", revision=3))) == {0}
        assert await store.commit(one(finish("nobody"))) == {0}
        assert await revision(store, "a") == 1
        assert await revision(store, "nobody") == 0

    async def test_fenced_a_taken_id_loses(self, store: Store) -> None:
        """In a later batch and in the same one."""
        await store.commit(one(start("a")))
        again = start("a", workflow="other")
        assert await store.commit(one(again)) == {0}
        assert await store.commit(one(start("b")) + one(start("b")) + one(start("c"))) == {1}
        found = (await load(store, "a")).header
        assert found is not None
        assert found.workflow == "fulfil_order"
        assert await revision(store, "c") == 1

    async def test_fenced_a_taken_start_key_loses(self, store: Store) -> None:
        """At most one execution per workflow and key, in later batches and in the same one."""
        await store.commit(one(start("a", key="order-1")))
        second, other = start("b", key="order-1"), start("c", key="order-1", workflow="other")
        assert await store.commit(each([second, other])) == {0}
        twins = [start("d", key="order-2"), start("e", key="order-2"), start("f")]
        assert await store.commit(each(twins)) == {1}
        assert await revision(store, "b") == 0
        assert await revision(store, "e") == 0
        keys = [("fulfil_order", "order-1"), ("other", "order-1"), ("fulfil_order", "order-2")]
        assert await store.find_keys([*keys, ("fulfil_order", "nobody")]) == {
            keys[0]: "a",
            keys[1]: "c",
            keys[2]: "d",
        }

    async def test_fenced_a_start_key_goes_to_the_successor(self, store: Store) -> None:
        """Once, in the unit that names the successor, also in a batch of which others lose."""
        for number, (old, new) in enumerate((("a", "b"), ("b", "c"))):
            if not number:
                await store.commit(one(start(old, key="order-1")))
            ended = header(old, 2, key="order-1", status=COMPLETED, successor=new)
            before, after = one(start("x", key="order-1")), one(start("y", key="order-1"))
            given = one(Change(ended), start(new, key="order-1"))
            assert await store.commit([*before, *given, *after]) == {0, 2}
            assert await store.find_keys([("fulfil_order", "order-1")]) == {
                ("fulfil_order", "order-1"): new
            }
        rows = await load(store, "a")
        assert rows.header == header("a", 2, key="order-1", status=COMPLETED, successor="b")
        again = header("a", 3, key="order-1", status=COMPLETED, successor="b")
        lost = await store.commit([*one(Change(again)), *one(start("z", key="order-1"))])
        assert lost == {1}
        async with store.snapshot() as view:
            found = await view.search(Search(key="order-1"))
        assert [each.id for each in found] == ["c", "b", "a"]

    async def test_fenced_no_start_key_never_collides(self, store: Store) -> None:
        """Executions without a key are as many as one likes, and are not found by it."""
        assert await store.commit(each([start("a"), start("b"), start("c")])) == set()
        assert await store.find_keys([("fulfil_order", "")]) == {}
        assert await store.find_keys([]) == {}

    async def test_fenced_changes_of_one_execution_follow_each_other(self, store: Store) -> None:
        """In one batch each change of an execution sees the one before it."""
        assert await store.commit(one(start("a")) + one(finish("a"))) == set()
        assert await revision(store, "a") == 2
        assert await store.ready("do_reserve", 9999, 9) == []
        late = finish("a", revision=3)
        assert await store.commit(one(finish("a", 3)) + one(late) + one(finish("a", 4))) == {1}
        assert await revision(store, "a") == 4

    async def test_fenced_a_loser_does_not_make_others_lose(self, store: Store) -> None:
        """Neither the id nor the key of a unit that lost is taken."""
        await store.commit(one(start("a")))
        loser = [start("b", key="k"), finish("a", revision=9)]
        assert await store.commit([*one(*loser), *one(start("b", key="k"))]) == {0}
        assert await store.find_keys([("fulfil_order", "k")]) == {("fulfil_order", "k"): "b"}

    async def test_fenced_among_hundreds_of_units(self, store: Store) -> None:
        """Exactly the stale ones lose."""
        await store.commit(each([start(f"{n:03}") for n in range(300)]))
        stale = set(range(0, 300, 7))
        changes = [finish(f"{n:03}", revision=1 if n in stale else 2) for n in range(300)]
        assert await store.commit(each(changes)) == stale
        for n in range(300):
            assert await revision(store, f"{n:03}") == (1 if n in stale else 2)

    async def test_fenced_a_batch_of_nothing(self, store: Store) -> None:
        """Nothing to write is no error."""
        assert await store.commit([]) == set()
        assert await store.load({}) == {}
        assert await store.commit([Unit([])]) == set()

    # --- durable --------------------------------------------------------------------------------

    async def test_durable_everything_survives_a_death(self, store: Store) -> None:
        """Whatever was answered is there after the process died."""
        await store.put_definition("h1", b"{}", 5)
        await store.put_workflow(StoredWorkflow("fulfil_order", 1, "h1", 5))
        await store.put_task_definitions({"do_reserve": b'{"name":"do_reserve"}'})
        await store.commit(each([start(f"{n}") for n in range(20)]))
        await store.commit(each([finish(f"{n}") for n in range(10)]))
        before = await dump(store)
        async with opened(await self.die(store)) as reborn:
            assert await dump(reborn) == before
            assert await reborn.definition("h1") == b"{}"
            assert await reborn.commit(each([finish(f"{n}") for n in range(9, 12)])) == {0}

    async def test_durable_each_commit_by_itself(self, store: Store) -> None:
        """Nothing waits for a later commit to become durable."""
        for n in range(1, 6):
            change = start("a") if n == 1 else Change(header("a", n))
            assert await store.commit(one(change)) == set()
            store = await self.die(store)
            await store.open()
            assert await revision(store, "a") == n
        await store.close()

    async def test_durable_after_a_death_between_commits_under_way(self, store: Store) -> None:
        """Whatever `commit` has answered is there; the rest is there whole or not at all."""
        answered: set[str] = set()

        async def commit(id: str) -> None:
            await store.commit(one(start(id), start(f"{id}-child")))
            answered.add(id)

        tasks = [asyncio.ensure_future(commit(f"{n}")) for n in range(20)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for unfinished in tasks:
            unfinished.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with opened(await self.die(store)) as reborn:
            assert answered
            for n in range(20):
                found = await revision(reborn, f"{n}")
                assert found == await revision(reborn, f"{n}-child")
                assert found == 1 or f"{n}" not in answered

    # --- rows -----------------------------------------------------------------------------------

    async def test_written_what_is_fixed_at_the_beginning_stays(self, store: Store) -> None:
        """A changed task keeps its input, branch, type, name, first times, whatever it says."""
        fixed: dict[str, Any] = {
            "input": b'{"big":1}',
            "first_scheduled_at": 1000,
            "seq": 3,
            "branch": b'{"at":1}',
        }
        first = task("a", "reserve", **fixed)
        await store.commit(one(Change(header("a"), new_tasks=[first])))
        bare = task("a", "reserve", input=b"", first_scheduled_at=0, seq=0, worker="w1", polls=2)
        await store.commit(one(Change(header("a", 2), tasks=[bare])))
        found = (await load(store, "a", ("task", "reserve"))).tasks["reserve"]
        assert found == task("a", "reserve", **fixed, worker="w1", polls=2)

    async def test_written_values_are_replaced_by_name(self, store: Store) -> None:
        """The last value of a name counts; other names stay."""
        values = [Value("a", "var:x", b"1"), Value("a", "var:y", b"2")]
        await store.commit(one(Change(header("a"), values=values)))
        await store.commit(one(Change(header("a", 2), values=[Value("a", "var:x", b"[3]")])))
        async with store.snapshot() as view:
            assert await view.values("a") == {"var:x": b"[3]", "var:y": b"2"}
            assert await view.value("a", "var:x") == b"[3]"
            assert await view.value("a", "var:z") is None
            assert await view.value("nobody", "var:x") is None

    async def test_written_large_and_unusual_rows_come_back(self, store: Store) -> None:
        """A megabyte, text of all scripts, the largest number."""
        id, ref, big = "exécution-试", "schritt ↯ '\"%_", b'"' + b"x" * 1_000_000 + b'"'
        row = task(id, ref, input=big, output=big, reason="naïve\n\t", seq=2**62)
        values = [Value(id, "input", big), Value(id, "var:ключ", b'"\xc3\xa9"')]
        key = "ключ\u0301"
        change = Change(header(id, key=key), new_tasks=[row], values=values, entries=big, at=1)
        await store.commit(one(change))
        rows = await load(store, id, ("task", ref), ("value", "input"), ("value", "var:ключ"))
        assert rows.tasks[ref] == row
        assert rows.values == {"input": big, "var:ключ": b'"\xc3\xa9"'}
        assert await store.find_keys([("fulfil_order", key)]) == {("fulfil_order", key): id}
        async with store.snapshot() as view:
            assert (await view.log(id))[0].entries == big
