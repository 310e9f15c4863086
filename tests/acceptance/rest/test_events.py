"""Server-sent events over a real connection: what changes is told, slow readers cost little."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from pavane import Service, sleep, workflow
from pavane.bootstrap import mixed_services
from pavane.doors.rest.app import build_app
from pavane.doors.rest.native.events import KEPT
from pavane.engine.engine import Engine
from pavane.engine.waiting import Changes
from tests.acceptance.rest.serving import Serving, serving

pytestmark = pytest.mark.anyio

desk = Service("desk")


@desk.task(read_only=True)
async def look(number: int) -> int:
    return number


@workflow
async def conducted(number: int) -> int:
    await sleep("1h")
    seen = await look(number)
    return seen


@workflow(style="choreographed")
async def danced(number: int) -> int:
    seen = await look(number)
    return seen


@asynccontextmanager
async def here() -> AsyncIterator[tuple[Serving, Engine, Any]]:
    mixed = mixed_services("memory:", "memory:", services=[desk], workflows=[conducted, danced])
    async with mixed as (engine, company), serving(build_app(engine, company)) as server:
        yield server, engine, company


class Events:
    """The events of one connection, as they come."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.comments: list[str] = []
        self.retry = 0

    async def line(self) -> str:
        async with asyncio.timeout(20):
            return (await self._reader.readline()).decode()

    async def next(self) -> tuple[str, str, Any]:
        """Name, id and data of the next event."""
        found: dict[str, str] = {}
        while True:
            line = await self.line()
            assert line, "the stream has ended"
            name, _, value = line.rstrip("\r\n").partition(": ")
            if name in ("event", "id", "data"):
                found[name] = value
            elif name == "retry":
                self.retry = int(value)
            elif not line.strip() and found:
                return found["event"], found["id"], json.loads(found["data"])

    async def ended(self) -> None:
        """Whatever still comes, and the end of it."""
        while await self.line():
            pass


@asynccontextmanager
async def connected(server: Serving, path: str) -> AsyncIterator[Events]:
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    events = Events(reader)
    try:
        assert "200" in await events.line()
        while (line := await events.line()).strip():
            if line.lower().startswith("content-type"):
                assert "text/event-stream" in line
        yield events
    finally:
        writer.close()


async def test_an_execution_tells_of_itself():
    async with here() as (server, engine, _):
        id = await engine.start_execution("conducted", b'{"number": 1}')
        async with connected(server, f"/v1/executions/{id}/events") as events:
            name, _, first = await events.next()
            assert (name, first["id"], first["status"]) == ("execution", id, "RUNNING")
            assert events.retry > 0
            await engine.pause(id)
            while first["status"] == "RUNNING":
                _, _, first = await events.next()
            assert first["status"] == "PAUSED"
            await engine.terminate(id, "enough")
            while first["status"] == "PAUSED":
                _, _, first = await events.next()
            assert (first["status"], first["reason"]) == ("TERMINATED", "enough")


async def test_so_does_one_that_nobody_conducts():
    async with here() as (server, _, company):
        id = await company.requests.start("danced", b'{"number": 1}', key="k")
        await company.observer.wait(id, 20)
        async with connected(server, f"/v1/executions/{id}/events") as events:
            _, _, told = await events.next()
            assert (told["status"], told["style"]) == ("COMPLETED", "choreographed")


async def test_the_list_tells_what_changed_in_either_style():
    async with (
        here() as (server, engine, company),
        connected(server, "/v1/executions/events") as events,
    ):
        assert (await events.next())[2] == {"ids": [], "lookAgain": True}
        wanted = {
            await engine.start_execution("conducted", b'{"number": 1}'),
            await company.requests.start("danced", b'{"number": 1}', key="k"),
        }
        told: set[str] = set()
        numbers: list[int] = []
        while not wanted <= told:
            name, number, data = await events.next()
            assert name == "changed"
            told |= set(data["ids"])
            numbers.append(int(number))
        assert numbers == sorted(set(numbers))


async def test_what_is_not_there_has_no_events():
    async with here() as (server, _, _company):
        address = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"GET /v1/executions/none/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"404" in await reader.readline()
        writer.write(b"")
        writer.close()
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            b"HEAD /v1/executions/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        async with asyncio.timeout(10):
            assert b"200" in await reader.read()
        writer.close()


async def test_streams_end_when_the_server_stops_even_if_nobody_reads():
    async with here() as (server, engine, _):
        id = await engine.start_execution("conducted", b'{"number": 1}')
        async with (
            connected(server, f"/v1/executions/{id}/events") as one,
            connected(server, "/v1/executions/events") as every,
        ):
            await one.next()
            await every.next()
            began = time.monotonic()
            server.stop.set()
            await server.ended
            assert time.monotonic() - began < 5
            await one.ended()
            await every.ended()


async def test_whoever_hangs_up_is_forgotten():
    async with here() as (server, engine, _):
        followers = engine._waiting._changes
        before = len(followers)
        async with connected(server, "/v1/executions/events") as events:
            await events.next()
            assert len(followers) == before + 1
        for _ in range(500):
            if len(followers) == before:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a reader that is gone is still followed for")


async def test_a_slow_reader_is_told_to_look_again():
    changes = Changes(KEPT)
    for number in range(KEPT):
        changes.add(str(number))
        changes.add("0")
    assert len(await changes.get()) == KEPT
    for number in range(KEPT * 3):
        changes.add(str(number))
    assert len(changes._ids) <= KEPT
    assert await changes.get() == set()
    changes.add("later")
    assert await changes.get() == {"later"}
