"""The shop danced over RabbitMQ by processes of their own; one is killed, and every order ends."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiormq
import pytest

from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.bootstrap.choreographed import visiting
from tests.acceptance.cli.test_hybrid import four_processes
from tests.acceptance.test_dancing_processes import ends, shop, start
from tests.acceptance.test_kafka_processes import ORDERS, PARTS, Dancers, pavane

pytestmark = pytest.mark.anyio

__all__ = ["shop"]  # the fixture


@pytest.fixture
async def dancers(tmp_path: Path, rabbitmq_url: str) -> AsyncGenerator[Dancers]:
    prefix = f"{uuid.uuid4().hex[:12]}-"
    found = Dancers(tmp_path, f"{rabbitmq_url}?prefix={prefix}")
    yield found
    for part in list(found.running):
        found.kill(part)
    connection = await aiormq.connect(rabbitmq_url)
    channel = await connection.channel()
    for name in ("inventory", "payment", "shipping", "notifications"):
        await channel.queue_delete(f"{prefix}{name}/_pavane.role.{name}")
    await connection.close()


async def test_processes_dance_over_rabbitmq_and_one_is_killed(shop: Any, dancers: Dancers):
    for part in PARTS:
        dancers.begin(part)
    async with visiting(dancers.bus) as company:
        assert isinstance(company.bus, RabbitBus)
        async with asyncio.timeout(60):
            while "fulfil_order" not in company.requests.known:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.1)
        orders = shop.orders(ORDERS, seed=7)
        ids = await start(company, orders[::2])
        await asyncio.sleep(0.3)
        dancers.kill(PARTS[0])
        ids += await start(company, orders[1::2])
        dancers.begin(PARTS[0])
        found = await ends(company, ids)
    assert sum(found.values()) == ORDERS, dancers.said()
    assert set(found) <= {"COMPLETED", "COMPENSATED", "FAILED"}
    assert found["COMPLETED"] > ORDERS // 2
    said = dancers.said()
    assert "Bus: amqp://guest@127.0.0.1:" in said
    assert "guest:guest" not in said, "the password is nobody's business"
    listed = json.loads(await asyncio.to_thread(pavane, dancers, "list", "--limit", "99", "--json"))
    assert Counter(each["status"] for each in listed["executions"]) == found


def test_the_hybrid_shop_in_four_processes_on_rabbitmq(tmp_path: Path, rabbitmq_url: str):
    four_processes(tmp_path, ("--bus", f"{rabbitmq_url}?prefix={uuid.uuid4().hex[:12]}-"))
