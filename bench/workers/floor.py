"""The other side: the HTTP floor, three processes that do the same work at a server with no engine.

The same requests in the same batches as ours: one that brings what is done and takes what follows,
one that waits. No retries, no leases, no definitions, no checks.

python -m bench.workers.floor [WORKFLOWS] [IN_FLIGHT]
python -m bench.workers.floor worker PORT STEP
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
from bench.workers.floor_server import Asked, Item
from bench.workers.ours import Ended, Started
from bench.workers.processes import module
from bench.workers.wire import Wire

LIMIT = 1000
_encode = msgspec.json.Encoder().encode


class Given(msgspec.Struct):
    work: list[Item]


def work(step: int, given: bytes) -> Any:
    """What `bench.order` does in that step, and what the last one returns."""
    order_ = msgspec.json.decode(given, type=order.Order)
    if step == 0:
        return order.Reservation(f"R-{order_.id}", 12 * order_.quantity)
    if step == 1:
        return order.Payment(f"P-{order_.id}-{12 * order_.quantity}")
    return order.Receipt(f"S-{order_.id}", f"P-{order_.id}-{12 * order_.quantity}")


async def be_worker(port: int, step: int) -> None:
    wire, done, something = Wire(port), list[Item](), asyncio.Event()

    async def ask(asked: Asked) -> None:
        _status, answer = await wire.ask("POST", "/exchange", _encode(asked))
        for each in msgspec.json.decode(answer, type=Given).work:
            done.append(Item(each.id, msgspec.Raw(_encode(work(step, bytes(each.body))))))
        if done:
            something.set()

    async def bring() -> None:
        while True:
            await something.wait()
            something.clear()
            while done:
                brought = done.copy()
                done.clear()
                await ask(Asked(step, len(brought), brought))

    async def wait() -> None:
        while True:
            await ask(Asked(step, LIMIT))

    await asyncio.gather(bring(), wait())


def measure(workflows: int, in_flight: int) -> dict[str, Any]:
    port = free_port()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = module(folder, "bench.workers.floor_server", str(port), name)
        parts = {"server": stack.enter_context(server)}
        parts["server"].wait_for_port(port)
        for step in range(3):
            worker = module(folder, "bench.workers.floor", "worker", str(port), str(step))
            parts[f"step {step}"] = stack.enter_context(worker)

        async def driven() -> dict[str, Any]:
            wire = Wire(port)

            async def one(number: int) -> None:
                body = msgspec.json.encode(order.order(number))
                started = (await wire.ask("POST", "/start", body))[1]
                id = msgspec.json.decode(started, type=Started).id
                _status, text = await wire.ask("GET", f"/result/{id}")
                if msgspec.json.decode(text, type=Ended).output != order.receipt(number):
                    raise AssertionError(f"order {number} came back as {text!r}")

            told = await drive(one, workflows, in_flight, parts)
            wire.close()
            return told

        return asyncio.run(driven())


def main() -> None:
    if sys.argv[1:2] == ["worker"]:
        asyncio.run(be_worker(int(sys.argv[2]), int(sys.argv[3])))
        return
    workflows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    print(json.dumps(measure(workflows, in_flight)))


if __name__ == "__main__":
    main()
