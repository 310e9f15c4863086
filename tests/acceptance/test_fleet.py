"""Three nodes and six services, PostgreSQL and a broker; each thing that may break does so once.

The short form of tests/acceptance/fleet/prove.py.
"""

import os
import random
from pathlib import Path

import pytest

from tests.acceptance.fleet.faults import brief
from tests.acceptance.fleet.ground import NODES, PARTS, standing
from tests.acceptance.fleet.verdict import every_order_ends, orders_of

pytestmark = pytest.mark.anyio

ORDERS = 100
SEED = int(os.environ.get("CAMPAIGN_SEED", "1"))


@pytest.mark.parametrize(("style", "broker"), [("hybrid", "kafka"), ("choreographed", "rabbitmq")])
async def test_whatever_breaks_every_order_ends(tmp_path: Path, style: str, broker: str):
    chance = random.Random(f"{SEED} {style} {broker}")
    with standing(broker) as ground:
        hosts = len(ground.hosts)
        planned = brief(style, chance, parts=PARTS, nodes=NODES, hosts=hosts)
        print(f"\nCAMPAIGN_SEED={SEED}, {style} on {broker}, {ORDERS} orders")
        orders = orders_of(ORDERS, SEED)
        hits = await every_order_ends(
            ground, tmp_path, style, orders=orders, planned=planned, chance=chance
        )
    assert hits, "nobody came to the point where it was to end"
