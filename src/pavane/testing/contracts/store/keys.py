"""The promises of `ports/keys.py`, which every store keeps beside its rows."""

from __future__ import annotations

from typing import Any

from pavane.ports.keys import StoredKey
from pavane.ports.store import Store
from pavane.testing.contracts.store.harness import StoreHarness, opened


def key(id: str, name: str = "", **fields: Any) -> StoredKey:
    """A key with something in every field."""
    fields = {"roles": ("read", "work"), "digest": bytes(range(32)), "created_at": 5} | fields
    return StoredKey(id, name or f"name of {id}", **fields)


class KeyTests(StoreHarness):
    """Who may come in is kept as well as what they come for."""

    async def test_whole_keys_come_back_as_they_were_added(self, store: Store) -> None:
        """Every field, in the order of their ids."""
        assert await store.keys.all() == []
        first, second = key("a", expires_at=1 << 45), key("b", "ä", roles=("administer",))
        assert await store.keys.add(second)
        assert await store.keys.add(first)
        assert await store.keys.all() == [first, second]

    async def test_single_a_taken_id_or_name_is_refused(self, store: Store) -> None:
        """What stood there stays."""
        first = key("a", "boss")
        assert await store.keys.add(first)
        assert not await store.keys.add(key("a", "another", digest=bytes(32)))
        assert not await store.keys.add(key("b", "boss", digest=bytes(32)))
        assert await store.keys.all() == [first]

    async def test_durable_what_was_done_outlives_the_process(self, store: Store) -> None:
        """Both a key that was added and one that was removed."""
        await store.keys.add(key("a"))
        await store.keys.add(key("b"))
        assert await store.keys.remove("a")
        async with opened(await self.die(store)) as next_store:
            assert await next_store.keys.all() == [key("b")]

    async def test_gone_a_removed_key_frees_its_name(self, store: Store) -> None:
        """Removing says whether there was one."""
        await store.keys.add(key("a", "boss"))
        assert await store.keys.remove("a")
        assert not await store.keys.remove("a")
        assert await store.keys.all() == []
        assert await store.keys.add(key("b", "boss"))
        assert [each.id for each in await store.keys.all()] == ["b"]
