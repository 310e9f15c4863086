"""A server on a real port in this process, clients that speak raw bytes, and one that is good."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pavane.doors.rest.app import build_app
from pavane.doors.rest.guard import Patience
from pavane.doors.rest.serve import listen, serve
from pavane.engine.engine import Engine

LIMIT_S = 30
STEP = {"name": "dig", "taskReferenceName": "dig", "type": "SIMPLE", "inputParameters": {}}
WORKFLOW = {"name": "digging", "version": 1, "tasks": [STEP]}


@asynccontextmanager
async def served(engine: Engine, patience: Patience) -> AsyncIterator[int]:
    """The port of a server with this patience."""
    stop, ready = asyncio.Event(), asyncio.Event()
    with listen("127.0.0.1", 0, locked=False) as listening:
        serving = asyncio.create_task(
            serve(build_app(engine), listening, stop, ready.set, patience=patience)
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                await ready.wait()
            yield listening.getsockname()[1]
        finally:
            stop.set()
            async with asyncio.timeout(LIMIT_S):
                await serving


class Line:
    """One connection, on which anything may be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int, *, receives: int = 0) -> "Line":
        """Connect; `receives` bytes are what the system keeps for us unread."""
        sock = socket.socket()
        sock.setblocking(False)
        if receives:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=sock, limit=receives or 65536))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the other side ends it."""
        async with asyncio.timeout(LIMIT_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    def reset(self) -> None:
        """End it as a process does that crashed: no good-bye, what was unread is lost."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.transport.abort()


async def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The good client: one request on a connection of its own; status and JSON."""
    payload = b"" if body is None else json.dumps(body).encode()
    line = await Line.to(port)
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(payload)}\r\n"
    await line.send(f"{head}content-type: application/json\r\nconnection: close\r\n\r\n".encode())
    await line.send(payload)
    answer = await line.rest()
    line.close()
    start, _, rest = answer.partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 "), f"{method} {path}: {answer[:200]!r}"
    return int(start.split()[1]), json.loads(rest) if b"json" in start else rest.decode()


async def work(port: int, many: int, worker: str = "good") -> int:
    """Start so many workflows, do their tasks, and see them ended: how many have."""
    await ask(port, "POST", "/v1/workflows?overwrite=true", WORKFLOW)
    ids = [
        (await ask(port, "POST", "/v1/workflows/digging/executions", {}))[1]["id"]
        for _ in range(many)
    ]
    return await do_all(port, ids, "dig", worker)


async def do_all(port: int, ids: list[str], task: str, worker: str) -> int:
    """Do the one task of each of these executions, and see them ended: how many have."""
    wanted: dict[str, Any] = {"worker": worker, "tasks": [task], "limit": 10, "waitMs": 1000}
    going_on = list(ids)
    for _ in range(20 + 3 * len(ids)):  # bounded: each round gets, or hands in, or waits a second
        code, given = await ask(port, "POST", "/v1/exchange", wanted)
        assert code == 200, given
        done = given.get("work", [])
        wanted["reports"] = [
            {key: each[key] for key in ("executionId", "ref", "attempt") if key in each}
            for each in done
        ]
        if not done:
            views = [(await ask(port, "GET", f"/v1/executions/{each}"))[1] for each in going_on]
            going_on = [each["id"] for each in views if each["status"] != "COMPLETED"]
            if not going_on:
                break
    return len(ids) - len(going_on)
