"""The least HTTP client that is still one: kept connections, answers with a length, nothing else.

Each side of an alternation is driven by it, and the floor's own workers use it too, so that no
figure is about somebody's HTTP client.
"""

from __future__ import annotations

import asyncio


class Wire:
    """Posts and gets at one address on this machine; a connection for each request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[_Connection] = []
        self.requests = 0

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The status and the body of the answer. OSError when the connection breaks."""
        self.requests += 1
        connection = self._free.pop() if self._free else await self._connect()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        answer = await connection.ask(head.encode() + body)
        self._free.append(connection)
        return answer

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, "127.0.0.1", self._port))[1]

    def close(self) -> None:
        for connection in self._free:
            connection.transport.close()


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self._got = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return
        status, *lines = head.lower().split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines)
        if len(body) >= int(fields.get(b"content-length", b"0")):
            self._got = b""
            answer, self._answer = self._answer, None
            if answer is not None and not answer.done():
                answer.set_result((int(status.split()[1]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server closed"))
