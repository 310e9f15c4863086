"""Promises 4 to 6: visible, grouped, logged."""

from __future__ import annotations

import asyncio

from pavane.ports.ledger import ALL, Entry, Ledger, RowKey
from pavane.testing.contracts.ledger.harness import (
    HOME,
    STEP,
    LedgerHarness,
    bare,
    load,
    opened,
    outgoing,
    revision,
)


class ReadingTests(LedgerHarness):
    """What `load`, `seen` and `log_after` find."""

    # --- visible --------------------------------------------------------------------------------

    async def test_visible_what_was_committed_is_loaded(self, ledger: Ledger) -> None:
        """After each commit the next load sees it, though it has loaded the same before."""
        for n in range(8):
            found = await load(ledger, "a", STEP, RowKey("step", ALL))
            assert found.revision == n
            assert found.rows == ({STEP: str(n - 1).encode()} if n else {})
            assert await ledger.seen([f"m{n}", f"m{n - 1}"]) == ({f"m{n - 1}"} if n else set())
            await ledger.commit([bare("a", n, message=f"m{n}", rows={STEP: str(n).encode()})])

    async def test_visible_while_others_commit(self, ledger: Ledger) -> None:
        """Loads in between commits under way see whatever was answered before they began."""

        async def run(id: str) -> None:
            for n in range(5):
                assert await revision(ledger, id) == n
                assert await ledger.commit([bare(id, n, message=f"{id}-{n}")]) == set()
                assert await ledger.seen([f"{id}-{n}"])

        await asyncio.gather(*(run(f"{n}") for n in range(20)))

    async def test_visible_what_is_not_there_is_left_out(self, ledger: Ledger) -> None:
        """Every execution is in the answer, only those keys that have a row are."""
        await ledger.commit([bare("a", rows={STEP: b"1"})])
        found = await ledger.load({"a": {STEP, HOME}, "b": {STEP}, "c": [], "a ": [STEP]})
        assert set(found) == {"a", "b", "c", "a "}
        assert found["a"].rows == {STEP: b"1"}
        assert (found["b"].revision, found["b"].rows) == (0, {})
        assert (found["c"].revision, found["c"].rows) == (0, {})
        assert (await ledger.load({"a": []}))["a"].revision == 1

    async def test_visible_hundreds_of_executions_at_once(self, ledger: Ledger) -> None:
        """Each execution gets its own rows."""
        ids = [f"{n:03}" for n in range(300)]
        await ledger.commit(
            [bare(id, message=f"m{id}", rows={STEP: id.encode(), HOME: b"h"}) for id in ids]
        )
        found = await ledger.load({id: [STEP, RowKey("scope", ALL)] for id in ids})
        assert {id: found[id].rows for id in ids} == {
            id: {STEP: id.encode(), HOME: b"h"} for id in ids
        }
        wanted = [f"m{id}" for id in ids[::2]]
        assert await ledger.seen([*wanted, *(f"n{id}" for id in ids)]) == set(wanted)

    async def test_visible_what_was_loaded_is_the_callers_own(self, ledger: Ledger) -> None:
        """What is done to loaded or committed rows touches nobody before it is committed."""
        written = bare("a", rows={STEP: b"1"})
        await ledger.commit([written])
        written.rows[STEP] = b"2"
        found = await load(ledger, "a", STEP)
        found.rows[STEP] = b"3"
        found.revision = 9
        assert (await load(ledger, "a", STEP)).rows == {STEP: b"1"}
        assert await revision(ledger, "a") == 1

    # --- grouped --------------------------------------------------------------------------------

    async def test_grouped_all_loads_the_group(self, ledger: Ledger) -> None:
        """Every row of it, none of another group or execution, beside single rows."""
        names = ["", "a", "A", "charge", "charge_2", "undo:charge", "é", "\U0001f600", "%", "_"]
        steps = {RowKey("step", name): name.encode() or b"-" for name in names}
        others = {RowKey("steps", "a"): b"x", RowKey("ste", "p"): b"y", RowKey("Step", "a"): b"z"}
        await ledger.commit([bare("a", rows=steps | others), bare("b", rows={STEP: b"other"})])
        assert (await load(ledger, "a", RowKey("step", ALL))).rows == steps
        mixed = (RowKey("step", ALL), RowKey("steps", "a"), STEP, RowKey("none", ALL))
        assert (await load(ledger, "a", *mixed)).rows == steps | {RowKey("steps", "a"): b"x"}

    async def test_grouped_an_empty_body_removes_the_row(self, ledger: Ledger) -> None:
        """It is gone from its group and by its name, and may come again."""
        one, two = RowKey("gate", "one"), RowKey("gate", "two")
        await ledger.commit([bare("a", rows={one: b"1", two: b"2"})])
        await ledger.commit([bare("a", 1, rows={one: b"", RowKey("gate", "none"): b""})])
        assert (await load(ledger, "a", RowKey("gate", ALL))).rows == {two: b"2"}
        assert (await load(ledger, "a", one, two)).rows == {two: b"2"}
        await ledger.commit([bare("a", 2, rows={one: b"3", two: b""})])
        assert (await load(ledger, "a", RowKey("gate", ALL))).rows == {one: b"3"}

    async def test_grouped_rows_are_replaced_by_name(self, ledger: Ledger) -> None:
        """The last body counts; rows that an entry does not name stay."""
        await ledger.commit([bare("a", rows={STEP: b"1", HOME: b"1"})])
        await ledger.commit([bare("a", 1, rows={STEP: b"2"}), bare("a", 2, rows={STEP: b"33"})])
        assert (await load(ledger, "a", STEP, HOME)).rows == {STEP: b"33", HOME: b"1"}

    # --- logged ---------------------------------------------------------------------------------

    async def test_logged_in_the_order_of_entries_and_records(self, ledger: Ledger) -> None:
        """Positions only grow, and each record comes as it was given."""
        wanted = [outgoing(f"{n}", data=b"x" * n) for n in range(9)]
        await ledger.commit([bare("b", records=wanted[0:2]), bare("a", records=wanted[2:3])])
        await ledger.commit([Entry(records=wanted[3:8])])
        await ledger.commit([bare("a", 1), bare("a", 2, records=wanted[8:])])
        log = await ledger.log_after(0, 99)
        assert [record.out for record in log] == wanted
        positions = [record.position for record in log]
        assert positions == sorted(set(positions))
        assert positions[0] > 0

    async def test_logged_read_in_pieces(self, ledger: Ledger) -> None:
        """From any position on, as many as were asked for."""
        await ledger.commit([Entry(records=[outgoing(f"{n}") for n in range(25)])])
        log = await ledger.log_after(0, 99)
        for n, record in enumerate(log):
            assert await ledger.log_after(record.position, 4) == log[n + 1 : n + 5]
        assert await ledger.log_after(log[-1].position, 4) == []
        assert await ledger.log_after(0, 0) == []

    async def test_logged_none_is_missed_while_others_commit(self, ledger: Ledger) -> None:
        """A reader that follows the log sees every record once, in order."""
        seen: list[str] = []

        async def follow() -> None:
            position = 0
            while len(seen) < 100:
                for record in await ledger.log_after(position, 7):
                    assert record.position > position
                    position = record.position
                    seen.append(record.out.event.id)
                await asyncio.sleep(0)

        async def write(id: str) -> None:
            for n in range(10):
                await ledger.commit([bare(id, n, records=[outgoing(f"{id}-{n}")])])
                await asyncio.sleep(0)

        async with asyncio.timeout(self.patience_s):
            await asyncio.gather(follow(), *(write(f"{n}") for n in range(10)))
        assert sorted(seen) == sorted(f"{id}-{n}" for id in range(10) for n in range(10))
        for id in range(10):
            own = [each for each in seen if each.startswith(f"{id}-")]
            assert own == [f"{id}-{n}" for n in range(10)]

    async def test_logged_positions_go_on_after_a_death(self, ledger: Ledger) -> None:
        """Also when what was lost or pruned was the newest."""
        await ledger.commit([bare("a", records=[outgoing("1")], closed=True, at=5)])
        last = (await ledger.log_after(0, 9))[-1].position
        await ledger.prune(99, 99)
        async with opened(await self.die(ledger)) as reborn:
            await reborn.commit([Entry(records=[outgoing("2")])])
            assert [r.out.event.id for r in await reborn.log_after(last, 9)] == ["2"]
            assert [r.out.event.id for r in await reborn.log_after(0, 9)] == ["1", "2"]
