"""CPU per task of the busiest endpoints, beside a handler that only moves bodies of the same sizes.

Counted by the operating system for the server's process: nothing that another process does on this
machine is in it. It holds the engine's own work too, down to the commit.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench import order
from bench.result import Result
from bench.server import free_port
from bench.workers.processes import Part, module
from bench.workers.wire import Wire

TASKS = 2000
AT_ONCE = 10  # tasks in a poll or an exchange
IN_FLIGHT = 16
WORKFLOW = {
    "name": "one",
    "version": 1,
    "tasks": [
        {
            "name": "do",
            "taskReferenceName": "do",
            "type": "SIMPLE",
            "inputParameters": {"order": "${workflow.input.order}"},
        }
    ],
}
OUTPUT = {"id": "R-00000001", "total": 36}


class Request(NamedTuple):
    method: str
    path: str
    body: bytes = b""


class Passed(NamedTuple):
    """What sending requests came to."""

    cpu_s: float
    answers: list[bytes]


async def send(wire: Wire, server: Part, requests: Sequence[Request]) -> Passed:
    """All of them, some in flight; the CPU that the server used meanwhile."""
    answers = [b""] * len(requests)
    left = iter(enumerate(requests))

    async def client() -> None:
        for index, request in left:
            status, answers[index] = await wire.ask(*request)
            assert status < 300, (request, status, answers[index])

    before = server.cpu_s()
    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
    return Passed(server.cpu_s() - before, answers)


async def measure(tasks: int, ours: tuple[int, Part], bare: tuple[int, Part]) -> list[Result]:
    wire, plain = Wire(ours[0]), Wire(bare[0])
    found: list[Result] = []

    async def beside(what: str, requests: Sequence[Request], count: int) -> list[bytes]:
        """Our figure and the bare one's, for as many tasks."""
        passed = await send(wire, ours[1], requests)
        same = [
            Request("POST" if each.body else "GET", f"/{len(answer)}", each.body)
            for each, answer in zip(requests, passed.answers, strict=True)
        ]
        floor = await send(plain, bare[1], same)
        us, bare_us = (each.cpu_s / count * 1e6 for each in (passed, floor))
        found.append(Result(what, f"{us:,.0f}, {bare_us:,.0f}"))
        return passed.answers

    await wire.ask("POST", "/api/metadata/taskdefs", b'[{"name":"do","ownerEmail":"a@b.ch"}]')
    await wire.ask("POST", "/v1/workflows", msgspec.json.encode(WORKFLOW))
    body = b'{"input":' + order.order_input(1) + b"}"
    starts = [Request("POST", "/v1/workflows/one/executions", body)] * tasks
    await beside("start: CPU us of each, of a bare handler", starts, tasks)
    poll = f"/api/tasks/poll/batch/do?workerid=w&count={AT_ONCE}&timeout=100"
    polls = [Request("GET", poll)] * (tasks // AT_ONCE)
    answers = await beside("poll/batch by tens: CPU us per task, bare", polls, tasks)
    updates = list(_updates(answers))
    half = len(updates) // 2
    for path, some in (("/api/tasks", updates[:half]), ("/api/tasks/update-v2", updates[half:])):
        requests = [Request("POST", path, each) for each in some]
        await beside(f"{path}: CPU us per task, bare", requests, len(some))
    await send(wire, ours[1], starts)
    await _exchanges(wire, beside, tasks)
    return found


def _updates(answers: Sequence[bytes]) -> Iterator[bytes]:
    for answer in answers:
        for task in msgspec.json.decode(answer):
            yield msgspec.json.encode(
                {
                    "workflowInstanceId": task["workflowInstanceId"],
                    "taskId": task["taskId"],
                    "status": "COMPLETED",
                    "workerId": "w",
                    "outputData": OUTPUT,
                }
            )


async def _exchanges(wire: Wire, beside: Any, tasks: int) -> None:
    """Half of the tasks are taken beforehand; each of these requests brings ten and takes ten."""
    asked: dict[str, Any] = {"worker": "w", "tasks": ["do"], "limit": AT_ONCE}
    requests: list[Request] = []
    for _ in range(tasks // AT_ONCE // 2):
        _status, text = await wire.ask("POST", "/v1/exchange", msgspec.json.encode(asked))
        reports = [
            {"executionId": each["executionId"], "ref": each["ref"], "output": OUTPUT}
            for each in msgspec.json.decode(text)["work"]
        ]
        brings = msgspec.json.encode({**asked, "reports": reports})
        requests.append(Request("POST", "/v1/exchange", brings))
    await beside("/v1/exchange, ten and ten: CPU us, bare", requests, tasks // 2)


def results(tasks: int = TASKS) -> list[Result]:
    """A line for each endpoint: ours, and the bare handler's."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, ports = Path(name), (free_port(), free_port())
        store = f"sqlite:///{folder / 'server.db'}"
        ours = module(folder, "pavane", "server", "--store", store, "--port", str(ports[0]))
        parts = (
            stack.enter_context(ours),
            stack.enter_context(module(folder, "bench.workers.bare", str(ports[1]))),
        )
        for part, port in zip(parts, ports, strict=True):
            part.wait_for_port(port)
        return asyncio.run(measure(tasks, (ports[0], parts[0]), (ports[1], parts[1])))
