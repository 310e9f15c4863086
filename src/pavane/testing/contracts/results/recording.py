"""Promises 3 to 5 and 7 to 9: durable, first, visible, kept, pruned, full. What is remembered."""

from __future__ import annotations

import pytest

from pavane.errors import DefinitionError, StoreFullError
from pavane.ports.ledger import Entry, Ledger
from pavane.testing.contracts.features import needs
from pavane.testing.contracts.ledger.harness import FULL, opened
from pavane.testing.contracts.results.harness import SCHEMA, ResultsHarness, recorded, result


class RecordingTests(ResultsHarness):
    """`find`, `record`, `create` and what becomes of results in time."""

    # --- durable, visible -----------------------------------------------------------------------

    async def test_durable_what_was_recorded_survives_a_death(self, ledger: Ledger) -> None:
        """Each by itself, as soon as it was answered."""
        await ledger.results.create(SCHEMA)
        for n in range(3):
            await self.done(ledger, f"t{n}", at=n)
            await ledger.results.record([result(f"r{n}", at=n), result(f"x{n}", None, at=n)])
            ledger = await self.die(ledger)
            await ledger.open()
            found = await ledger.results.find([f"t{n}", f"r{n}", f"x{n}"])
            assert found == {
                f"t{n}": result(f"t{n}", at=n),
                f"r{n}": result(f"r{n}", at=n),
                f"x{n}": result(f"x{n}", None, at=n),
            }
        assert await self.effects(ledger) == ["t0", "t1", "t2"]
        await ledger.close()

    async def test_visible_from_outside_and_inside(self, ledger: Ledger) -> None:
        """What is not there is left out; nothing to find or to record is no error."""
        await ledger.results.create(SCHEMA)
        await ledger.results.record([result("a"), result("ünï '\"%", b"{}")])
        await self.done(ledger, "b")
        assert list(await recorded(ledger, "b", "none", "a")) == ["b", "a"]
        assert await recorded(ledger, "ünï '\"%") == {"ünï '\"%": b"{}"}
        async with self.transacting(ledger, ["b", "none"]) as transaction:
            assert transaction.found == {"b": result("b")}
        assert await ledger.results.find([]) == {}
        await ledger.results.record([])

    # --- first ----------------------------------------------------------------------------------

    async def test_first_stays(self, ledger: Ledger) -> None:
        """Whoever comes later changes nothing, in either way of recording, in one batch or two."""
        await ledger.results.create(SCHEMA)
        await ledger.results.record([result("a", b'{"n":1}'), result("a", b'{"n":2}')])
        await ledger.results.record([result("a", b'{"n":3}', at=2000), result("b")])
        async with self.transacting(ledger) as transaction:
            await transaction.commit([result("a", b'{"n":4}'), result("c")])
        found = await ledger.results.find(["a", "b", "c"])
        assert found == {"a": result("a", b'{"n":1}'), "b": result("b"), "c": result("c")}

    async def test_first_a_beginning_gives_way_to_an_output(self, ledger: Ledger) -> None:
        """But not to another beginning, nor an output to a beginning."""
        await ledger.results.record([result("a", None, at=1), result("b")])
        await ledger.results.record([result("a", None, at=2), result("b", None, at=2)])
        assert await ledger.results.find(["a"]) == {"a": result("a", None, at=1)}
        await ledger.results.record([result("a", b"{}", at=3)])
        found = await ledger.results.find(["a", "b"])
        assert found == {"a": result("a", b"{}", at=3), "b": result("b")}

    # --- kept -----------------------------------------------------------------------------------

    async def test_kept_tables_are_made_once(self, ledger: Ledger) -> None:
        """A schema that says so may be run at each start; several statements are fine."""
        schema = f"{SCHEMA}; CREATE INDEX IF NOT EXISTS by_name ON effect (name);"
        await ledger.results.create(schema)
        await self.done(ledger, "a")
        ledger = await self.die(ledger)
        async with opened(ledger):
            await ledger.results.create(schema)
            assert await self.effects(ledger) == ["a"]

    @pytest.mark.parametrize(
        "broken",
        [
            "CREATE TABEL x (y INTEGER)",
            "CREATE TABLE IF NOT EXISTS log (y INTEGER)",
            "CREATE TABLE effect (z INTEGER)",
            "CREATE TABLE IF NOT EXISTS pavane_x (y INTEGER)",
            "CREATE TABLE x (y INTEGER); COMMIT; CREATE TABLE z (y INTEGER)",
        ],
    )
    async def test_kept_a_schema_that_cannot_be_makes_nothing(
        self, ledger: Ledger, broken: str
    ) -> None:
        """All of its statements or none, and the ledger works on."""
        await ledger.results.create(SCHEMA)
        with pytest.raises(DefinitionError) as refusal:
            await ledger.results.create(f"CREATE TABLE other (x INTEGER); {broken}")
        assert refusal.value.remedy
        await ledger.results.create("CREATE TABLE other (x INTEGER)")
        await self.done(ledger, "a")

    # --- pruned ---------------------------------------------------------------------------------

    async def test_pruned_by_age_with_the_inbox(self, ledger: Ledger) -> None:
        """Those from before the time, nothing else; and it is known from when on all are there."""
        await ledger.results.create(SCHEMA)
        for n in range(1, 6):
            await self.done(ledger, f"k{n}", at=n * 10)
        await ledger.commit([Entry(message="m", at=5)])
        assert await ledger.prune(10, 10_000) == 1
        assert await self.known_since(ledger) == 0  # of the results none has gone
        assert await ledger.prune(30, 10_000) == 2
        assert list(await recorded(ledger, "k1", "k2", "k3", "k4", "k5")) == ["k3", "k4", "k5"]
        assert await self.known_since(ledger) == 30
        assert await self.effects(ledger) == ["k1", "k2", "k3", "k4", "k5"]
        assert await ledger.prune(25, 0) == 0
        assert await self.known_since(ledger) == 30
        async with opened(await self.die(ledger)) as reborn:
            assert await self.known_since(reborn) == 30
            assert list(await recorded(reborn, "k2", "k3")) == ["k3"]

    # --- full -----------------------------------------------------------------------------------

    @needs(FULL)
    async def test_full_is_said_and_passes(self, ledger: Ledger) -> None:
        """Nothing of the batch is written; when there is room again, all works on."""
        await ledger.results.create(SCHEMA)
        await self.done(ledger, "a")
        large = b'{"x":"' + b"x" * 20_000 + b'"}'
        await self.fill(ledger)
        with pytest.raises(StoreFullError):
            await _fill_up(ledger, large)
        with pytest.raises(StoreFullError):
            await self.done(ledger, "b", output=large * 10)
        for n in range(200):
            found = await recorded(ledger, f"r{n}", f"s{n}")
            assert len(found) in (0, 2)
        assert await recorded(ledger, "a", "b") == {"a": b'{"paid":160}'}
        assert await self.effects(ledger) == ["a"]
        await self.make_room(ledger)
        await self.done(ledger, "b", output=large)
        assert await self.effects(ledger) == ["a", "b"]


async def _fill_up(ledger: Ledger, large: bytes) -> None:
    for n in range(200):
        await ledger.results.record([result(f"r{n}", b"{}"), result(f"s{n}", large)])
