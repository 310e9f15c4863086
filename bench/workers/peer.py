"""The other side: Restate as it comes, an order that calls three services, through its ingress.

One process of services under granian, which was its fastest arrangement; an order is one request.
The server comes from npm (`make bench` puts it into .venv/restate), the SDK from PyPI.

python -m bench.workers.peer [WORKFLOWS] [IN_FLIGHT]
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from bench import order
from bench.server import free_port
from bench.workers.driving import drive
from bench.workers.processes import part
from bench.workers.wire import Wire

TRIES = 120
_NODE_BIN = "restate/node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"


def server_binary() -> str | None:
    """Restate's server, where there is one."""
    kept = Path(sys.prefix) / _NODE_BIN
    return str(kept) if kept.exists() else shutil.which("restate-server")


def missing() -> str:
    """What is not there to measure against; empty when all is."""
    if find_spec("restate") is None or find_spec("granian") is None:
        return "restate-sdk is not installed"
    return "" if server_binary() else "restate-server is not installed"


def measure(workflows: int, in_flight: int) -> dict[str, Any]:
    ingress, admin, node, services = (free_port() for _ in range(4))
    binary = server_binary()
    assert binary is not None, missing()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        settings = {
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
            "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{node}",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FILTER": "warn",
        }
        arguments = ("--base-dir", str(folder / "restate"), "--node-name", "bench")
        server = stack.enter_context(part(folder, binary, *arguments, env=settings))
        serve = (sys.executable, "-m", "granian", "--interface", "asgi", "--http", "2")
        where = ("--host", "127.0.0.1", "--port", str(services), "--log-level", "warning")
        app = "bench.workers.peer_services:app"
        parts = {
            "server": server,
            "services": stack.enter_context(part(folder, *serve, *where, app)),
        }
        server.wait_for_port(admin)
        return asyncio.run(_driven(workflows, in_flight, parts, (ingress, admin, services)))


async def _driven(
    workflows: int, in_flight: int, parts: dict[str, Any], ports: tuple[int, int, int]
) -> dict[str, Any]:
    ingress, admin, services = ports
    await _register(Wire(admin), services)
    wire = Wire(ingress)

    async def one(number: int) -> None:
        body = msgspec.json.encode(asdict(order.order(number)))
        status, text = await wire.ask("POST", "/orders/fulfil_order", body)
        if status != 200 or msgspec.json.decode(text, type=order.Receipt) != order.receipt(number):
            raise AssertionError(f"order {number} came back as {status} {text!r}")

    told = await drive(one, workflows, in_flight, parts)
    wire.close()
    return told


async def _register(admin: Wire, services: int) -> None:
    body = json.dumps({"uri": f"http://127.0.0.1:{services}"}).encode()
    status, said = await admin.ask("POST", "/deployments", body)
    for _ in range(TRIES):  # the server is ready a while before its first partition is
        if status in {200, 201}:
            break
        await asyncio.sleep(0.5)
        status, said = await admin.ask("POST", "/deployments", body)
    if status not in {200, 201}:
        raise RuntimeError(f"Restate did not take its services: {status} {said!r}")
    admin.close()


def main() -> None:
    workflows = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    print(json.dumps(measure(workflows, in_flight)))


if __name__ == "__main__":
    main()
