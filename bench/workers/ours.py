"""One side: `pavane server` and three `pavane run --server`, each a process, over HTTP.

python -m bench.workers.ours [WORKFLOWS] [IN_FLIGHT]
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from bench import order
from bench.server import free_port
from bench.workers.driving import drive
from bench.workers.processes import module
from bench.workers.wire import Wire

START = f"/v1/workflows/{order.NAME}/executions"


class Started(msgspec.Struct):
    id: str


class Ended(msgspec.Struct):
    status: str
    output: order.Receipt | None = None


class Orders:
    """Starts an order and waits for its result, as `Client` does: two requests."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def __call__(self, number: int) -> None:
        body = b'{"input":' + order.order_input(number) + b"}"
        started = msgspec.json.decode((await self._wire.ask("POST", START, body))[1], type=Started)
        path = f"/v1/executions/{started.id}/result?wait=30"
        _status, text = await self._wire.ask("GET", path)
        ended = msgspec.json.decode(text, type=Ended)
        if ended.status != "COMPLETED" or ended.output != order.receipt(number):
            raise AssertionError(f"order {number} came back as {text!r}")


def measure(workflows: int, in_flight: int) -> dict[str, Any]:
    port = free_port()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        store = f"sqlite:///{folder / 'server.db'}"
        server = stack.enter_context(
            module(folder, "pavane", "server", "--store", store, "--port", str(port))
        )
        server.wait_for_port(port)
        parts = {"server": server}
        for service in order.SERVICES:
            command = ("run", "bench.order", "--server", f"http://127.0.0.1:{port}")
            parts[service.name] = stack.enter_context(
                module(folder, "pavane", *command, "--service", service.name)
            )
        for each in list(parts.values())[1:]:
            each.wait_for("Ctrl-C stops")

        async def driven() -> dict[str, Any]:
            wire = Wire(port)
            told = await drive(Orders(wire), workflows, in_flight, parts)
            wire.close()
            return told

        return asyncio.run(driven())


def main() -> None:
    workflows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    print(json.dumps(measure(workflows, in_flight)))


if __name__ == "__main__":
    main()
