"""The least HTTP client that a worker needs: posts to one address over kept connections.

A library for every use costs a worker several times as much CPU as its exchanges. This one speaks
plain HTTP/1.1 to where it is told, with no proxy, no redirect and no compression.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pavane.sdk.plans import Answer

HEAD_BYTES_MAX: Final = 64 * 1024
CONNECT_S: Final = 5.0


def is_direct(server: str) -> bool:
    """Whether a server is reached by plain HTTP, with neither a password nor a proxy."""
    try:
        address = urlsplit(server)
        if address.scheme != "http" or not address.hostname or "@" in address.netloc:
            return False
        proxies = getproxies()
        proxied = "http" in proxies or "all" in proxies
        return (address.port is None or address.port > 0) and (
            not proxied or bool(proxy_bypass(address.hostname))
        )
    except ValueError:  # a port that is no number
        return False


class Wire:
    """Posts bodies of JSON to one URL. Use from one event loop; `close` it."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        address = urlsplit(url)
        self._where = (address.hostname or "", address.port or 80)
        fields = {"host": address.netloc, "content-type": "application/json", **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._head = f"POST {address.path} HTTP/1.1\r\n{lines}content-length: "
        self._free: list[_Connection] = []

    async def post(self, body: bytes, timeout_s: float) -> Answer:
        """One request. OSError (TimeoutError among them) when there is no whole answer."""
        request = f"{self._head}{len(body)}\r\n\r\n".encode() + body
        async with asyncio.timeout(timeout_s):
            while self._free:
                kept = self._free.pop()
                try:
                    return await self._ask(kept, request)
                except ConnectionError:
                    # The server closed what was idle, just when it was asked. Whoever sends an
                    # exchange again does no harm; a new connection tells whether it is there.
                    if kept.heard:
                        raise
            return await self._ask(await self._connect(), request)

    async def _ask(self, connection: _Connection, request: bytes) -> Answer:
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.abort()  # whoever waits no longer hangs up, so that the server knows
            raise
        if connection.is_kept:
            self._free.append(connection)
        return answer

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_S):
            return (await loop.create_connection(_Connection, *self._where))[1]

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        for connection in self._free:
            connection.abort()
        self._free.clear()


class BrokenAnswerError(ConnectionError):
    """What came is no answer in HTTP/1.1."""


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self) -> None:
        self.heard = False  # something of the answer has come
        self.is_kept = True  # it may be asked again
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._got = bytearray()
        self._reading = _Reading()

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send it; the answer to come."""
        self.heard = False
        self._reading = _Reading()
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or not self.is_kept:
            self._answer.set_exception(ConnectionResetError("the connection was closed"))
        else:
            self._transport.write(request)
        return self._answer

    def abort(self) -> None:
        """Close it at once."""
        self.is_kept = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        waiting = self._answer
        if waiting is None or waiting.done():  # nobody asked: it cannot be trusted any more
            self.abort()
            return
        self.heard = True
        self._got += data
        try:
            answer = self._reading.answer(self._got)
        except ValueError as error:
            waiting.set_exception(BrokenAnswerError(f"no answer in HTTP: {error}"))
            self.abort()
            return
        if answer is not None:
            if self._got or self._reading.closes:
                self.is_kept = False
                if self._transport is not None:
                    self._transport.close()
            waiting.set_result(answer)

    def eof_received(self) -> None:
        self.is_kept = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_kept = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                exc if isinstance(exc, OSError) else ConnectionResetError("the server hung up")
            )


class _Reading:
    """One answer as it comes in; ValueError when it is none (RFC 9112)."""

    def __init__(self) -> None:
        self.closes = False
        self._status = 0
        self._length: int | None = None  # None: in chunks
        self._chunks: list[bytes] = []

    def answer(self, got: bytearray) -> Answer | None:
        """The answer once it is whole; takes what it has read from `got`."""
        while self._status < 200:  # what comes before the answer itself is of no interest
            end = got.find(b"\r\n\r\n")
            if end < 0:
                if len(got) > HEAD_BYTES_MAX:
                    raise ValueError("its head has no end")
                return None
            self._read_head(bytes(got[:end]))
            del got[: end + 4]
        if self._length is None:
            return self._chunked(got)
        if len(got) < self._length:
            return None
        body = bytes(got[: self._length])
        del got[: self._length]
        return Answer(self._status, body)

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if version not in {"HTTP/1.1", "HTTP/1.0"} or not rest[:3].isdigit():
            raise ValueError(f"it begins with {first[:40]!r}")
        self._status = int(rest[:3])
        fields = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        connection = fields.get("connection", "").lower()
        self.closes = "close" in connection or version == "HTTP/1.0"
        if "chunked" in fields.get("transfer-encoding", "").lower():
            self._length = None
        elif self._status in {204, 304}:
            self._length = 0
        elif self._status >= 200:
            length = fields.get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                raise ValueError("it has no length")
            self._length = int(length)

    def _chunked(self, got: bytearray) -> Answer | None:
        while (end := got.find(b"\r\n")) >= 0:
            size = int(bytes(got[:end]).partition(b";")[0], 16)
            if size < 0:
                raise ValueError("a chunk has less than nothing")
            if not size:  # trailers, of which we expect none, and an empty line
                if len(got) < end + 4:
                    return None
                self.closes = self.closes or bytes(got[end + 2 : end + 4]) != b"\r\n"
                del got[: end + 4]
                return Answer(self._status, b"".join(self._chunks))
            if len(got) < end + 2 + size + 2:
                return None
            self._chunks.append(bytes(got[end + 2 : end + 2 + size]))
            del got[: end + 2 + size + 2]
        return None
