"""Server-sent events: what changes, told to whoever keeps the request open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

RETRY_MS: Final = 2000
"""How long a client waits until it connects again."""
KEEP_ALIVE_S: Final = 15.0

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # a proxy that collects what it passes on would be late
}


def event(name: str, id: str, data: Any) -> bytes:
    """One event; JSON has no line breaks of its own."""
    return b"event: %s\nid: %s\ndata: %s\n\n" % (
        name.encode(),
        id.encode(),
        msgspec.json.encode(data),
    )


class EventStream(Response):
    """Sends events until they end, the client hangs up, or the server stops.

    The next event is asked for when the last one has gone out, so nothing piles up here for a
    client that reads slowly; those who make the events must not pile them up either.
    """

    def __init__(self, events: AsyncIterator[bytes], stopping: asyncio.Event) -> None:
        super().__init__(headers=_HEADERS)
        self._events = events
        self._stopping = stopping
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Mapping[str, Any] = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(dict(start))
        if scope["method"] == "HEAD":
            await _end(send)
            return
        ends: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self._send(send)),
            asyncio.ensure_future(_hung_up(receive)),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if not ends[1].done() or ends[1].cancelled():
            with suppress(OSError):
                await _end(send)

    async def _send(self, send: Send) -> None:
        await _more(send, b"retry: %d\n\n" % RETRY_MS)
        following: asyncio.Future[bytes] | None = None
        try:
            while True:
                following = following or asyncio.ensure_future(anext(self._events))
                done, _ = await asyncio.wait({following}, timeout=KEEP_ALIVE_S)
                if not done:
                    await _more(send, b": still here\n\n")
                    continue
                try:
                    body = following.result()
                except StopAsyncIteration:
                    return
                following = None
                await _more(send, body)
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


async def _more(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
