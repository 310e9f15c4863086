"""Promises 8 and 9: kept, pruned. What is set aside, and what is forgotten."""

from __future__ import annotations

from pavane.ports.ledger import Entry, Ledger, RowKey, Todo
from pavane.testing.contracts.ledger.harness import (
    STEP,
    LedgerHarness,
    aside,
    bare,
    dump_of,
    event,
    first,
    load,
    opened,
    outgoing,
    revision,
)


class KeepingTests(LedgerHarness):
    """`aside` and `prune`."""

    # --- kept -----------------------------------------------------------------------------------

    async def test_kept_byte_for_byte(self, ledger: Ledger) -> None:
        """Every attribute and every byte, with kind, reason and times, after a death too."""
        odd = event("ünï", data=bytes(range(256)) * 300, datacontenttype="image/png", time=0)
        plain = event("plain", attributes={}, subject="", dataschema="", data=b"")
        wanted = [
            aside("1", "parked", at=10, event=odd, until=99),
            aside("2", "quarantined", at=20, event=plain, execution="", reason="naïve ' \" \n"),
            aside("3", "dead", at=30, execution="b"),
        ]
        await ledger.commit([bare("a", aside=wanted[:2]), Entry(aside=wanted[2:])])
        assert await ledger.aside() == wanted
        async with opened(await self.die(ledger)) as reborn:
            assert await reborn.aside() == wanted

    async def test_kept_by_kind_oldest_first(self, ledger: Ledger) -> None:
        """As many as were asked for."""
        wanted = [aside(f"{n}", "dead" if n % 3 else "parked", at=n) for n in range(9)]
        await ledger.commit([Entry(aside=wanted)])
        assert await ledger.aside() == wanted
        assert await ledger.aside(limit=4) == wanted[:4]
        assert await ledger.aside("parked") == wanted[::3]
        assert await ledger.aside("dead", limit=2) == wanted[1:3]
        assert await ledger.aside("quarantined") == []

    async def test_kept_until_it_is_taken_back(self, ledger: Ledger) -> None:
        """Then it is gone, and the others are not."""
        await ledger.commit([Entry(aside=[aside(f"{n}", at=n) for n in range(4)])])
        assert await ledger.commit([Entry(message="1", taken=["1"]), Entry(taken=["3"])]) == set()
        assert [found.id for found in await ledger.aside()] == ["0", "2"]

    async def test_kept_taken_twice_gives_it_once(self, ledger: Ledger) -> None:
        """Of two entries that take the same back the second is lost, in one batch and later."""
        await ledger.commit([Entry(aside=[aside("m"), aside("n")])])
        twice = [
            Entry(taken=["m"], records=[outgoing("1")]),
            Entry(taken=["m"], records=[outgoing("2")]),
        ]
        assert await ledger.commit(twice) == {1}
        assert await ledger.commit([bare("a", taken=["n", "m"]), bare("b")]) == {0}
        assert [record.out.event.id for record in await ledger.log_after(0, 9)] == ["1"]
        assert [found.id for found in await ledger.aside()] == ["n"]

    async def test_kept_once_by_message(self, ledger: Ledger) -> None:
        """What is set aside again replaces what was; it may be taken in the same entry."""
        await ledger.commit([Entry(aside=[aside("m", "parked", at=1)])])
        await ledger.commit([Entry(aside=[aside("m", "dead", at=2, reason="too often")])])
        assert await ledger.aside() == [aside("m", "dead", at=2, reason="too often")]
        assert await ledger.aside("parked") == []
        again = aside("m", "quarantined", at=3)
        assert await ledger.commit([Entry(taken=["m"], aside=[again])]) == set()
        assert await ledger.aside() == [again]

    # --- pruned ---------------------------------------------------------------------------------

    async def test_pruned_inbox_ids_by_age(self, ledger: Ledger) -> None:
        """Those from before the time; the time itself is not before."""
        await ledger.commit([Entry(message=f"m{n}", at=n) for n in range(1, 6)])
        ids = [f"m{n}" for n in range(1, 6)]
        assert await ledger.prune(3, 0) == 2
        assert await ledger.seen(ids) == {"m3", "m4", "m5"}
        assert await ledger.prune(3, 0) == 0
        assert await ledger.commit([Entry(message="m1", at=9), Entry(message="m3", at=9)]) == {1}

    async def test_pruned_closed_executions_whole(self, ledger: Ledger) -> None:
        """Rows, todos and revision; none that is open, none that was closed later."""
        for n, id in enumerate("abcd", 1):
            rows = {STEP: b"1", RowKey("value", "x"): b"2"}
            todos = [Todo(id, "t", due=n), Todo(id, "w", queue="q")]
            await ledger.commit([bare(id, rows=rows, todos=todos, at=1)])
        await ledger.commit([bare("a", 1, closed=True, at=10), bare("b", 1, closed=True, at=20)])
        await ledger.commit([bare("c", 1, closed=True, at=30)])
        assert await ledger.prune(0, 20) == 1
        assert await revision(ledger, "a") == 0
        assert (await load(ledger, "a", STEP, RowKey("value", "x"))).rows == {}
        assert [todo.execution for todo in await ledger.due(99, 9)] == ["b", "c", "d"]
        assert [todo.execution for todo in await ledger.work(("", ""), 9)] == ["b", "c", "d"]
        assert await ledger.prune(0, 1_000) == 2
        assert [todo.execution for todo in await ledger.due(99, 9)] == ["d"]
        found = await load(ledger, "d", STEP)
        assert (found.revision, found.rows) == (1, {STEP: b"1"})
        assert await ledger.commit([bare("a", closed=True, at=2_000)]) == set()
        assert await ledger.prune(0, 2_000) == 0

    async def test_pruned_not_what_goes_on_again(self, ledger: Ledger) -> None:
        """A later entry that does not close it means that it goes on; the last closing counts."""
        await ledger.commit([bare("a", closed=True, at=10), bare("b", closed=True, at=10)])
        await ledger.commit([bare("a", 1, at=11), bare("b", 1, closed=True, at=50)])
        assert await ledger.prune(0, 50) == 0
        assert await revision(ledger, "a") == 2
        assert await revision(ledger, "b") == 2
        assert await ledger.prune(0, 51) == 1
        assert await revision(ledger, "b") == 0

    async def test_pruned_in_spite_of_what_is_late(self, ledger: Ledger) -> None:
        """An entry that says neither leaves an execution closed since then, or open."""
        await ledger.commit([bare("a", closed=True, at=10), bare("b", closed=None, at=10)])
        rows = {STEP: b"1"}
        late = [bare("a", 1, closed=None, rows=rows, at=11), bare("b", 1, closed=None, at=11)]
        await ledger.commit(late)
        async with opened(await self.die(ledger)) as reborn:
            assert await reborn.closed(99, (-1, ""), 9) == [(10, "a")]
            assert await reborn.prune(0, 11) == 1
            assert await revision(reborn, "a") == 0
            assert await revision(reborn, "b") == 2

    async def test_pruned_nothing_else(self, ledger: Ledger) -> None:
        """Not the log, not what was set aside, nor the inbox with the execution."""
        await ledger.commit([first("a", closed=True, aside=[aside("old")]), first("b")])
        await ledger.commit([Entry(taken=["old"], aside=[aside("old", execution="")])])
        log, kept = await ledger.log_after(0, 99), await ledger.aside()
        await ledger.keep_offset("relay", 3)
        before = (await dump_of(ledger, "b"))["rows"]
        assert await ledger.prune(0, 5_000) == 1
        assert await ledger.seen(["message-a-1", "message-b-1"]) == {"message-a-1", "message-b-1"}
        assert await ledger.prune(5_000, 0) == 2
        assert await ledger.log_after(0, 99) == log
        assert await ledger.aside() == kept
        assert await ledger.offset("relay") == 3
        assert (await dump_of(ledger, "b"))["rows"] == before
        assert [todo.execution for todo in await ledger.due(9_000, 9)] == ["b"]

    async def test_pruned_not_what_may_be_taken_back(self, ledger: Ledger) -> None:
        """An execution stays whole while something of it is set aside, and goes then."""
        await ledger.commit([first("a", closed=True), bare("b", closed=True, at=1000)])
        before = await dump_of(ledger, "a")
        assert await ledger.prune(0, 5_000) == 1
        assert await dump_of(ledger, "a") == before
        await ledger.commit([Entry(taken=["early-a"])])
        assert await ledger.prune(0, 5_000) == 1
        assert await revision(ledger, "a") == 0

    async def test_pruned_is_what_closed_names(self, ledger: Ledger) -> None:
        """The earliest first, in pages; none that is open, held, or was closed later."""
        ids = ["d", "b", "c", "a", "e"]
        await ledger.commit([bare(id, closed=True, at=10 + n // 2) for n, id in enumerate(ids)])
        await ledger.commit([bare("open", at=1), first("held", closed=True, at=5)])
        wanted = [(10, "b"), (10, "d"), (11, "a"), (11, "c"), (12, "e")]
        assert await ledger.closed(13, (-1, ""), 9) == wanted
        assert await ledger.closed(12, (-1, ""), 3) == wanted[:3]
        assert await ledger.closed(12, (10, "d"), 9) == wanted[2:4]
        assert await ledger.closed(13, (12, "e"), 9) == []
        await ledger.commit([bare("b", 1, closed=True, at=0)])
        assert await ledger.closed(1, (-1, ""), 9) == [(0, "b")]
        assert await ledger.prune(0, 12) == 4
        assert await ledger.closed(99, (-1, ""), 9) == [(12, "e")]

    async def test_pruned_only_once_offsets_are_durable(self, ledger: Ledger) -> None:
        """Whatever there is to prune: a process that dies then sends nothing of before again."""
        await ledger.commit([bare("a", at=1)])
        await ledger.keep_offset("relay", 7)
        assert await ledger.prune(1, 1) == 0
        async with opened(await self.die(ledger)) as reborn:
            assert await reborn.offset("relay") == 7
