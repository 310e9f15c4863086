"""Three nodes on one database behind a load balancer: kill -9 any of them, and every order ends."""

from __future__ import annotations

import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx2

from tests.acceptance.balancing import Balancer
from tests.acceptance.cli.processes import SHOP, Background, background
from tests.acceptance.test_postgres_server import ended, nothing_is_lost, start
from tests.postgres import apart

ORDERS = 60
NODES = 3
PATIENCE_S = 120.0


def begin(stack: ExitStack, folder: Path, store: str) -> Background:
    more = ("--port", "0", "--store", store, "--lease", "3s")
    return stack.enter_context(background(folder, "server", *more))


def test_any_node_may_die_and_others_go_on(postgres_schema: str, tmp_path: Path):
    store = postgres_schema
    with ExitStack() as stack:
        balancer = stack.enter_context(Balancer().running())
        nodes = [begin(stack, tmp_path, store) for _ in range(NODES)]
        balancer.nodes = [int(node.url.rpartition(":")[2]) for node in nodes]
        for _ in range(2):
            worker = background(tmp_path, "run", str(SHOP), "--server", balancer.url)
            stack.enter_context(worker).wait_for("Ctrl-C stops")
        client = stack.enter_context(httpx2.Client(base_url=balancer.url, timeout=5.0))
        for kill in range(NODES - 1):  # the last one has nobody to take over from it
            for n in range(kill * ORDERS // 2, (kill + 1) * ORDERS // 2):
                start(client, n)
            nodes[kill].process.send_signal(signal.SIGKILL)
            nodes[kill].process.wait()
        until = time.monotonic() + PATIENCE_S
        while ended(client) < ORDERS:
            assert time.monotonic() < until, f"{ended(client)} of {ORDERS} have ended"
            time.sleep(0.1)
        found = client.get("/v1/executions", params={"limit": 500}).json()["executions"]
        assert nodes[-1].stop() == 0
    assert Counter(each["status"] for each in found) == {
        "COMPLETED": ORDERS * 4 // 5,
        "COMPENSATED": ORDERS // 5,
    }
    apart(nothing_is_lost(postgres_schema))
