"""Three nodes and six services on PostgreSQL and a broker, and all that may befall them.

It takes minutes for each style and broker; `make prove` runs it, with 5,000 orders each. By hand:
`FLEET_ORDERS=150 python -m pytest -s tests/acceptance/fleet/prove.py`. `make test` runs a short
form, tests/acceptance/test_fleet.py.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.company.faults import points_of
from tests.acceptance.fleet.faults import plan
from tests.acceptance.fleet.ground import NODES, PARTS, Ground, standing
from tests.acceptance.fleet.verdict import every_order_ends, orders_of

pytestmark = pytest.mark.anyio

ORDERS = int(os.environ.get("FLEET_ORDERS", "5000"))
WHOLE = ORDERS >= 1000  # then there is time enough to come to each named point
MOST = None if WHOLE else 5
SEED = int(os.environ.get("CAMPAIGN_SEED", "1"))


@pytest.fixture(scope="module", params=["kafka", "rabbitmq"])
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with standing(request.param) as ground:
        yield ground


@pytest.mark.parametrize("style", ["orchestrated", "choreographed", "hybrid"])
async def test_whatever_breaks_every_order_ends(ground: Ground, tmp_path: Path, style: str):
    chance = random.Random(f"{SEED} {style} {ground.broker}")
    hosts = len(ground.hosts)
    planned = plan(style, chance, parts=PARTS, nodes=NODES, hosts=hosts, most=MOST)
    print(f"\nCAMPAIGN_SEED={SEED}, {style} on {ground.broker}, {ORDERS} orders")
    orders = orders_of(ORDERS, SEED)
    hits = await every_order_ends(
        ground, tmp_path, style, orders=orders, planned=planned, chance=chance
    )
    if WHOLE:
        points = {each for some in points_of(style, relays=True).values() for each in some}
        assert points <= hits.keys(), f"missed: {points - hits.keys()}"
