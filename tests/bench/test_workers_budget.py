"""What a chain of remote steps costs: commits, requests, bytes. Real sockets, exact numbers.

`python -m pytest tests/bench/test_workers_budget.py -s` prints the figures.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.types import Message, Receive, Scope, Send

from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.bootstrap.remote import remote_services
from pavane.doors.rest.app import build_app
from pavane.doors.rest.serve import Application, listen, serve, url_of
from pavane.engine.engine import Engine
from tests.bench import chains

pytestmark = pytest.mark.anyio

VALUE = "x" * 1000
PATIENCE_S = 30.0
LENGTHS = [1, 3, 8]
# Bytes of JSON per task: the value and 205 of result and requests, the value and 342 of task, 20 of
# which say what time it is.
UP, DOWN = 1293, 1342


class Counting:
    """The application, and how many exchanges it answered and what they moved."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.begun = self.answered = self.up = self.down = 0
        self._moved = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/v1/exchange":
            await self._app(scope, receive, send)
            return
        self.begun += 1
        self._moved.set()

        async def receiving() -> Message:
            message = await receive()
            self.up += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            self.down += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receiving, sending)
        self.answered += 1
        self._moved.set()

    def stop(self) -> None:
        self._app.stop()

    async def settled(self, waiting: int) -> None:
        """Until nobody exchanges any more but so many who wait for work."""
        async with asyncio.timeout(PATIENCE_S):
            while self.begun - self.answered != waiting:
                self._moved.clear()
                await self._moved.wait()


class Cost(NamedTuple):
    commits: int
    exchanges: int
    up: int
    down: int


@asynccontextmanager
async def house(folder: Path, length: int) -> AsyncIterator[tuple[Engine, SqliteStore, Counting]]:
    """A server with a chain's services at work for it over HTTP, each by exchanges of its own."""
    flow, services = chains.chain(length, read_only=True)
    store, stop, ready = SqliteStore(folder / "server.db", durable=False), *_events()
    with listen("127.0.0.1", 0, locked=False) as listening:
        async with running_engine(store) as engine:
            app = Counting(build_app(engine))
            serving = asyncio.create_task(serve(app, listening, stop, ready.set))
            await ready.wait()
            url = url_of(listening)
            async with remote_services(url, services=services, workflows=[flow], name="w"):
                await app.settled(length)
                yield engine, store, app
            stop.set()
            await serving


def _events() -> tuple[asyncio.Event, asyncio.Event]:
    return asyncio.Event(), asyncio.Event()


async def one(engine: Engine, store: SqliteStore, app: Counting, length: int) -> Cost:
    """One run alone, until all are waiting again."""
    before, commits = (app.answered, app.up, app.down), store.counters.commits
    id = await engine.start_execution("chain", b'{"x":"%s"}' % VALUE.encode())
    assert (await engine.wait(id, PATIENCE_S)).status == "COMPLETED"
    await app.settled(length)
    after = (app.answered, app.up, app.down)
    moved = (b - a for a, b in zip(before, after, strict=True))
    return Cost(store.counters.commits - commits, *moved)


@pytest.mark.parametrize("length", LENGTHS)
async def test_a_chain_alone(tmp_path: Path, length: int):
    """Each task comes with the commit that schedules it, to a request that waits for it."""
    async with house(tmp_path, length) as (engine, store, app):
        await one(engine, store, app, length)  # the first leaves what is asked once behind
        cost = await one(engine, store, app, length)
    print(f"\nchain of {length}: {cost}")
    assert cost.commits == length + 1
    assert cost.exchanges == 2 * length, "one that waited, one that brings the result"
    assert (cost.up, cost.down) == (UP * length, DOWN * length)


async def test_many_share_commits_and_exchanges(tmp_path: Path):
    length, runs = 3, 64
    async with house(tmp_path, length) as (engine, store, app):
        await one(engine, store, app, length)
        before, commits = app.answered, store.counters.commits
        body = b'{"x":"%s"}' % VALUE.encode()
        starts = (engine.start_execution("chain", body) for _ in range(runs))
        ids = await asyncio.gather(*starts)
        for id in ids:
            assert (await engine.wait(id, PATIENCE_S)).status == "COMPLETED"
        await app.settled(length)
        exchanges, commits = app.answered - before, store.counters.commits - commits
    print(f"\n{runs} runs of {length}: {exchanges} exchanges, {commits} commits")
    # How they meet depends on the sockets; alone they would be 384 and 256.
    assert exchanges <= runs * length
    assert commits <= runs * (length + 1) / 2


async def test_an_answer_is_sent_at_once():
    """The system may not hold back the end of an answer until its beginning is acknowledged."""
    held_back: list[bool] = []

    class Looking(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            there = transport.get_extra_info("socket")
            held_back.append(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0)
            transport.close()

    with listen("127.0.0.1", 0, locked=False) as listening:
        server = await asyncio.get_running_loop().create_server(Looking, sock=listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        await reader.read()
        writer.close()
        server.close()
    assert held_back == [False]
