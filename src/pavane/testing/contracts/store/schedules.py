"""Promise 11: scheduled."""

from __future__ import annotations

from pavane.ports.store import Store
from pavane.testing.contracts.store.harness import StoreHarness, opened


class ScheduleTests(StoreHarness):
    """What starts by itself is kept like everything else."""

    async def test_scheduled_what_was_put_last_is_there(self, store: Store) -> None:
        """By name; replaced as a whole."""
        assert await store.schedules() == {}
        for name, body in (("b", b"{}"), ("a", b'{"old":1}'), ("a", b'{"new":1}')):
            await store.put_schedule(name, body)
        found = await store.schedules()
        assert list(found.items()) == [("a", b'{"new":1}'), ("b", b"{}")]

    async def test_scheduled_what_was_removed_is_gone(self, store: Store) -> None:
        """Once, and nothing else with it."""
        await store.put_schedule("a", b"{}")
        await store.put_schedule("b", b"{}")
        assert await store.remove_schedule("a")
        assert not await store.remove_schedule("a")
        assert await store.schedules() == {"b": b"{}"}

    async def test_scheduled_after_a_death_too(self, store: Store) -> None:
        """What was put, and what was removed."""
        await store.put_schedule("a", b"{}")
        await store.put_schedule("b", b"{}")
        await store.remove_schedule("b")
        async with opened(await self.die(store)) as reborn:
            assert await reborn.schedules() == {"a": b"{}"}
