"""One side: three `pavane run --style choreographed`, each a process, and no conductor anywhere.

python -m bench.dancers.ours [WORKFLOWS] [IN_FLIGHT]
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import order
from bench.dancers.counting import counted
from bench.workers.driving import drive
from bench.workers.processes import Part, module
from pavane.bootstrap.choreographed import visiting
from pavane.sdk.client import Client

PATIENCE_S = 30.0


class Orders:
    """Starts an order and waits for its result, as `pavane start --bus --wait` does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.done = 0

    async def __call__(self, number: int) -> None:
        run = await self._client.start(order.fulfil_order, order.order(number))
        receipt = await run.result(timeout=PATIENCE_S)
        if receipt != order.receipt(number):
            raise AssertionError(f"order {number} came back as {receipt!r}")
        self.done += 1


def measure(workflows: int, in_flight: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bus = f"embedded:{folder / 'bus'}"
        # Quiet, as those are that work for a server: they show nothing of executions either.
        how = ("run", "bench.order", "--style", "choreographed", "--quiet", "--bus", bus)
        parts = {
            service.name: stack.enter_context(
                module(folder, "pavane", *how, "--service", service.name)
            )
            for service in order.SERVICES
        }
        for each in parts.values():
            each.wait_for("Ctrl-C stops")
        told, orders = asyncio.run(_driven(bus, parts, workflows, in_flight))
        return told | {"each": counted(folder / "bus", orders)}


async def _driven(
    bus: str, parts: dict[str, Part], workflows: int, in_flight: int
) -> tuple[dict[str, Any], int]:
    """What driving told, and how many orders there were in all."""
    async with visiting(bus) as company:
        assert order.NAME in company.requests.known, "they have announced it, and this has read it"
        client = Client.among(company.requests, company.observer, random.SystemRandom())
        orders = Orders(client)
        return await drive(orders, workflows, in_flight, parts), orders.done


def main() -> None:
    workflows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    print(json.dumps(measure(workflows, in_flight)))


if __name__ == "__main__":
    main()
