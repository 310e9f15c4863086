"""The workers' HTTP client against servers that send each byte as they please."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pavane.sdk.remote.wire import HEAD_BYTES_MAX, BrokenAnswerError, Wire, is_direct

pytestmark = pytest.mark.anyio

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n"
)


class Talk:
    """A server that answers the n-th request with the n-th answer; what it was asked."""

    def __init__(self, *answers: bytes, piece: int = 0, then: str = "") -> None:
        self.answers, self.piece, self.then = list(answers), piece, then
        self.connections = 0
        self.asked: list[bytes] = []
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.asked.append(head + await reader.readexactly(length))
                self.begun.set()
                if not self.answers:
                    await reader.read()  # silent until the client hangs up
                    break
                answer = self.answers.pop(0)
                step = self.piece or len(answer) or 1
                for at in range(0, len(answer), step):
                    writer.write(answer[at : at + step])
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.then == "close":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.ended.set()


@asynccontextmanager
async def wire(talk: Talk) -> AsyncIterator[Wire]:
    server = await asyncio.start_server(talk.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Wire(f"http://127.0.0.1:{port}/base/v1/exchange", {"x-more": "1"})
    try:
        async with asyncio.timeout(20):
            yield client
    finally:
        await client.close()
        server.close()


async def test_what_it_sends_and_that_the_connection_is_kept():
    talk = Talk(PLAIN, PLAIN)
    async with wire(talk) as client:
        for body in (b'{"a":1}', b""):
            answer = await client.post(body, 5)
            assert (answer.status, answer.body) == (200, b"{}")
    assert talk.connections == 1
    first, second = talk.asked
    assert first.startswith(b"POST /base/v1/exchange HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\ncontent-type: application/json\r\nx-more: 1\r\n" in first
    assert first.endswith(b'content-length: 7\r\n\r\n{"a":1}')
    assert second.endswith(b"content-length: 0\r\n\r\n")


@pytest.mark.parametrize("piece", [1, 2, 7, 0])
@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (PLAIN, 200, b"{}"),
        (CHUNKS, 200, b"abcde"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN, 200, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 503 No\r\ncontent-length:0\r\n\r\n", 503, b""),
    ],
)
async def test_answers_in_pieces_of_any_size(piece: int, sent: bytes, status: int, body: bytes):
    async with wire(Talk(sent, sent, piece=piece)) as client:
        for _ in range(2):
            answer = await client.post(b"{}", 10)
            assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * (HEAD_BYTES_MAX + 1),
    ],
)
async def test_what_is_no_answer(sent: bytes):
    async with wire(Talk(sent)) as client:
        with pytest.raises(BrokenAnswerError):
            await client.post(b"{}", 5)


@pytest.mark.parametrize("count", [0, 10, len(PLAIN) - 1])
async def test_a_server_that_hangs_up_on_the_way(count: int):
    async with wire(Talk(PLAIN[:count], then="close")) as client:
        with pytest.raises(ConnectionError):
            await client.post(b"{}", 5)


async def test_a_connection_that_was_closed_while_idle_is_not_missed():
    talk = Talk(PLAIN, PLAIN, PLAIN, then="close")
    async with wire(talk) as client:
        for _ in range(3):
            assert (await client.post(b"{}", 5)).status == 200
    assert talk.connections == 3


async def test_a_server_that_will_not_keep_the_connection():
    closing = PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    talk = Talk(closing, closing)
    async with wire(talk) as client:
        for _ in range(2):
            assert (await client.post(b"{}", 5)).status == 200
    assert talk.connections == 2


@pytest.mark.parametrize("how", ["time", "cancelled"])
async def test_who_waits_no_longer_hangs_up(how: str):
    talk = Talk()
    async with wire(talk) as client:
        asking = asyncio.create_task(client.post(b"{}", 0.2 if how == "time" else 20))
        await talk.begun.wait()
        if how == "cancelled":
            asking.cancel()
        with pytest.raises(TimeoutError if how == "time" else asyncio.CancelledError):
            await asking
        await talk.ended.wait()


async def test_nobody_is_there():
    with pytest.raises(OSError, match="Connect"):
        await Wire("http://127.0.0.1:1/").post(b"{}", 5)


@pytest.mark.parametrize(
    ("server", "direct"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080/base", True),
        ("http://orchestrator", True),
        ("https://orchestrator", False),
        ("http://name:word@orchestrator", False),
        ("http://orchestrator:port", False),
        ("http://", False),
    ],
)
def test_where_it_may_be_used(server: str, direct: bool, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert is_direct(server) is direct


def test_a_proxy_is_for_the_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert not is_direct("http://orchestrator")
    assert is_direct("http://127.0.0.1:8080")
