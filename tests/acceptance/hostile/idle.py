"""Thousands of workers that wait for work which never comes, in one process."""

import asyncio
import socket
import struct
from collections import Counter


class Idle(asyncio.Protocol):
    """One worker: asks, waits, and asks again as soon as it is told that there is nothing."""

    def __init__(self, request: bytes, told: Counter[str]) -> None:
        self.request = request
        self.told = told
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, ended, body = self.buffer.partition(b"\r\n\r\n")
        if not ended:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.told[head[9:12].decode()] += 1
        self.told["tasks"] += b'"executionId"' in body or b'"taskId"' in body
        self.buffer = b""
        assert self.transport
        self.transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.told["lost"] += 1

    def hang_up(self) -> None:
        """Without a good-bye, as a process that crashed."""
        assert self.transport
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def exchange(number: int, task: str) -> bytes:
    """Ours."""
    body = f'{{"worker":"idle-{number}","tasks":["{task}"],"limit":1,"waitMs":60000}}'
    head = f"POST /v1/exchange HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def poll(number: int, task: str) -> bytes:
    """Conductor's."""
    path = f"/api/tasks/poll/batch/{task}?timeout=5000&workerid=idle-{number}"
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


async def gather_idle(port: int, requests: list[bytes], told: Counter[str]) -> list[Idle]:
    """All of them, connected and waiting; some at a time, as the server's backlog is finite."""
    loop = asyncio.get_running_loop()
    found: list[Idle] = []
    for at in range(0, len(requests), 250):
        made = await asyncio.gather(
            *(
                loop.create_connection(lambda each=each: Idle(each, told), "127.0.0.1", port)
                for each in requests[at : at + 250]
            )
        )
        found += [protocol for _, protocol in made]
    return found
