"""What the HTTP caller does beyond the contract: destinations, slowness, rubbish, connections."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pavane.adapters.http.caller import HttpCaller
from pavane.adapters.http.destinations import Destinations
from pavane.errors import CallError
from pavane.ports.caller import CallAnswer, CallRequest
from pavane.testing.plain_service import plain_service

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def caller(*allowed: str) -> AsyncGenerator[HttpCaller]:
    made = HttpCaller(Destinations(allowed))
    try:
        yield made
    finally:
        await made.close()


def get(url: str, **options: Any) -> CallRequest:
    return CallRequest(method="GET", url=url, **options)


async def fine(_request: CallRequest) -> CallAnswer:
    return CallAnswer(status=200, reason="OK", body=b'"fine"')


async def test_loopback_is_refused_by_address_and_by_name_before_anything_is_sent():
    asked: list[str] = []

    async def serve(request: CallRequest) -> CallAnswer:
        asked.append(request.url)
        return await fine(request)

    async with plain_service(serve) as origin, caller() as here:
        port = origin.rpartition(":")[2]
        hosts = ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433")
        for host in hosts:
            with pytest.raises(CallError) as refusal:
                await here.call(get(f"http://{host}:{port}/"))
            assert refusal.value.final, host
            assert not refusal.value.perhaps_done
            assert "--allow-calls-to" in refusal.value.remedy
    assert asked == []


async def test_a_name_is_resolved_once_and_what_was_looked_at_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
):
    """A DNS that changes its mind between look and connection changes nothing."""
    loop, asked = asyncio.get_running_loop(), []
    real = loop.getaddrinfo

    async def resolve(host, port, **options):
        if host != "rebound.example":
            return await real(host, port, **options)
        asked.append(host)
        address = "127.0.0.2" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    async with plain_service(fine) as origin, caller("127.0.0.2") as here:
        port = origin.rpartition(":")[2]
        with pytest.raises(CallError, match="could not be reached"):
            await here.call(get(f"http://rebound.example:{port}/"))  # nobody listens at .2
        assert asked == ["rebound.example"]
        with pytest.raises(CallError, match="loopback"):
            await here.call(get(f"http://rebound.example:{port}/"))


async def test_the_host_header_keeps_the_name():
    seen: list[CallRequest] = []

    async def serve(request: CallRequest) -> CallAnswer:
        seen.append(request)
        return await fine(request)

    async with plain_service(serve) as origin, caller("localhost", "::1") as here:
        port = origin.rpartition(":")[2]
        await here.call(get(f"http://localhost:{port}/"))
    assert dict(seen[0].headers)["host"] == f"localhost:{port}"


async def test_a_body_that_drips_is_cut_off_in_time():
    async def serve(_request: CallRequest) -> CallAnswer:
        return CallAnswer(status=200, body=b"x" * 10_000)

    async with plain_service(serve, pause_s=0.05) as origin, caller("127.0.0.1") as here:
        began = asyncio.get_running_loop().time()
        with pytest.raises(CallError) as failure:
            await here.call(get(origin, timeout_s=0.4, read_timeout_s=0.2))
        assert asyncio.get_running_loop().time() - began < 5
        assert "within 0.4 s" in failure.value.message
        assert failure.value.perhaps_done


async def test_silence_is_cut_off_before_the_whole_time_is_up():
    async def serve(_request: CallRequest) -> CallAnswer:
        await asyncio.sleep(20)
        raise AssertionError

    async with plain_service(serve) as origin, caller("127.0.0.1") as here:
        with pytest.raises(CallError, match="fell silent"):
            await here.call(get(origin, timeout_s=10, read_timeout_s=0.1))


async def test_what_is_no_http_is_said():
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-nonsense\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with caller("127.0.0.1") as here:
            with pytest.raises(CallError) as failure:
                await here.call(get(f"http://127.0.0.1:{port}/"))
        assert failure.value.perhaps_done
        assert not failure.value.final
    finally:
        server.close()


async def test_an_enormous_answer_is_not_read_to_its_end():
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
        try:
            while sent < 1_000_000_000:
                writer.write(b"x" * 65_536)
                sent += 65_536
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with caller("127.0.0.1") as here:
            with pytest.raises(CallError, match="larger than 5000000 bytes"):
                await here.call(get(f"http://127.0.0.1:{port}/"))
        assert sent < 100_000_000
    finally:
        server.close()
