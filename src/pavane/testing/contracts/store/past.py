"""The promises of `ports/past.py`: what is over goes with all that belongs to it, no more."""

from __future__ import annotations

from collections.abc import Sequence

from pavane.core.model.ids import execution_id
from pavane.core.model.rows import PAGE, Header, Ready, Value
from pavane.core.model.status import COMPENSATING, COMPLETED, FAILED, RUNNING
from pavane.errors import StoreError
from pavane.ports.store import Change, Search, Store
from pavane.testing.contracts.store.harness import (
    StoreHarness,
    dump,
    each,
    finish,
    header,
    one,
    opened,
    revision,
    start,
    task,
)

_ENDED_AT = 2_000
_BEFORE = 5_000  # what ended earlier may go
_KEEP_MS = 60_000
_FAR = 1 << 47  # epoch ms: all that the tests write was written long before
_ROWS = 50  # of one sweep


def _id(n: int, at: int = 1_000) -> str:
    return execution_id(at, n)


def _ended(n: int, parent: str = "", **fields: object) -> Change:
    """An execution that is over, with a row in every table, and a mark of what gave up."""
    defaults = {"status": COMPLETED, "ended_at": _ENDED_AT, "parent_id": parent, "key": f"key {n}"}
    change = start(_id(n), **defaults | fields)
    change.ready = [Ready(_id(n), "reserve", 0, "do_reserve", alarm_at=9_000, mark="parked")]
    return change


async def _all_over(store: Store, before: int = _BEFORE, limit: int = 2) -> list[str]:
    found: list[str] = []
    after = ""
    for _ in range(1_000):
        piece, after = await store.past.over(before, after, limit)
        found += piece
        if not after:
            return found
    raise AssertionError("`over` does not come to an end")


async def _sweep(store: Store) -> int:
    swept = 0
    for _ in range(1_000):
        piece = await store.past.sweep(_ROWS)
        if not piece:
            return swept
        swept += piece
    raise AssertionError("`sweep` does not come to an end")


async def _has_nothing_of(store: Store, ids: Sequence[str]) -> None:
    """Whoever would come again under such an id begins with nothing."""
    for id in ids:
        assert await store.commit(one(Change(header(id, key="")))) == set()
    async with store.snapshot() as view:
        for id in ids:
            assert (await view.tasks(id), await view.values(id)) == ([], {})
            assert (await view.ready(id), await view.log(id)) == ([], [])
        assert not [e for e in await view.log_after(0, 1000) if e.execution_id in ids]


