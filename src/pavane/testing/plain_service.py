"""A plain HTTP service on loopback, whose answers are yours: what knows nothing of Pavane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from pavane.ports.caller import CallAnswer, CallRequest

Serve = Callable[[CallRequest], Awaitable[CallAnswer]]
"""What it does with a request, whose `url` is path and query. ConnectionError breaks it off."""

PIECE_BYTES = 65_536


@asynccontextmanager
async def plain_service(serve: Serve, *, pause_s: float = 0.0) -> AsyncGenerator[str]:
    """Serve on a free port; gives the origin. `pause_s` lies between the pieces of a body."""
    at_work: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        at_work.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    request = await _read(reader)
                    await _write(writer, await serve(request), pause_s)
        except asyncio.CancelledError:
            pass  # the service is closed; the stream's own callback would log it as an error
        finally:
            at_work.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in [*at_work]:
            task.cancel()
        if at_work:
            await asyncio.wait({*at_work})


async def _read(reader: asyncio.StreamReader) -> CallRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, url, _version = head[0].split(" ")
    pairs = [line.partition(":") for line in head[1:] if line]
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    length = int(dict(headers).get("content-length", "0"))
    body = await reader.readexactly(length)
    return CallRequest(method=method, url=url, headers=headers, body=body)


async def _write(writer: asyncio.StreamWriter, answer: CallAnswer, pause_s: float) -> None:
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.status != 204:
        lines.append(f"content-length: {len(answer.body)}")
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    size = 1 if pause_s else PIECE_BYTES
    for at in range(0, len(answer.body), size):
        writer.write(answer.body[at : at + size])
        await writer.drain()
        await asyncio.sleep(pause_s)
    await writer.drain()
