"""The shop with a server on PostgreSQL: kill -9 it, start it again, and every order ends."""

import json
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx2

from pavane.adapters.postgres.store import PostgresStore
from pavane.core.model.status import ENDED
from pavane.ports.store import Search
from pavane.testing.contracts.store.harness import opened
from tests.acceptance.cli.processes import SHOP, background, done
from tests.postgres import apart

ORDERS = 60
KILLS = 2
PATIENCE_S = 120.0


def order(n: int) -> dict[str, object]:
    """One in five cannot be shipped, and is undone."""
    country = "Mars" if n % 5 == 0 else "CH"
    who = {"id": f"{n}", "customer": "Byrd", "item": "lute", "card": "4111", "country": country}
    return {"order": {**who, "quantity": 2}}


def start(client: httpx2.Client, n: int) -> None:
    """Start an order, again where the answer was lost: its key starts it once."""
    asked = {"key": f"order-{n}", "input": order(n)}
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = client.post("/v1/workflows/fulfil_order/executions", json=asked)
        except httpx2.HTTPError:
            assert time.monotonic() < until, "the server did not come back"
            time.sleep(0.05)
            continue
        assert answer.status_code == 201, answer.text
        return


def ended(client: httpx2.Client) -> int:
    found = client.get("/v1/executions", params={"limit": 500}).json()
    return sum(each["status"] in ENDED for each in found["executions"])


def test_a_server_on_postgresql_that_dies_loses_nothing(postgres_schema: str, tmp_path: Path):
    more = ("--lease", "2s")  # what was on its way to a worker when the server died comes back then
    store = ("--store", postgres_schema.replace("postgres@", "postgres:not-shown@", 1))
    with ExitStack() as stack:
        server = stack.enter_context(background(tmp_path, "server", "--port", "0", *store, *more))
        url = server.url
        port = url.rpartition(":")[2]
        assert "not-shown" not in server.text
        workers = stack.enter_context(background(tmp_path, "run", str(SHOP), "--server", url))
        client = stack.enter_context(httpx2.Client(base_url=url, timeout=5.0))
        workers.wait_for("Ctrl-C stops")
        for kill in range(KILLS):
            for n in range(kill * ORDERS // KILLS, (kill + 1) * ORDERS // KILLS):
                start(client, n)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            server = stack.enter_context(
                background(tmp_path, "server", "--port", port, *store, *more)
            )
            server.wait_for("answers at")
        until = time.monotonic() + PATIENCE_S
        while ended(client) < ORDERS:
            assert time.monotonic() < until, f"{ended(client)} of {ORDERS} have ended"
            time.sleep(0.1)
        listed = json.loads(done(tmp_path, "list", "--limit", "500", "--json", *store))
        assert server.stop() == 0
    assert Counter(each["status"] for each in listed["executions"]) == {
        "COMPLETED": ORDERS * 4 // 5,
        "COMPENSATED": ORDERS // 5,
    }
    apart(nothing_is_lost(postgres_schema))


async def nothing_is_lost(url: str) -> None:
    async with opened(PostgresStore(url)) as store, store.snapshot() as view:
        headers = await view.search(Search(limit=1000))
        assert sorted(header.key for header in headers) == sorted(
            f"order-{n}" for n in range(ORDERS)
        )
        for header in headers:
            assert await view.ready(header.id) == []
            assert len(await view.log(header.id)) > 3
