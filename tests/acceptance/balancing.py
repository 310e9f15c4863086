"""A load balancer for tests: each connection goes to the next node that is in good health."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager

_PIECE = 1 << 16
_ANSWER_S = 1.0  # a node that is cut off does not even refuse, and one that is stopped says nothing


class Balancer:
    """Passes bytes between who connects and one of its nodes, which may change.

    `nodes` are ports of this machine, `at` are nodes with the addresses of their hosts.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self.at: list[tuple[str, int]] = []
        self.port = 0
        self._turn = 0
        self._ill: set[tuple[str, int]] = set()
        self._loop = asyncio.new_event_loop()

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def nodes(self) -> list[int]:
        return [port for _, port in self.at]

    @nodes.setter
    def nodes(self, ports: list[int]) -> None:
        self.at = [("127.0.0.1", port) for port in ports]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await self._connect()
            if there is not None:
                ways = [_pass_on(reader, there[1]), _pass_on(there[0], writer)]
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        well = [node for node in self.at if node not in self._ill]
        for _ in range(len(well)):
            self._turn += 1
            try:
                async with asyncio.timeout(_ANSWER_S):
                    return await asyncio.open_connection(*well[self._turn % len(well)])
            except OSError:  # or TimeoutError, which is one
                continue
        return None

    async def _look_after(self) -> None:
        """Ask each node for its health, about once a second."""
        while True:
            await asyncio.gather(*(self._look(node) for node in self.at))
            await asyncio.sleep(_ANSWER_S)

    async def _look(self, node: tuple[str, int]) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_connection(*node)
                try:
                    writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                    first = await reader.readline()
                finally:
                    writer.close()
        except OSError:
            first = b""
        if b" 200 " in first:
            self._ill.discard(node)
        else:
            self._ill.add(node)

    async def _begin(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, self.address, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._looking = asyncio.create_task(self._look_after())
        return server

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        going_on = asyncio.all_tasks() - {asyncio.current_task()}
        for task in going_on:
            task.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)

    @contextmanager
    def running(self) -> Generator[Balancer]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._end(server), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()
