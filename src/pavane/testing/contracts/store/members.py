"""The promises of `ports/members.py`, for stores that several processes use at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from pavane.core.model.task_definition import TaskDefinition
from pavane.ports.keys import StoredKey
from pavane.ports.members import PUT, Members
from pavane.ports.store import Store, StoredWorkflow
from pavane.testing.contracts.store.harness import StoreHarness, needs, opened

SHARED: Final = "shared"  # several processes use it at once: it has members

_LONG_MS = 60_000
_SHORT_MS = 60


class MemberTests(StoreHarness):
    """Feature SHARED: who is alive, whose lease has run out, who has a duty."""

    async def beside(self, store: Store) -> Store:
        """Feature SHARED: another store on the same data, not open yet."""
        raise NotImplementedError

    @needs(SHARED)
    async def test_alive_are_those_who_beat(self, store: Store) -> None:
        """With what was said last, as everybody sees it."""
        members = _of(store)
        assert await members.beat({"a": b"1", "b": b""}, _LONG_MS) == {"a", "b"}
        assert await members.beat({"a": b"2"}, _LONG_MS) == set()
        async with opened(await self.beside(store)) as other:
            assert await _of(other).alive() == {"a": b"2", "b": b""}
            await _of(other).leave(["b", "nobody"])
        assert await members.alive() == {"a": b"2"}
        assert await members.lapsed() == []

    @needs(SHARED)
    async def test_lapsed_are_those_whose_lease_ran_out(self, store: Store) -> None:
        """Until they are buried, or beat again; also after a death."""
        members = _of(store)
        await members.beat({"a": b"", "b": b"", "c": b""}, _SHORT_MS)
        await members.beat({"long": b""}, _LONG_MS)
        await asyncio.sleep(3 * _SHORT_MS / 1000)
        assert await members.lapsed() == ["a", "b", "c"]
        assert list(await members.alive()) == ["long"]
        assert await members.beat({"a": b""}, _LONG_MS) == {"a"}
        async with opened(await self.die(store)) as reborn:
            members = _of(reborn)
            assert await members.lapsed() == ["b", "c"]
            await members.bury(["a", "b", "long"])
            assert await members.lapsed() == ["c"]
            assert list(await members.alive()) == ["a", "long"]

    @needs(SHARED)
    async def test_a_duty_has_one_holder(self, store: Store) -> None:
        """Others get it when the lease has run out, or was given up."""
        async with opened(await self.beside(store)) as other:
            one, two = _of(store), _of(other)
            assert await one.hold(["d"], "one", _LONG_MS)
            assert not await two.hold(["d"], "two", _LONG_MS)
            assert await two.hold(["e"], "two", _SHORT_MS)
            assert await one.hold(["d"], "one", _SHORT_MS)
            await asyncio.sleep(3 * _SHORT_MS / 1000)
            assert await two.hold(["d"], "two", _LONG_MS)
            assert not await one.hold(["d"], "one", _LONG_MS)
            await two.let_go("two")
            assert await one.hold(["d"], "one", _LONG_MS)

    @needs(SHARED)
    async def test_of_many_who_want_a_duty_one_gets_it(self, store: Store) -> None:
        """At the same moment."""
        members = _of(store)
        for duty in "abc":
            asked = [members.hold([duty], f"n{i}", _LONG_MS) for i in range(8)]
            assert sorted(map(len, await asyncio.gather(*asked))) == [0] * 7 + [1]

    @needs(SHARED)
    async def test_what_members_keep_in_mind_is_marked(self, store: Store) -> None:
        """Whoever puts it, and whatever it is."""
        async with opened(await self.beside(store)) as other:
            marks = [await _of(store).mark()]

            async def marked() -> None:
                marks.append(await _of(store).mark())

            await other.put_workflow(StoredWorkflow("w", 1, "hash"))
            await marked()
            await other.put_task_definitions({"t": repr(TaskDefinition(name="t")).encode()})
            await marked()
            await other.put_schedule("s", b"{}")
            await marked()
            await other.remove_schedule("s")
            await marked()
            await other.keys.add(StoredKey("k", "name", ("work",), b"digest", 1))
            await marked()
            await other.keys.remove("k")
            await marked()
            assert marks == sorted(set(marks))
            assert await _of(store).mark() == marks[-1]

    @needs(SHARED)
    async def test_heard_is_what_others_tell(self, store: Store) -> None:
        """Each word, however many there are; not by whoever told it; and that something was put."""
        async with opened(await self.beside(store)) as one, opened(await self.beside(store)) as two:
            heard: list[list[str]] = [[], [], []]
            for each, words in zip((store, one, two), heard, strict=True):
                assert await _of(each).hear(words.extend)
            many = {f"word {n} \u00e9\u2603" for n in range(1500)}
            _of(store).tell(["first", "first"])
            for word in sorted(many):
                _of(store).tell([word])
            _of(two).tell(["last"])
            await one.put_schedule("s", b"{}")
            told = {"first", "last", PUT, *many}
            await until(lambda: told <= set(heard[1]) | {PUT} and PUT in heard[2])
            await until(lambda: set(heard[0]) >= {"last", PUT})
            assert heard[1].count("first") >= 1
            assert set(heard[2]) == told - {"last"}
            assert set(heard[0]) == {"last", PUT}


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(3):
        while not is_so():  # noqa: ASYNC110 - whatever it is, it tells of no event
            await asyncio.sleep(0.01)


def _of(store: Store) -> Members:
    assert store.members is not None
    return store.members
