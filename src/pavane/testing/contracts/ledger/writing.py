"""Promises 1 to 3: atomic, fenced, durable."""

from __future__ import annotations

import asyncio

from pavane.ports.ledger import ALL, Entry, Ledger, RowKey, Todo
from pavane.testing.contracts.ledger.harness import (
    HOME,
    STEP,
    LedgerHarness,
    aside,
    bare,
    dump_of,
    first,
    load,
    opened,
    outgoing,
    revision,
    second,
)


class WritingTests(LedgerHarness):
    """What `commit` writes, what it refuses, what survives."""

    # --- atomic ---------------------------------------------------------------------------------

    async def test_atomic_an_entry_writes_everything(self, ledger: Ledger) -> None:
        """All kinds of rows of an entry are there after it, and its changes after the next."""
        entry = first("a")
        assert await ledger.commit([entry]) == set()
        found = await load(ledger, "a", STEP, HOME)
        assert found.revision == 1
        assert found.rows == entry.rows
        assert await ledger.seen(["message-a-1", "message-a-2"]) == {"message-a-1"}
        assert await ledger.due(9000, 9) == [entry.todos[0]]
        assert await ledger.work(("", ""), 9) == [entry.todos[1]]
        assert [record.out for record in await ledger.log_after(0, 9)] == entry.records
        assert await ledger.aside() == entry.aside

        later = second("a")
        assert await ledger.commit([later]) == set()
        found = await load(ledger, "a", STEP, HOME, RowKey("value", "x"))
        assert found.revision == 2
        assert found.rows == {STEP: b'{"status":"done"}', RowKey("value", "x"): b"1"}
        assert await ledger.seen(["message-a-1", "message-a-2"]) == {"message-a-1", "message-a-2"}
        assert await ledger.due(9499, 9) == []
        assert await ledger.due(9500, 9) == later.todos
        assert await ledger.work(("", ""), 9) == []
        records = [record.out for record in await ledger.log_after(0, 9)]
        assert records == entry.records + later.records
        assert await ledger.aside() == []

    async def test_atomic_an_entry_that_loses_leaves_nothing(self, ledger: Ledger) -> None:
        """Neither by its revision, nor by its message, nor by what it takes."""
        await ledger.commit([first("a"), first("b")])
        before = await dump_of(ledger, "a", "b")
        other = {"message": "message-b-2", "aside": [aside("late")]}
        assert await ledger.commit([second("a", 7, **other)]) == {0}
        assert await ledger.commit([second("a", 0, **other)]) == {0}
        assert await ledger.commit([second("a", message="message-b-1")]) == {0}
        assert await ledger.commit([second("a", taken=["early-a", "nothing"])]) == {0}
        assert await dump_of(ledger, "a", "b") == before

    async def test_atomic_winners_beside_losers_are_whole(self, ledger: Ledger) -> None:
        """Losing entries take nothing from the others, wherever they stand in the batch."""
        ids = [f"{n}" for n in range(6)]
        await ledger.commit([first(id) for id in ids])
        entries = [second(id, revision=1 + n % 2) for n, id in enumerate(ids)]
        assert await ledger.commit(entries) == {1, 3, 5}
        for n, id in enumerate(ids):
            won = n % 2 == 0
            found = await load(ledger, id, STEP, HOME)
            assert found.revision == 1 + won
            assert (found.rows[STEP] == b'{"status":"done"}') == won
            assert (HOME not in found.rows) == won
            assert (f"message-{id}-2" in await ledger.seen([f"message-{id}-2"])) == won
        assert len(await ledger.log_after(0, 99)) == 6 * 2 + 3
        assert {found.id for found in await ledger.aside()} == {"early-1", "early-3", "early-5"}
        assert [todo.execution for todo in await ledger.work(("", ""), 9)] == ["1", "3", "5"]

    async def test_atomic_when_the_process_dies(self, ledger: Ledger) -> None:
        """Whoever dies in the middle of commits leaves each batch as a whole, or not at all."""

        async def commit(n: int) -> None:
            for _ in range(n):  # so that they do not all stand at the same point
                await asyncio.sleep(0)
            await ledger.commit([first(f"{n}"), first(f"{n}-twin")])

        tasks = [asyncio.ensure_future(commit(n)) for n in range(20)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for unfinished in tasks:
            unfinished.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with opened(await self.die(ledger)) as reborn:
            whole = 0
            for n in range(20):
                halves = [await load(reborn, id, STEP, HOME) for id in (f"{n}", f"{n}-twin")]
                assert halves[0] == halves[1]
                if halves[0].revision:
                    assert halves[0].rows == first("").rows
                    whole += 1
            assert len(await reborn.log_after(0, 999)) == 4 * whole
            assert len(await reborn.due(9000, 999)) == 2 * whole
            assert len(await reborn.work(("", ""), 999)) == 2 * whole
            assert len(await reborn.aside(limit=999)) == 2 * whole

    # --- fenced ---------------------------------------------------------------------------------

    async def test_fenced_another_revision_loses(self, ledger: Ledger) -> None:
        """Of two that saw the same state the second loses; nobody skips a state either."""
        assert await ledger.commit([bare("a")]) == set()
        assert await ledger.commit([bare("a"), bare("b")]) == {0}
        assert await ledger.commit([bare("a", 1)]) == set()
        assert await ledger.commit([bare("a", 1)]) == {0}
        assert await ledger.commit([bare("a", 3)]) == {0}
        assert await ledger.commit([bare("nobody", 1)]) == {0}
        assert await revision(ledger, "a") == 2
        assert await revision(ledger, "b") == 1
        assert await revision(ledger, "nobody") == 0

    async def test_fenced_a_message_is_handled_once(self, ledger: Ledger) -> None:
        """Whatever execution it is for, with and without one, in a later batch and the same."""
        assert await ledger.commit([bare("a", message="m1")]) == set()
        assert await ledger.commit([bare("a", 1, message="m1"), bare("b", message="m1")]) == {0, 1}
        plain = Entry(message="m2", records=[outgoing("1")])
        assert await ledger.commit([plain, plain, Entry(message="m3")]) == {1}
        assert await ledger.commit([plain, Entry(message="m1"), bare("c", message="m2")]) == {
            0,
            1,
            2,
        }
        assert len(await ledger.log_after(0, 9)) == 1
        assert await revision(ledger, "a") == 1
        assert await revision(ledger, "b") == 0

    async def test_fenced_messages_of_one_entry_win_or_lose_together(self, ledger: Ledger) -> None:
        """Whichever of them was handled, and whoever comes behind them."""
        first = Entry(message="m1", others=["m2", "m3"], records=[outgoing("1")])
        assert await ledger.commit([first, Entry(message="m3"), Entry(message="m4")]) == {1}
        late = Entry(message="m5", others=["m2", "m6"], records=[outgoing("2")])
        twice = Entry(message="m7", others=["m7"], records=[outgoing("3")])
        assert await ledger.commit([late, twice, Entry(others=["m8"])]) == {0, 1}
        every = [f"m{n}" for n in range(1, 9)]
        assert await ledger.seen(every) == {"m1", "m2", "m3", "m4", "m8"}
        assert len(await ledger.log_after(0, 9)) == 1

    async def test_fenced_entries_of_one_batch_see_each_other(self, ledger: Ledger) -> None:
        """Each sees those before it, and those alone."""
        batch = [bare("a", 1), bare("a", 0), bare("a", 1, rows={STEP: b"1"}), bare("a", 1)]
        assert await ledger.commit(batch) == {0, 3}
        found = await load(ledger, "a", STEP)
        assert (found.revision, found.rows) == (2, {STEP: b"1"})
        batch = [
            bare("a", 2, todos=[Todo("a", "t", due=5)], aside=[aside("m")]),
            bare("a", 3, done=["t"], taken=["m"], rows={STEP: b""}),
        ]
        assert await ledger.commit(batch) == set()
        assert await ledger.due(9, 9) == []
        assert await ledger.aside() == []
        assert (await load(ledger, "a", STEP)).rows == {}

    async def test_fenced_a_loser_does_not_make_others_lose(self, ledger: Ledger) -> None:
        """Neither its revision, nor its message, nor what it took is used up."""
        await ledger.commit([bare("a", aside=[aside("m")])])
        loser = bare("a", 9, message="m1", taken=["m"])
        assert await ledger.commit([loser, bare("a", 1, message="m1", taken=["m"])]) == {0}
        assert await revision(ledger, "a") == 2

    async def test_fenced_without_an_execution_only_by_the_message(self, ledger: Ledger) -> None:
        """Handlers that belong to no execution never wait for each other."""
        entries = [Entry(message=f"m{n}", records=[outgoing(f"{n}")]) for n in range(5)]
        assert await ledger.commit(entries) == set()
        assert await ledger.commit([Entry(records=[outgoing("5")]), Entry(), Entry()]) == set()
        assert [record.out.event.id for record in await ledger.log_after(0, 9)] == list("012345")

    async def test_fenced_among_hundreds(self, ledger: Ledger) -> None:
        """Exactly the stale ones and the repeated ones lose."""
        ids = [f"{n:03}" for n in range(300)]
        await ledger.commit([first(id) for id in ids])
        stale, repeated = set(range(0, 300, 7)), set(range(3, 300, 11))
        entries: list[Entry] = []
        for n, id in enumerate(ids):
            message = f"message-{ids[n - 1]}-1" if n in repeated else f"message-{id}-2"
            entries.append(second(id, 2 if n in stale else 1, message=message))
        assert await ledger.commit(entries) == stale | repeated
        found = await ledger.load({id: [] for id in ids})
        assert {n for n, id in enumerate(ids) if found[id].revision == 1} == stale | repeated

    async def test_fenced_a_batch_of_nothing(self, ledger: Ledger) -> None:
        """Nothing to write, to load or to look for is no error."""
        assert await ledger.commit([]) == set()
        assert await ledger.load({}) == {}
        assert await ledger.seen([]) == set()

    # --- durable --------------------------------------------------------------------------------

    async def test_durable_everything_survives_a_death(self, ledger: Ledger) -> None:
        """Whatever was answered is there after the process died, and fences as before."""
        ids = [f"{n}" for n in range(10)]
        await ledger.commit([first(id) for id in ids])
        await ledger.commit([second(id) for id in ids[:5]])
        before = await dump_of(ledger, *ids)
        async with opened(await self.die(ledger)) as reborn:
            assert await dump_of(reborn, *ids) == before
            assert await reborn.commit([second(id) for id in ids[4:7]]) == {0}
            assert await reborn.commit([Entry(message="message-9-1")]) == {0}

    async def test_durable_each_commit_by_itself(self, ledger: Ledger) -> None:
        """Nothing waits for a later commit to become durable."""
        for n in range(5):
            assert await ledger.commit([bare("a", n, message=f"m{n}")]) == set()
            ledger = await self.die(ledger)
            await ledger.open()
            assert await revision(ledger, "a") == n + 1
            assert await ledger.seen([f"m{n}"]) == {f"m{n}"}
        await ledger.close()

    async def test_durable_an_offset_is_one_that_was_kept(self, ledger: Ledger) -> None:
        """After a death an older one may come back, never one that nobody remembered."""
        assert await ledger.offset("relay") == 0
        kept = [0]
        for n in range(1, 4):
            kept.append(n * 10)
            await ledger.keep_offset("relay", kept[-1])
            await ledger.keep_offset("other", n)
            assert await ledger.offset("relay") == kept[-1]
            await ledger.commit([bare("a", n - 1)])
        async with opened(await self.die(ledger)) as reborn:
            assert await reborn.offset("relay") in kept
            assert await reborn.offset("other") in {0, 1, 2, 3}
            assert await reborn.offset("nobody") == 0

    # --- rows -----------------------------------------------------------------------------------

    async def test_atomic_large_and_unusual_rows_come_back(self, ledger: Ledger) -> None:
        """A megabyte, bytes that are no text, text of all scripts, the largest number."""
        id, key = "exécution-试", RowKey("schritt ↯ '\"%_", "ключ\u0301")
        big = bytes(range(256)) * 4096
        out = outgoing("ünï", data=big, attributes={"x": "\U0001f600"})
        todo = Todo(id, "t ' \"", due=2**62, queue="q", body=big)
        entry = bare(id, message="м", rows={key: big}, records=[out], todos=[todo], at=2**62)
        assert await ledger.commit([entry]) == set()
        assert (await load(ledger, id, key)).rows == {key: big}
        assert (await load(ledger, id, RowKey(key.group, ALL))).rows == {key: big}
        assert (await ledger.log_after(0, 1))[0].out == out
        assert await ledger.work(("", ""), 1) == [todo]
        assert await ledger.seen(["м"]) == {"м"}