class PastTests(StoreHarness):
    """What may go, what goes, and what stays."""

    async def test_over_are_those_that_ended_before(self, store: Store) -> None:
        """Whatever their status; not those that go on, that ended later, or are somebody's step."""
        late = _ended(7)
        late.header.ended_at = _BEFORE
        open_ones = [
            start(_id(n), key=f"key {n}", status=s) for n, s in ((8, RUNNING), (9, FAILED))
        ]
        open_ones[1].header.ended_at = _BEFORE + 1
        undone = start(_id(10), key="key 10", status=COMPENSATING)
        born_later = start(_id(11, _BEFORE + 1), key="key 11", status=COMPLETED)
        over = [_ended(n) for n in range(5)]
        over[1].header.status = FAILED
        others = [late, *open_ones, undone, born_later, _ended(12, _id(0))]
        await store.commit(each([*over, *others]))
        assert await _all_over(store) == [_id(n) for n in range(5)]
        assert await _all_over(store, limit=1_000) == [_id(n) for n in range(5)]
        assert await store.past.over(_BEFORE, _id(2), 1) == ([_id(3)], _id(3))

    async def test_found_beside_many_that_stay(self, store: Store) -> None:
        """Whoever goes on from where it stopped comes to all, however many lie in between."""
        stay = [start(_id(n), key=f"key {n}") for n in range(1, 20)]
        await store.commit(each([*stay, _ended(20), *[_ended(n, _id(20)) for n in range(21, 40)]]))
        await store.commit(each([_ended(40)]))
        assert await _all_over(store) == [_id(20), _id(40)]

    async def test_whole_a_family_goes_at_once(self, store: Store) -> None:
        """With children's children; nobody finds anything of it, also after a death."""
        family = [_ended(1), _ended(2, _id(1)), _ended(3, _id(2)), _ended(4, _id(1))]
        await store.commit(each([*family, _ended(5)]))
        assert await store.past.forget([_id(1)], _BEFORE) == {_id(1)}
        async with opened(await self.die(store)) as reborn:
            for n in range(1, 5):
                assert await revision(reborn, _id(n)) == 0
            keys = [("fulfil_order", f"key {n}") for n in range(1, 6)]
            assert await reborn.find_keys(keys) == {keys[4]: _id(5)}
            async with reborn.snapshot() as view:
                assert [found.id for found in await view.search(Search())] == [_id(5)]
                assert await view.search(Search(parent_id=_id(1))) == []
                assert await view.counts() == {("fulfil_order", COMPLETED): 1}
                assert [await view.ready(_id(n)) for n in range(1, 5)] == [[]] * 4
            assert await _all_over(reborn) == [_id(5)]

    async def test_over_a_family_stays_whole_while_one_goes_on(self, store: Store) -> None:
        """Or ended too late; and nothing goes that is a step of another, or is not there."""
        running = start(_id(2), parent_id=_id(1), key="key 2")
        late = _ended(5, _id(4))
        late.header.ended_at = _BEFORE
        await store.commit(each([_ended(1), running, _ended(3, _id(2)), _ended(4), late]))
        before = await dump(store)
        asked = [_id(n) for n in (1, 2, 3, 4, 5, 6)]
        assert await store.past.forget(asked, _BEFORE) == set()
        assert await _sweep(store) == 0 and await dump(store) == before

    async def test_apart_nothing_else_goes(self, store: Store) -> None:
        """All others are what they were."""
        await store.commit(each([_ended(2), start("plain", key="k"), _ended(5)]))
        before = await dump(store)
        await store.commit(each([_ended(1), _ended(3, _id(1)), _ended(4)]))
        gone = await store.past.forget([_id(4), _id(1)], _BEFORE, wipe=True)
        assert gone == {_id(1), _id(4)}
        await _sweep(store)
        assert await dump(store) == before

    async def test_fenced_a_change_to_what_was_forgotten_loses(self, store: Store) -> None:
        """As when a person asks for a retry at that moment; so is what is in the same unit."""
        await store.commit(each([_ended(1, key=""), _ended(2)]))
        await store.past.forget([_id(1)], _BEFORE)
        retried = Change(header(_id(1), 2, status=RUNNING))
        assert await store.commit(one(retried, start("child", parent_id=_id(1)))) == {0}
        assert await revision(store, "child") == 0

    async def test_fenced_who_goes_on_is_not_forgotten(self, store: Store) -> None:
        """What was over when it was looked at, and is not any more."""
        await store.commit(each([_ended(1)]))
        assert await _all_over(store) == [_id(1)]
        await store.commit(one(Change(header(_id(1), 2, status=RUNNING))))
        assert await store.past.forget([_id(1)], _BEFORE) == set()

    async def test_free_is_its_start_key(self, store: Store) -> None:
        """Unless a successor has it."""
        await store.commit(each([_ended(1), _ended(2, key="k")]))
        over = {"status": COMPLETED, "ended_at": _ENDED_AT, "key": "k"}
        given = Change(header(_id(2), 2, successor=_id(3), **over))
        assert await store.commit(one(given, start(_id(3), key="k"))) == set()
        assert await store.past.forget([_id(1), _id(2)], _BEFORE) == {_id(1), _id(2)}
        assert await store.commit(one(start(_id(4), key="k"))) == {0}
        assert await store.commit(one(start(_id(5), key="key 1"))) == set()
        keys = [("fulfil_order", "k"), ("fulfil_order", "key 1")]
        assert await store.find_keys(keys) == {keys[0]: _id(3), keys[1]: _id(5)}

    async def test_swept_leaves_no_rows(self, store: Store) -> None:
        """A large one goes in pieces."""
        large = _ended(1)
        large.new_tasks = [task(_id(1), f"t{n:03}") for n in range(3 * PAGE)]
        await store.commit(each([large, _ended(2)]))
        ids = [_id(1), _id(2)]
        assert await store.past.forget(ids, _BEFORE, wipe=True) == set(ids)
        await _sweep(store)
        await _has_nothing_of(store, ids)

    async def test_swept_or_let_go_in_one_piece(self, store: Store) -> None:
        """At the latest when all that was begun at the same time has long been over."""
        large = _ended(1)
        large.new_tasks = [task(_id(1), f"t{n:03}") for n in range(3 * PAGE)]
        await store.commit(each([large, _ended(2), start(_id(3), key="goes on")]))
        ids = [_id(1), _id(2)]
        assert await store.past.forget(ids, _BEFORE) == set(ids)
        await _sweep(store)
        await store.past.prepare(_FAR, _KEEP_MS)
        await _sweep(store)
        await _has_nothing_of(store, ids)
        async with store.snapshot() as view:
            assert len(await view.tasks(_id(3))) == len(await view.log(_id(3))) == 1

    async def test_swept_what_goes_on_goes_on_behind_it(self, store: Store) -> None:
        """Whatever was moved about for it."""
        await store.commit(each([_ended(1), start(_id(2), key="goes on")]))
        await store.past.prepare(_FAR, _KEEP_MS)
        assert await store.commit(one(finish(_id(2)))) == set()
        async with store.snapshot() as view:
            assert [each.status for each in await view.tasks(_id(2))] == [COMPLETED]
            assert len(await view.log(_id(2))) == 2
        assert await store.past.forget([_id(2)], _BEFORE, wipe=True) == {_id(2)}
        await _sweep(store)
        await _has_nothing_of(store, [_id(2)])

    async def test_swept_positions_do_not_come_again(self, store: Store) -> None:
        """Who reads the log behind a position misses nothing that comes later."""
        await store.commit(each([_ended(1)]))
        async with store.snapshot() as view:
            (last,) = await view.log_after(0, 9)
        await store.past.forget([_id(1)], _BEFORE)
        await _sweep(store)
        await store.commit(each([_ended(2)]))
        await store.commit(each([_ended(3)]))
        async with store.snapshot() as view:
            found = await view.log_after(last.position, 9)
            assert [entry.execution_id for entry in found] == [_id(2), _id(3)]

    async def test_isolated_a_snapshot_has_what_it_saw(self, store: Store) -> None:
        """Whatever is forgotten and swept meanwhile."""
        await store.commit(each([_ended(1), _ended(2, _id(1))]))
        async with store.snapshot() as view:
            before = await view.tasks(_id(2))
            await store.past.forget([_id(1)], _BEFORE)
            await _sweep(store)
            assert await view.tasks(_id(2)) == before != []
            found = await view.header(_id(1))
            assert isinstance(found, Header) and len(await view.log_after(0, 9)) == 2

    async def test_prepare_may_come_at_any_time(self, store: Store) -> None:
        """And again; what is written meanwhile is as it was."""
        await store.past.prepare(1_000, _KEEP_MS)
        await store.commit(each([_ended(1), start("plain", key="k")]))
        for hour in range(30):
            now = 1_000 + hour * _KEEP_MS
            await store.past.prepare(now, _KEEP_MS)
            await store.commit(one(_ended(100 + hour, key="", created_at=now)))
        assert await store.past.forget([_id(1)], _BEFORE) == {_id(1)}
        await _sweep(store)
        await store.past.prepare(1_000_000_000, _KEEP_MS)
        async with store.snapshot() as view:
            assert (await view.value("plain", "input")) == b'{"order":7}'
            assert len(await view.search(Search())) == 31
        await store.commit(one(Change(header("plain", 2), values=[Value("plain", "a", b"1")])))
        async with store.snapshot() as view:
            assert len(await view.values("plain")) == 2

    async def test_closed_is_refused(self, store: Store) -> None:
        """As all is."""
        await store.close()
        for call in (store.past.over(1, "", 1), store.past.forget(["a"], 1), store.past.sweep(1)):
            try:
                await call
            except StoreError:
                continue
            raise AssertionError("a store that is closed answers")
