"""Three nodes and six services on PostgreSQL and a broker, and all that may befall them.

It takes minutes for each style and broker; `make prove` runs it, with 5,000 orders each. By hand:
`FLEET_ORDERS=150 python -m pytest -s tests/acceptance/fleet/prove.py`.
"""

import asyncio
import os
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from dev.services.server import Server, Unavailable
from pavane.adapters.postgres.store import PostgresStore
from pavane.bootstrap import keyring_in
from pavane.core.model import status as st
from pavane.core.model.access import ROLES
from pavane.engine.nodes import NODE_LEASE_S
from tests.acceptance.balancing import Balancer
from tests.acceptance.campaign import shop, travel, world
from tests.acceptance.company import judge as of_company
from tests.acceptance.company.clients import Customer, customer
from tests.acceptance.company.faults import points_of
from tests.acceptance.company.processes import Company
from tests.acceptance.company.site import Host, Site
from tests.acceptance.company.world import honoured
from tests.acceptance.fleet import faults, judge
from tests.acceptance.fleet.campaign import Campaign
from tests.acceptance.fleet.network import Network, network
from tests.servers import refuse, scope

pytestmark = pytest.mark.anyio

PARTS = ("inventory", "payment", "shipping", "notifications,prices", "flights", "hotels,cars")
NODES = 3
ORDERS = int(os.environ.get("FLEET_ORDERS", "5000"))
WHOLE = ORDERS >= 1000  # then there is time enough to come to each named point
MOST = None if WHOLE else 5
SEED = int(os.environ.get("CAMPAIGN_SEED", "1"))
PATIENCE_S = 120.0


class Ground(NamedTuple):
    """What a fleet stands on."""

    network: Network | None
    servers: Mapping[str, Server]
    broker: str


@pytest.fixture(scope="module", params=["kafka", "rabbitmq"])
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """PostgreSQL and a broker of our own, on a bridge to three hosts where that can be."""
    with network(3) as made:
        if isinstance(made, str):
            print(f"No wire can be cut here: {made}")
        wires = made if isinstance(made, Network) else None
        with servers(request.param, wires) as running:
            yield Ground(wires, running, request.param)


@contextmanager
def servers(broker: str, wires: Network | None) -> Iterator[Mapping[str, Server]]:
    at = {"host": wires.address} if wires else {}
    begun: dict[str, Server] = {}
    try:
        for role, kind in (("store", "postgres"), ("bus", broker)):
            begun[role] = scope().another(kind, **at)
        yield begun
    except Unavailable as error:
        refuse(error, judged=os.environ.get("CI") == "true")
    finally:
        for server in begun.values():
            server.discard()


async def site(ground: Ground, url: str) -> Site:
    """A database and a prefix of this campaign's own; its nodes are behind the URL."""
    name = f"fleet_{secrets.token_hex(4)}"
    server = ground.servers["store"].url
    connection = await asyncpg.connect(server, timeout=10)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    database = f"{server.rpartition('/')[0]}/{name}"
    store = f"{database}?schema=store"
    async with keyring_in(store) as keyring:
        _, key = await keyring.add("campaign", ROLES)
    options = f"?prefix={name}-" + ("&partitions=4&session=2s" if ground.broker == "kafka" else "")
    return Site(
        store=store,
        bus=ground.servers["bus"].url + options,
        url=url,
        ledger=database,
        parts=PARTS,
        nodes=NODES,
        hosts=ground.network.hosts if ground.network else (Host(),),
        key=key,
        travels=True,
    )


@asynccontextmanager
async def fleet(ground: Ground, folder: Path, style: str) -> AsyncIterator[Company]:
    """All at work, a balancer before the nodes."""
    with Balancer(ground.network.address if ground.network else "127.0.0.1").running() as balancer:
        company = Company(folder, style, await site(ground, balancer.url))
        balancer.at = [
            (company.host(each).address, company.ports[each]) for each in company.servers
        ]
        async with company:
            yield company


def orders() -> list[shop.Order | travel.Trip]:
    """Three orders of the shop, then a journey."""
    bought = shop.orders(ORDERS * 3 // 4, SEED)
    booked = travel.trips(ORDERS - len(bought), SEED)
    found: list[shop.Order | travel.Trip] = [*bought, *booked]
    random.Random(SEED).shuffle(found)
    return found


async def all_ended(buyer: Customer, site: Site) -> None:
    found: Sequence[of_company.Execution] = ()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < ORDERS or any(each.status not in st.ENDED for each in found):
                await asyncio.sleep(1.0)
                found = await buyer.orders()
    except TimeoutError:
        going_on = [each.id for each in found if each.status not in st.ENDED][:3]
        left = await tables_of(site)  # empty where everybody dances
        print(*(row for part in left for row in part if belongs(row, going_on)), sep="\n")
        raise AssertionError(f"{len(found)} orders, not ended: {going_on}") from None


def belongs(row: Any, executions: Sequence[str]) -> bool:
    return getattr(row, "execution_id", getattr(row, "id", "")) in executions


@pytest.mark.parametrize("style", ["orchestrated", "choreographed", "hybrid"])
async def test_whatever_breaks_every_order_ends(ground: Ground, tmp_path: Path, style: str):
    chance = random.Random(f"{SEED} {style} {ground.broker}")
    hosts = len(ground.network.hosts) if ground.network else 1
    planned = faults.plan(style, chance, parts=PARTS, nodes=NODES, hosts=hosts, most=MOST)
    print(f"\nCAMPAIGN_SEED={SEED}, {style} on {ground.broker}, {ORDERS} orders")
    async with fleet(ground, tmp_path, style) as company:
        async with customer(style, company.site) as buyer:
            campaign = Campaign(company, buyer, ground.servers, ground.network, chance)
            await campaign.run(orders(), planned)
            await all_ended(buyer, company.site)
            found = await buyer.orders()
        left = await tables_of(company.site) if style != "choreographed" else None
    asked, attempts = world.effects(tmp_path), world.attempts(tmp_path)
    again = Counter((call.key, call.attempt) for call in attempts)
    hits = Counter(hit.point for hit in world.hits(tmp_path))
    print(
        f"{dict(campaign.happened)}, {len(company.lives)} lives; at points: {dict(hits)}\n"
        f"{Counter((each.workflow, each.status) for each in found)}\n"
        f"{len(attempts)} attempts, {sum(n > 1 for n in again.values())} made again; "
        f"{len(asked)} effects asked for, {len(honoured(asked))} honoured"
    )
    of_company.ended(found, orders(), attempts)
    of_company.effects_fit(found, honoured(asked))
    if left is not None:
        judge.nothing_waits(left)
        judge.nothing_doubled(left, attempts)
        took_over_soon(judge.take_overs(left, campaign.deaths))
    assert not (complaints := list(company.complaints())), "\n".join(complaints)
    if WHOLE:
        wanted = {point for points in points_of(style).values() for point in points}
        assert wanted <= hits.keys(), f"missed: {wanted - hits.keys()}"


async def tables_of(site: Site) -> judge.Tables:
    store = PostgresStore(site.store, read_only=True)
    await store.open()
    try:
        return await judge.tables(store)
    finally:
        await store.close()


def took_over_soon(gaps: Sequence[int]) -> None:
    assert gaps, "no node died while orders were under way"
    p99 = gaps[len(gaps) * 99 // 100]
    print(
        f"{len(gaps)} orders under way at a node's death went on after "
        f"{gaps[len(gaps) // 2]} ms (median), {p99} ms (p99), {gaps[-1]} ms (longest)"
    )
    assert p99 < 2 * NODE_LEASE_S * 1000, gaps[-10:]
