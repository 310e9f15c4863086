"""One campaign from its first order to the judgement: what is asked of a fleet, whatever breaks."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pavane.adapters.postgres.store import PostgresStore
from pavane.core.model import status as st
from pavane.engine.nodes import NODE_LEASE_S
from tests.acceptance.campaign import shop, travel, world
from tests.acceptance.campaign.shop import Order
from tests.acceptance.campaign.travel import Trip
from tests.acceptance.company import judge as of_company
from tests.acceptance.company.clients import Customer, customer
from tests.acceptance.company.faults import Fault
from tests.acceptance.company.site import Site
from tests.acceptance.company.world import honoured
from tests.acceptance.fleet import judge
from tests.acceptance.fleet.campaign import LESS_PER_S, MOST_PER_S, Campaign
from tests.acceptance.fleet.faults import Calamity
from tests.acceptance.fleet.ground import Ground, fleet

PATIENCE_S = 120.0


def orders_of(count: int, seed: int) -> list[Order | Trip]:
    """Three orders of the shop, then a journey."""
    bought = shop.orders(count * 3 // 4, seed)
    booked = travel.trips(count - len(bought), seed)
    found: list[Order | Trip] = [*bought, *booked]
    random.Random(seed).shuffle(found)
    return found


async def every_order_ends(
    ground: Ground,
    folder: Path,
    style: str,
    *,
    orders: Sequence[Order | Trip],
    planned: Sequence[Fault | Calamity],
    chance: random.Random,
) -> Counter[str]:
    """As it must, with its effects, and nothing lost or doubled; gives the points that were hit."""
    async with fleet(ground, folder, style) as company:
        async with customer(style, company.site) as buyer:
            pace = LESS_PER_S.get((ground.broker, style), MOST_PER_S)
            campaign = Campaign(company, buyer, ground.servers, ground.network, chance, pace)
            await campaign.run(orders, planned)
            await _all_ended(buyer, len(orders), company.site)
            found = await buyer.orders()
        left = await _tables_of(company.site) if style != "choreographed" else None
    asked, attempts = world.effects(folder), world.attempts(folder)
    again = Counter((call.key, call.attempt) for call in attempts)
    hits = Counter(hit.point for hit in world.hits(folder))
    print(
        f"{dict(campaign.happened)}, {len(company.lives)} lives; at points: {dict(hits)}\n"
        f"{Counter((each.workflow, each.status) for each in found)}\n"
        f"{len(attempts)} attempts, {sum(n > 1 for n in again.values())} made again; "
        f"{len(asked)} effects asked for, {len(honoured(asked))} honoured"
    )
    of_company.ended(found, orders, attempts)
    of_company.effects_fit(found, honoured(asked))
    if left is not None:
        judge.nothing_waits(left)
        judge.nothing_doubled(left, attempts)
        _took_over_soon(judge.take_overs(left, campaign.deaths))
    assert not (complaints := list(company.complaints())), "\n".join(complaints)
    return hits


async def _all_ended(buyer: Customer, count: int, site: Site) -> None:
    """In any time, as long as some of them end now and then."""
    done, since = 0, time.monotonic()
    while done < count:
        await asyncio.sleep(max(1.0, count / 1000))
        found = await buyer.orders()
        going_on = [each.id for each in found if each.status not in st.ENDED]
        if len(found) - len(going_on) > done:
            done, since = len(found) - len(going_on), time.monotonic()
        elif time.monotonic() - since > PATIENCE_S:
            left = await _tables_of(site)  # empty where everybody dances
            some = going_on[:3]
            print(*(row for part in left for row in part if _belongs(row, some)), sep="\n")
            raise AssertionError(f"{len(found)} orders, {len(going_on)} not ended: {some}")


def _belongs(row: Any, executions: Sequence[str]) -> bool:
    return getattr(row, "execution_id", getattr(row, "id", "")) in executions


async def _tables_of(site: Site) -> judge.Tables:
    store = PostgresStore(site.store, read_only=True)
    await store.open()
    try:
        return await judge.tables(store)
    finally:
        await store.close()


def _took_over_soon(gaps: Sequence[int]) -> None:
    assert gaps, "no node died while orders were under way"
    p99 = gaps[len(gaps) * 99 // 100]
    print(
        f"{len(gaps)} orders under way at a node's death went on after "
        f"{gaps[len(gaps) // 2]} ms (median), {p99} ms (p99), {gaps[-1]} ms (longest)"
    )
    assert p99 < 2 * NODE_LEASE_S * 1000, gaps[-10:]
