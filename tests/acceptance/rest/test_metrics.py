"""`/metrics` and the lag of groups: what operators see of a conductor, of dancers, and of a bus."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from pavane import Event, Fail, Service, workflow
from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import conducting, dancing_services, queued_services, running_engine
from pavane.doors.executions.lag import Lag, LagView, lag_of
from pavane.doors.metrics.table import METRICS, SERIES_MAX
from pavane.doors.metrics.text import OTHERS, bounded, written
from pavane.doors.rest.app import build_app
from pavane.errors import NoBusError
from pavane.ports.bus import REPORTS, SERVERS, task_group, task_topic

pytestmark = pytest.mark.anyio

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)+)\})? ([-+0-9.e]+)')
KINDS = {each.name: each.kind for each in METRICS}


def read(text: str) -> dict[str, float]:
    """The samples of a page, each with its labels as they stand; every line is as it must be."""
    found: dict[str, float] = {}
    said: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            assert word in {"HELP", "TYPE"}
            assert word == "HELP" or rest == KINDS[name]
            said.add(f"{word} {name}")
            continue
        match = LINE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        assert {f"HELP {name}", f"TYPE {name}"} <= said, "what it is stands before it"
        found[f"{name}{{{labels}}}" if labels else name] = float(value)
    return found


async def page(app: object) -> dict[str, float]:
    transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType] any ASGI app
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return read(answer.text)


shop = Service("shop")


@shop.task(retries=1, retry_delay="10ms")
async def sell(what: str) -> str:
    if what == "harp":
        raise Fail("sold out")
    if what == "viol":
        raise ValueError("dropped")
    return what


@workflow
async def sale(what: str) -> str:
    return await sell(what)


class Sold(Event, type="shop.sale.made.v1", key="what"):
    what: str


async def test_a_conductor_counts_what_it_does():
    async with running_engine(MemoryStore(), services=[shop], workflows=[sale]) as engine:
        app = build_app(engine)
        before = await page(app)
        assert before["pavane_commits_total"] == 0
        assert before['pavane_duty{duty="timers"}'] == 1
        for what in ("lute", "lute", "harp", "viol"):
            id = await engine.start_execution("sale", b'{"what":"%s"}' % what.encode())
            await engine.wait(id)
        await engine.register(tasks=[])
        after = await page(app)
        assert after['pavane_executions_total{status="RUNNING"}'] == 4
        assert after['pavane_executions_total{status="COMPLETED"}'] == 2
        assert after['pavane_executions_total{status="FAILED"}'] == 2
        assert after['pavane_attempts_total{status="COMPLETED"}'] == 2
        assert after['pavane_attempts_total{status="FAILED_WITH_TERMINAL_ERROR"}'] == 1
        assert after['pavane_attempts_total{status="FAILED"}'] == 2
        assert after["pavane_attempts_scheduled_total"] == 5
        assert after["pavane_tasks_taken_total"] == 5
        assert after["pavane_changes_total"] >= after["pavane_commits_total"] >= 5
        assert after["pavane_requests_lost_total"] == after["pavane_requests_waiting"] == 0


async def test_what_waits_in_the_store_is_shown_by_task():
    async with running_engine(MemoryStore()) as engine:
        await engine.register([sale.definition], [each.definition for each in shop.tasks])
        for _ in range(3):
            await engine.start_execution("sale", b'{"what":"lute"}')
        assert (await page(build_app(engine)))['pavane_tasks_waiting{task="sell"}'] == 3
        async with engine.taking(["sell"], "remote/a", 2) as taking:
            await taking.at_once()
            session, _ = engine.sessions.heard("remote/a")
            engine.sessions.given(session, taking.given)
        after = await page(build_app(engine))
        assert after['pavane_tasks_waiting{task="sell"}'] == 1
        assert (after["pavane_workers"], after["pavane_leases"]) == (1, 2)


async def test_services_on_a_bus_are_seen_with_their_tasks_and_lag(tmp_path: Path):
    bus = f"embedded:{tmp_path / 'bus'}"
    gate = asyncio.Event()
    slow = Service("slow", concurrency=2)

    @slow.task
    async def wait() -> None:
        await gate.wait()

    @workflow
    async def patience() -> None:
        await wait()

    async with (
        conducting(f"sqlite:///{tmp_path / 's.db'}", bus) as (engine, company),
        queued_services(bus, services=[slow], workflows=[patience]),
        asyncio.timeout(30),
    ):
        ids = [await engine.start_execution("patience", b"{}") for _ in range(5)]
        app = build_app(engine, company)
        while (seen := await page(app)).get('pavane_bus_tasks{service="slow"}') != 2:  # noqa: ASYNC110  # a page tells nobody
            await asyncio.sleep(0.05)
        assert seen['pavane_bus_processes{service="slow"}'] == 1
        assert seen['pavane_bus_places{service="slow"}'] == 2
        assert seen['pavane_tasks_waiting{task="wait"}'] == 3
        assert seen["pavane_bus_up"] == 1
        task = f'pavane_bus_lag{{group="{task_group("slow")}",topic="{task_topic("slow")}"}}'
        assert seen[task] == 2, "what is in hand is not done"
        assert f'pavane_bus_lag{{group="{SERVERS}",topic="{REPORTS}"}}' in seen
        assert seen['pavane_set_aside{service="conductor",kind="dead"}'] == 0
        gate.set()
        for id in ids:
            assert (await engine.wait(id)).status == "COMPLETED"
        while (await page(app))[task]:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)


async def test_dead_letters_and_lag_of_dancers(tmp_path: Path):
    bank = Service("bank")

    @bank.on(Sold, retries=0)
    async def book(event: Sold) -> None:
        raise Fail("closed")

    async with (
        dancing_services(f"embedded:{tmp_path}", services=[bank]) as company,
        asyncio.timeout(30),
    ):
        for what in ("lute", "harp"):
            await company.publish(Sold(what=what))
        app = build_app(None, company)
        dead = 'pavane_set_aside{service="bank",kind="dead"}'
        while (seen := await page(app))[dead] < 2:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
        assert "pavane_commits_total" not in seen, "there is no conductor"
        assert "pavane_relay_backlog" not in str(seen), "nothing is copied on this bus"
        while LagView("bank", "shop.sale.v1", 0) not in (await lag_of(company)).lag:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)


async def test_a_bus_in_memory_does_not_say_and_harms_nothing():
    async with dancing_services("memory:", services=[shop]) as company:
        seen = await page(build_app(None, company))
        assert 'pavane_set_aside{service="shop",kind="dead"}' in seen
        assert "pavane_relay_backlog" in str(seen)
        assert "pavane_bus_up" not in seen
        with pytest.raises(NoBusError):
            await lag_of(company)
    with pytest.raises(NoBusError):
        await lag_of(None)


def test_labels_are_bounded_and_escaped():
    many = {(f"t{n:04}",): float(n) for n in range(SERIES_MAX + 50)}
    kept = bounded(many)
    assert len(kept) == SERIES_MAX
    assert kept[OTHERS,] == sum(range(51))
    assert sum(kept.values()) == sum(many.values())
    odd = written({"pavane_tasks_waiting": {('a"\\\nb',): 1}}).decode()
    assert odd.endswith('pavane_tasks_waiting{task="a\\"\\\\\\nb"} 1\n')
    assert written({}) == b""
    assert Lag([]).lag == []
