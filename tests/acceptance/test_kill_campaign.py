"""kill -9 of the one process, again and again: every order ends, nothing is lost or doubled."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pavane.ports.store import Search
from tests.acceptance.campaign import judge, shop, world
from tests.acceptance.campaign.judge import Remains
from tests.acceptance.campaign.lives import ALL_POINTS, Kill, Process, plan_of_kills
from tests.acceptance.campaign.observer import Observer

pytestmark = pytest.mark.anyio

ORDERS = 300
KILLS = 20
SEED = int(os.environ.get("CAMPAIGN_SEED", "1"))


async def remains(folder: Path, observer: Observer) -> Remains:
    async with observer.looking() as snapshot:
        headers = await snapshot.search(Search(limit=10 * ORDERS))
        tasks = {header.id: await snapshot.tasks(header.id) for header in headers}
        ready = [row for header in headers for row in await snapshot.ready(header.id)]
        log = await snapshot.log_after(0, 1_000_000)
    assert [row for row in ready if not row.mark] == [], "something is still waiting"
    return Remains(headers, tasks, log, world.attempts(folder), world.effects(folder))


def check(left: Remains, observer: Observer, orders: list[shop.Order]) -> None:
    judge.ended(left, orders)
    judge.effects_fit(left)
    judge.nothing_lost(left, observer)
    judge.nothing_doubled(left, observer)


async def test_twenty_kills_lose_and_double_nothing(tmp_path: Path):
    print(f"CAMPAIGN_SEED={SEED}")
    kills = plan_of_kills(KILLS, random.Random(SEED))
    observer = Observer(tmp_path / "store.db")
    broken_off = 0
    for life, kill in enumerate([*kills, Kill()]):
        # Each life has new orders to begin, so that none is killed with nothing to do.
        known, up_to = ORDERS * life // (KILLS + 1), ORDERS * (life + 1) // (KILLS + 1)
        env = {"ORDERS": ORDERS, "SEED": SEED, "KNOWN": known, "UP_TO": up_to}
        async with Process(tmp_path, life, env, kill) as process:
            code = await process.live(observer)
        last = life == KILLS
        assert code == (0 if last else -signal.SIGKILL), f"{kill} missed: {process.output}"
        await observer.look(life)  # what was committed in the very last moment
        async with observer.looking() as snapshot:
            broken_off += bool(await snapshot.search(Search(statuses=("RUNNING",), limit=1)))
    left = await remains(tmp_path, observer)
    hits = Counter(hit.point for hit in world.hits(tmp_path))
    again = Counter((call.key, call.attempt) for call in left.attempts)
    print(
        f"{len(kills)} kills, {broken_off} of them with orders under way; "
        f"at points: {dict(hits)}\n"
        f"{Counter(header.status for header in left.headers)}\n"
        f"{len(left.attempts)} attempts, {sum(n > 1 for n in again.values())} delivered again, "
        f"{Counter(effect.sign for effect in left.effects)} effects done and reversed, "
        f"{len(left.log)} log records"
    )
    assert hits.keys() == set(ALL_POINTS), f"missed: {set(ALL_POINTS) - hits.keys()}"
    assert sum(hits.values()) == KILLS // 2
    assert broken_off >= KILLS // 2, "kills of a process that has nothing to do prove nothing"
    assert len(again) < len(left.attempts), "no kill came between an attempt and its report"
    check(left, observer, shop.orders(ORDERS, SEED))
    the_judge_is_awake(left, observer)


def the_judge_is_awake(left: Remains, observer: Observer) -> None:
    """With anything lost or doubled it would have said so."""
    effect, record = left.effects[0], left.log[len(left.log) // 2]
    call = left.attempts[0]._replace(life=KILLS)
    tampered: list[tuple[Callable[[Remains], None], Remains]] = [
        (judge.effects_fit, left._replace(effects=left.effects[1:])),
        (judge.effects_fit, left._replace(effects=left.effects[:-1])),
        (judge.effects_fit, left._replace(effects=[*left.effects, effect])),
        (judge.effects_fit, left._replace(effects=left.effects[::-1])),
        (
            lambda with_less: judge.nothing_lost(with_less, observer),
            left._replace(log=[each for each in left.log if each != record]),
        ),
        (lambda with_less: judge.nothing_lost(with_less, observer), left._replace(tasks={})),
        (
            lambda with_more: judge.nothing_doubled(with_more, observer),
            left._replace(log=[*left.log, record]),
        ),
        (
            lambda with_more: judge.nothing_doubled(with_more, observer),
            left._replace(attempts=[*left.attempts, call]),
        ),
    ]
    for verdict, remains_ in tampered:
        with pytest.raises(AssertionError):
            verdict(remains_)


async def test_a_graceful_stop_breaks_nothing_off(tmp_path: Path):
    """SIGTERM: what was begun is finished and committed, nothing more is begun, exit 0, soon."""
    observer = Observer(tmp_path / "store.db")
    env = {"ORDERS": 60, "SEED": SEED, "KNOWN": 0, "UP_TO": 60}
    async with Process(tmp_path, 0, env, Kill()) as process:
        await process.until(40)
        asked = time.monotonic()
        process.signal(signal.SIGTERM)
        assert await process.end() == 0, process.output
        took_s = time.monotonic() - asked
    assert took_s < 9, took_s  # less than the grace that work which hangs would get
    assert "done" not in process.output, "it was to be stopped in the middle"
    assert not (tmp_path / "store.db-wal").exists(), "the log was moved into the database"
    await observer.look(0)
    async with observer.looking() as snapshot:
        headers = await snapshot.search(Search(statuses=("RUNNING", "COMPENSATING"), limit=100))
        held = [r for h in headers for r in await snapshot.ready(h.id) if r.worker]
    assert headers
    assert held == [], "a task that was begun was neither finished nor given back"

    async with Process(tmp_path, 1, env, Kill()) as process:
        assert await process.end(observer) == 0, process.output
    left = await remains(tmp_path, observer)
    check(left, observer, shop.orders(60, SEED))
    calls = Counter((call.key, call.attempt) for call in left.attempts)
    assert max(calls.values()) == 1, "what was finished is not done again"
