"""The line to a server that hangs: it is given up in time to keep the lease at another node."""

import asyncio

import pytest

from pavane.engine.exchange import Wanted
from pavane.errors import ConnectionFailedError
from pavane.sdk.remote.line import LEAST_S, Line

pytestmark = pytest.mark.anyio

ANSWER = b'{"leaseMs": 1500}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


async def test_a_server_that_hangs_is_given_up_before_the_lease_is_over():
    """It answers once and then takes requests in silence, as a stopped process does."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.read(1 << 16):
            asked += 1
            if asked == 1:
                writer.write(HEAD % len(ANSWER) + ANSWER)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    line = Line(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        assert (await line.once(Wanted("w"))).lease_ms == 1500
        async with asyncio.timeout(3 * LEAST_S):
            with pytest.raises(ConnectionFailedError, match="answer"):
                await line.once(Wanted("w", wait_ms=20_000))
        assert asked == 2
    finally:
        await line.close()
        server.close()
