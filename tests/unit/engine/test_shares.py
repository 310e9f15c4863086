"""Nodes that look at the same queues: each takes other tasks, and none is left lying."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from pavane.core.decide.draft import Rows
from pavane.core.model.rows import Ready
from pavane.engine.others import Others
from pavane.engine.recent import Recent
from pavane.engine.shares import MOMENT_MS, Shares
from pavane.testing.contracts.store.harness import header
from tests.unit.engine.test_shared_limits import SEEDS, Company, play

MANY = 400
QUICK_S = 0.01


def lost_per_task(count: int, seed: int) -> float:
    """Units that lose, for each task that the workers of so many nodes do; reported at any node."""

    async def scene(company: Company) -> None:
        company.work_s = QUICK_S
        starting = [company.start("open", n) for n in range(MANY)]
        ids = await asyncio.gather(*starting)
        begun = asyncio.get_running_loop().time()
        assert await company.ended(ids) - begun < 3 * MOMENT_MS[1] / 1000, "something lay around"

    return play(seed, count, scene).seen["lost"] / MANY


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [2, 3])
def test_nodes_hardly_ever_take_the_same(count: int, seed: int):
    assert lost_per_task(count, seed) < 0.3


def test_it_is_the_shares_that_keep_them_apart(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Others, "share", lambda self, task: (0, 1))
    assert lost_per_task(3, 1) > 0.6


class Two:
    """Another node does the task as well."""

    def share(self, task: str) -> tuple[int, int]:
        return 0, 2


def rows(now: int) -> list[Ready]:
    found = [Ready(f"{n:03}", "do", 0, "q", now - 20, priority=n // 50) for n in range(100)]
    return sorted(found, key=lambda each: -each.priority)


async def in_turn(shares: Shares, now: int, most: int) -> list[Ready]:
    return shares.in_turn(rows(1000), most, now)


def test_what_is_more_urgent_comes_first_and_of_that_our_own():
    woken: list[str] = []

    async def scene() -> None:
        shares = Shares(Two(), woken.append)  # type: ignore[arg-type]  # all that is asked of it
        fresh = await in_turn(shares, 1000, 10)
        assert 30 < len(fresh) < 70 and all(map(shares.is_ours, fresh))
        found = await in_turn(shares, 1000 + int(MOMENT_MS[0]), 10)
        order = [(-each.priority, not shares.is_ours(each)) for each in found]
        assert len(found) == 100 and order == sorted(order) and len(set(order)) == 4
        await asyncio.sleep(2 * MOMENT_MS[0] / 1000)
        assert woken == [], "there was enough"
        await in_turn(shares, 1000, 100)
        await asyncio.sleep(2 * MOMENT_MS[0] / 1000)
        assert woken == ["q"], "what was left may be taken by now"

    asyncio.run(scene())


def test_a_moment_is_longer_the_more_is_lost():
    async def scene() -> None:
        shares = Shares(Two(), print)  # type: ignore[arg-type]  # all that is asked of it
        theirs = [each for each in rows(1000) if not shares.is_ours(each)]
        for _ in range(10):
            shares.claimed(theirs, set())
        late = 1000 + int(MOMENT_MS[1]) - 30
        assert all(map(shares.is_ours, await in_turn(shares, late, 10)))
        for _ in range(20):
            shares.claimed(theirs, {(each.execution_id, each.ref) for each in theirs})
        assert len(await in_turn(shares, 1000 + int(MOMENT_MS[0]), 10)) == 100

    asyncio.run(scene())


def test_what_is_stale_too_often_is_loaded_instead():
    recent, plan = Recent(), cast("Any", None)

    def taken(n: int) -> bool:
        recent.keep(Rows(header=header(str(n))), plan)
        return recent.take(str(n)) is not None

    assert all(taken(n) for n in range(100))
    for n in range(8):
        recent.forget(str(n), was_stale=True)
    assert taken(0), "now and then costs less than a load each time"
    for n in range(8):
        recent.forget(str(n), was_stale=True)
    found = [taken(n) for n in range(600)]
    assert not any(found[:450]) and all(found[-50:]), "and is tried again"
