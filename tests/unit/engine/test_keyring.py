"""The keyring: which text opens, and until when."""

import hashlib
import random

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.core.model.access import ROLES, reach
from pavane.engine.keyring import LATEST, Keyring
from pavane.errors import AlreadyExistsError, ConflictError, InputError, NotFoundError

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that is set."""

    at = 1000

    def now(self) -> int:
        return self.at


async def keyring(store: MemoryStore | None = None, clock: Clock | None = None) -> Keyring:
    chosen = store or MemoryStore()
    await chosen.open()
    made = Keyring(chosen.keys, clock or Clock(), random.Random(7))
    await made.load()
    return made


def test_what_roles_include():
    assert reach(["work"]) == {"work"}
    assert reach(["operate", "define"]) == {"operate", "define", "read"}
    assert reach(["administer"]) == set(ROLES)


async def test_only_the_whole_key_opens():
    ring = await keyring()
    key, text = await ring.add("boss", ["administer"])
    other, other_text = await ring.add("press", ["read"])
    holder = ring.holder(text)
    assert holder is not None
    assert (holder.key.name, holder.roles) == ("boss", set(ROLES))
    secret = text.rpartition("_")[2]
    for wrong in (
        "",
        text[:-1],
        text + "a",
        text.upper(),
        text[:-1] + ("a" if text[-1] != "a" else "b"),
        f"pvk_{other.id}_{secret}",
        f"pvk_{key.id}_{other_text.rpartition('_')[2]}",
        f"pvk_{'a' * 10}_{secret}",
        text + "\n",
        "x" * 1_000_000,
    ):
        assert ring.holder(wrong) is None, wrong[:80]


async def test_what_is_kept_is_a_digest():
    store = MemoryStore()
    ring = await keyring(store)
    key, text = await ring.add("boss", ["read", "read"])
    (kept,) = await store.keys.all()
    assert kept == key
    assert kept.roles == ("read",)
    secret = text.rpartition("_")[2]
    assert len(secret) * 5 >= 256
    assert kept.digest == hashlib.sha256(secret.encode()).digest()
    assert secret not in repr(kept)


async def test_a_key_goes_out_of_date():
    clock = Clock()
    ring = await keyring(clock=clock)
    _, text = await ring.add("press", ["administer"], expires_at=2000)
    holder = ring.holder(text)
    assert holder is not None
    clock.at = 1999
    assert ring.stands(holder) and ring.administered()
    clock.at = 2000
    assert not ring.stands(holder)
    assert ring.holder(text) is None
    assert not ring.administered()


async def test_a_removed_key_opens_nothing_from_then_on():
    store = MemoryStore()
    ring = await keyring(store)
    key, text = await ring.add("press", ["read"])
    holder = ring.holder(text)
    assert holder is not None
    assert (await ring.remove("press")).id == key.id
    assert not ring.stands(holder)
    assert ring.holder(text) is None
    again = await keyring(store)
    assert again.holder(text) is None
    with pytest.raises(NotFoundError):
        await ring.remove(key.id)
    _, new_text = await ring.add("press", ["read"])
    assert ring.holder(new_text)


async def test_the_last_that_administers_can_be_spared():
    ring = await keyring()
    boss, _ = await ring.add("boss", ["administer"])
    await ring.add("press", ["read"])
    with pytest.raises(ConflictError, match="last key"):
        await ring.remove("boss", spare_last=True)
    await ring.remove("press", spare_last=True)
    await ring.add("boss2", ["administer"])
    await ring.remove(boss.id, spare_last=True)


async def test_what_cannot_be_a_key():
    ring = await keyring()
    await ring.add("boss", ["read"])
    with pytest.raises(AlreadyExistsError):
        await ring.add("boss", ["work"])
    for name in ("", "-x", "a b", "x" * 65, "nö", "a\n"):
        with pytest.raises(InputError):
            await ring.add(name, ["read"])
    for wrong in (1, 1000, LATEST + 1, -5):
        with pytest.raises(InputError):
            await ring.add("press", ["read"], expires_at=wrong)
    with pytest.raises(InputError):
        await ring.add("press", [])
    assert [each.key.name for each in ring.holders()] == ["boss"]
