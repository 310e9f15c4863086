"""Processes are killed, stopped and restarted in each style, again and again: every order ends."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pavane.core.model import status as st
from pavane.engine.views.shapes import ExecutionSummary
from tests.acceptance.campaign import shop, world
from tests.acceptance.campaign.world import Effect
from tests.acceptance.company import judge
from tests.acceptance.company.clients import Customer, customer
from tests.acceptance.company.faults import Fault, plan, points_of
from tests.acceptance.company.part import LEASE_S
from tests.acceptance.company.processes import Company
from tests.acceptance.company.world import honoured

pytestmark = pytest.mark.anyio

PROVING = os.environ.get("PAVANE_PROVE", "") not in {"", "0"}
ORDERS, FAULTS = (300, 40) if PROVING else (210, 28)  # at 28 half of them are the named points
SEED = int(os.environ.get("CAMPAIGN_SEED", "1"))
STOPPED_S = 2 * LEASE_S
HIT_S = 12.0  # for a process to come to a point that it passes for every order
PATIENCE_S = 120.0


class Campaign:
    """One company, its orders and its faults."""

    def __init__(self, company: Company, buyer: Customer, chance: random.Random) -> None:
        self._company = company
        self._buyer = buyer
        self._chance = chance
        self._orders = shop.orders(ORDERS, SEED)
        self._starting: list[asyncio.Task[None]] = []
        self.happened: Counter[str] = Counter()

    async def run(self, faults: Sequence[Fault]) -> None:
        """Every fault meets orders of its own."""
        for number, fault in enumerate(faults):
            share = self._orders[
                ORDERS * number // len(faults) : ORDERS * (number + 1) // len(faults)
            ]
            self._starting += [asyncio.create_task(self._buyer.start(each)) for each in share]
            await self._meet(fault)
        await asyncio.gather(*self._starting)

    async def _meet(self, fault: Fault) -> None:
        company, life = self._company, self._company.current[fault.part]
        await life.ready()
        self.happened[fault.kind] += 1
        if fault.kind == "point":
            company.arm(fault.part, fault.point, fault.passing)
            if not await life.end(HIT_S):
                life.signal(signal.SIGKILL)
                self.happened["missed"] += 1
        elif fault.kind == "stop":
            await self._stop(fault)
            return
        else:
            await asyncio.sleep(fault.after_s)
            kill = fault.kind == "kill"
            life.signal(signal.SIGKILL if kill else signal.SIGTERM)
        assert await life.end(), f"{fault} did not end: {life.said}"
        await company.begin(fault.part)

    async def _stop(self, fault: Fault) -> None:
        """It stands still for longer than any lease; a second process of the part takes over."""
        company, life = self._company, self._company.current[fault.part]
        await asyncio.sleep(fault.after_s)
        life.signal(signal.SIGSTOP)
        if fault.part == "server":  # of which there is only one
            await asyncio.sleep(STOPPED_S)
            life.signal(signal.SIGCONT)
            return
        await company.begin(fault.part)
        await asyncio.sleep(STOPPED_S)
        life.signal(signal.SIGCONT)
        await asyncio.sleep(self._chance.uniform(0.2, 0.6))  # it finds out, and may try things
        life.signal(signal.SIGKILL if self._chance.random() < 0.5 else signal.SIGTERM)
        assert await life.end(), f"{fault} did not end: {life.said}"


async def all_ended(buyer: Customer) -> Sequence[ExecutionSummary]:
    """What became of the orders."""
    found: Sequence[ExecutionSummary] = ()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await buyer.orders()
                if len(found) >= ORDERS and all(each.status in st.ENDED for each in found):
                    return found
                await asyncio.sleep(0.3)
    except TimeoutError:
        going_on = [each for each in found if each.status not in st.ENDED]
        raise AssertionError(f"{len(found)} orders, not ended: {going_on[:5]}") from None


@pytest.mark.parametrize("style", ["orchestrated", "choreographed", "hybrid"])
async def test_faults_lose_and_double_nothing(tmp_path: Path, style: str):
    print(f"CAMPAIGN_SEED={SEED}, {style}")
    chance = random.Random(f"{SEED} {style}")
    faults = plan(style, FAULTS, chance)
    async with (
        Company(tmp_path, style) as company,
        customer(style, company.site) as buyer,
    ):
        campaign = Campaign(company, buyer, chance)
        await campaign.run(faults)
        found = await all_ended(buyer)
        attempts, asked = world.attempts(tmp_path), world.effects(tmp_path)
        hits = Counter(hit.point for hit in world.hits(tmp_path))
        again = Counter((call.key, call.attempt) for call in attempts)
        print(
            f"{dict(campaign.happened)}, {len(company.lives)} lives; at points: {dict(hits)}\n"
            f"{Counter(each.status for each in found)}\n"
            f"{len(attempts)} attempts, {sum(n > 1 for n in again.values())} made again; "
            f"{len(asked)} effects asked for, {len(honoured(asked))} honoured"
        )
    assert sum(campaign.happened[kind] for kind in ("point", "kill", "stop", "restart")) >= FAULTS
    wanted = {point for points in points_of(style).values() for point in points}
    assert wanted <= hits.keys(), f"missed: {wanted - hits.keys()}"
    assert len(again) < len(attempts), "no fault came between an attempt and its report"
    judge.ended(found, shop.orders(ORDERS, SEED), attempts)
    judge.effects_fit(found, honoured(asked))
    assert not (complaints := list(company.complaints())), "\n".join(complaints)
    the_judge_is_awake(found, asked)


def the_judge_is_awake(found: Sequence[ExecutionSummary], asked: Sequence[Effect]) -> None:
    """With anything lost or doubled it would have said so."""
    first = honoured(asked)[0]
    without = [each for each in asked if each.key != first.key]
    other = first._replace(key=f"{first.key} again")
    tampered: list[tuple[Callable[..., None], Sequence[Effect]]] = [
        (judge.effects_fit, without),
        (judge.effects_fit, [*asked, other]),
        (judge.effects_fit, asked[::-1]),
    ]
    for verdict, effects in tampered:
        with pytest.raises(AssertionError):
            verdict(found, honoured(effects))
    with pytest.raises(AssertionError):
        judge.ended(found[1:], shop.orders(ORDERS, SEED), [])
