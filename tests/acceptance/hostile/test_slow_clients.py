"""Slow and vanished clients: the good ones are served meanwhile, the others let go after a time.

The server has little patience here, so that the tests need none; what it has by default is in
`doors/rest/guard.py`.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pavane.bootstrap.orchestrated import running_engine
from pavane.doors.rest.guard import Patience
from pavane.engine.engine import Engine
from tests.acceptance.hostile.clients import LIMIT_S, Line, ask, served, work

pytestmark = pytest.mark.anyio
SHORT = Patience(headers=2, body=2, answer=2)
MANY = 200
POST = b"POST /v1/exchange HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running_engine("memory:", services=()) as engine:
        yield engine


async def ended(lines: list[Line]) -> list[bytes]:
    return await asyncio.gather(*(line.rest() for line in lines))


@pytest.mark.parametrize(
    ("bytes_sent", "says"),
    [
        (b"", b""),
        (b"POST /v1/exch", b"408"),
        (b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: b", b"408"),
        (POST, b"408"),
        (POST + b'{"worker": "w"', b"408"),
        (POST.replace(b"content-length: 100", b"transfer-encoding: chunked") + b"5\r\n{", b"408"),
    ],
    ids=["nothing", "line", "headers", "no body", "half a body", "half a chunk"],
)
async def test_half_a_request_is_let_go(engine: Engine, bytes_sent: bytes, says: bytes):
    async with served(engine, SHORT) as port:
        lines = [await Line.to(port) for _ in range(MANY)]
        for line in lines:
            await line.send(bytes_sent)
        assert await work(port, 3) == 3, "others are served meanwhile"
        answers = await ended(lines)
    assert all(says in answer.partition(b"\r\n")[0] for answer in answers)
    assert not says or all(b"did not arrive within 2 s" in answer for answer in answers)


@pytest.mark.parametrize("start", [b"GET /health HTTP/1.1\r\n", POST], ids=["headers", "body"])
async def test_a_byte_now_and_then_wins_no_time(engine: Engine, start: bytes):
    async with served(engine, SHORT) as port:
        line = await Line.to(port)
        await line.send(start)

        async def drip() -> None:
            for _ in range(LIMIT_S * 5):
                await line.send(b"x")
                await asyncio.sleep(0.2)

        dripping = asyncio.create_task(drip())
        answer = await line.rest()
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        assert answer == b"" or b" 408 " in answer  # a byte sent too late may cost the answer


async def test_an_answer_that_nobody_reads_is_let_go(engine: Engine):
    async with served(engine, SHORT) as port:
        await work(port, 1)
        big = {"input": {"text": "x" * 4_000_000}}
        _, started = await ask(port, "POST", "/v1/workflows/digging/executions", big)
        get = f"GET /v1/executions/{started['id']} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
        lines = [await Line.to(port, receives=4096) for _ in range(5)]
        for line in lines:
            line.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a reader's own
            await line.send(get)
        code, whole = await ask(port, "GET", f"/v1/executions/{started['id']}")
        assert code == 200
        assert len(whole["input"]["text"]) == 4_000_000
        await asyncio.sleep(6)
        for line in lines:
            line.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        assert all(len(answer) < 4_000_000 for answer in await ended(lines)), "it was cut off"
        assert (await ask(port, "GET", "/health"))[0] == 200


async def test_a_slow_reader_that_goes_on_reading_gets_all(engine: Engine):
    async with served(engine, SHORT) as port:
        await work(port, 1)
        big = {"input": {"text": "x" * 4_000_000}}
        _, started = await ask(port, "POST", "/v1/workflows/digging/executions", big)
        line = await Line.to(port, receives=65536)
        path = f"/v1/executions/{started['id']}"
        await line.send(
            f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode()
        )
        got = 0
        async with asyncio.timeout(LIMIT_S):
            while data := await line.reader.read(262_144):
                got += len(data)
                await asyncio.sleep(0.2)
        assert got > 4_000_000


async def test_whoever_vanishes_while_it_polls_gets_no_task(engine: Engine):
    path = b"/api/tasks/poll/batch/dig?timeout=5000&workerid=gone"
    poll = b"GET " + path + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    async with served(engine, SHORT) as port:
        lines = [await Line.to(port) for _ in range(MANY)]
        for line in lines:
            await line.send(poll)
        await asyncio.sleep(0.5)
        for line in lines:
            line.reset()
        assert await work(port, 5) == 5


async def test_a_flood_of_connections_makes_room(engine: Engine):
    async with served(engine, SHORT._replace(headers=60, connections=100)) as port:
        lines = [await Line.to(port) for _ in range(1000)]
        assert await work(port, 3) == 3
        for line in lines:
            line.close()


async def test_a_server_stops_though_nobody_reads(engine: Engine):
    async with asyncio.timeout(LIMIT_S):
        async with served(engine, Patience()) as port:
            await work(port, 1)
            big = {"input": {"text": "x" * 4_000_000}}
            _, started = await ask(port, "POST", "/v1/workflows/digging/executions", big)
            line = await Line.to(port, receives=4096)
            line.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a reader's own
            await line.send(
                f"GET /v1/executions/{started['id']} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
            )
            await asyncio.sleep(0.5)
        line.close()
