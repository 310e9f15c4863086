"""Whenever the process dies: a wait ends once, an event starts once, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.bootstrap.choreographed import choreographies_of, dancing, open_company
from pavane.core.model.event import CloudEvent, Outgoing, topic_of_type
from pavane.ports.bus import JOURNAL
from pavane.ports.ledger import Entry
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.acceptance.events.test_starting import BY_ORDER, packing
from tests.acceptance.events.test_waiting import PAID, of, waiting

STARTED = "shop.order.created.v1"
FOLLOWED = "shop.order.settled.v1"


class Mortal(MemoryLedger):
    """Its process dies before, or just behind, one of its commits."""

    def __init__(self, lives: int = 1_000_000, *, behind: bool = False) -> None:
        super().__init__()
        self.lives = lives
        self.behind = behind
        self._buried = asyncio.Event()

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        self.lives -= 1
        if self.lives < 0 and not self.behind:
            await self._die()
        lost = await super().commit(entries)
        if self.lives < 0:
            await self._die()
        return lost

    async def _die(self) -> None:
        await self._buried.wait()
        raise asyncio.CancelledError

    def crash(self) -> MemoryLedger:
        self._buried.set()
        return super().crash()


def told(type: str, id: str, data: Any) -> Outgoing:
    return Outgoing(
        topic_of_type(type), "", CloudEvent(id, "outside", type, data=msgspec.json.encode(data))
    )


async def played(lives: int, behind: bool, slow_s: float) -> tuple[dict[str, str], list[str], bool]:
    """Three workflows, each with its event, and one death; their ends, what was done and told."""
    bus, clock, done = MemoryBus(), VirtualClock(), list[str]()
    service = Service("shop")

    @service.task(read_only=True)
    async def look(order: str) -> str:
        await asyncio.sleep(slow_s)
        return order

    @service.task(retries="forever", pivot=True)
    async def pack(order: str) -> None:
        done.append(order)

    settled = waiting()
    tell = {
        "name": "tell",
        "taskReferenceName": "tell",
        "type": "EVENT",
        "sink": f"event:{FOLLOWED}",
        "inputParameters": {"amount": "${paid.output.amount}"},
    }
    whole = msgspec.to_builtins(settled)
    settled = msgspec.convert({**whole, "tasks": [*whole["tasks"], tell]}, type(settled))
    known = choreographies_of([service], [settled, packing(BY_ORDER)])
    ledger = Mortal(lives, behind=behind)
    async with open_company(bus, known, clock) as company, AsyncExitStack() as lives_on:
        async with AsyncExitStack() as life:
            process = dancing(service, company, ledger, clock, None, None)
            begun = asyncio.ensure_future(life.enter_async_context(process))
            await asyncio.wait([begun], timeout=5)  # it may die while it begins
            orders = ("early", "late")
            await bus.publish([told(PAID, "paid-early", {"order": of("early"), "amount": 1})])
            ids = {
                each: await company.requests.start(
                    "waiting", msgspec.json.encode({"order": each}), key=each
                )
                for each in orders
            }
            await bus.publish([told(STARTED, "web-1", {"order_id": "lute"})])
            await asyncio.sleep(5)
            await bus.publish([told(PAID, "paid-late", {"order": of("late"), "amount": 2})])
            await asyncio.sleep(5)
            died = ledger.lives < 0
            successor = ledger.crash() if died else None
            await asyncio.wait([begun])
            if successor is None:
                await lives_on.enter_async_context(life.pop_all())
        if successor is not None:
            next_one = dancing(service, company, successor, clock, None, None)
            await lives_on.enter_async_context(next_one)
        await asyncio.sleep(120)
        ends = {
            each: f"{view.status} {bytes(view.output or b'').decode()}"
            for each, id in ids.items()
            if (view := company.observer.execution(id))
        }
        log = await (successor or ledger).log_after(0, 1000)
    followed = [r.out.event.id for r in log if r.out.event.type == FOLLOWED]
    assert len(followed) == len(set(followed))
    assert len(followed) == 2
    assert all(r.out.topic == JOURNAL for r in log if r.out.event.type.startswith("pavane.journal"))
    return ends, done, died


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("slow_s", [0, 1])
def test_death_at_each_commit_changes_nothing(behind: bool, slow_s: float):
    deaths = 0
    for lives in range(60):
        ends, done, died = run(played(lives, behind, slow_s), seed=lives)
        assert {each: end.partition(" ")[0] for each, end in ends.items()} == {
            "early": "COMPLETED",
            "late": "COMPLETED",
        }, lives
        assert '"paid":1' in ends["early"]
        assert '"paid":2' in ends["late"]
        assert set(done) == {"lute"}
        assert len(done) <= 2  # an effect may be done again, when nobody knows whether it was
        deaths += died
        if not died:
            break
    assert deaths > 8
