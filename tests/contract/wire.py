"""A wire between a store and its PostgreSQL server that can be cut in the middle of a commit."""

import asyncio
import re
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

_READY = b"Z\x00\x00\x00\x05"
_COMMIT = re.compile(rb"pg_temp\.pavane_\w+\(\$1")

Cut = Literal["", "before", "after", "late"]


class Wire:
    """Passes everything on. `cut` says what becomes of the next commit that goes through it.

    "before": it does not reach the server. "after": it does, and its answer is lost. "late": the
    client hears nothing more, and the server gets it when `deliver` is called.
    """

    def __init__(self, url: str) -> None:
        self._upstream = urlsplit(url)
        self.cut: Cut = ""
        self.cuts = 0
        self.answers = 0  # of the server: each ends with "ready for the next"
        self.is_down = False  # nobody comes through
        self.for_good = False  # so it is from the next cut on
        self._kept: list[tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        user = self._upstream.netloc.rpartition("@")[0]
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._upstream._replace(netloc=f"{user}@127.0.0.1:{port}"))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for _, _, server in self._kept:
            server.transport.abort()

    async def deliver(self) -> bytes:
        """What the server says to the commit that was kept, once it gets it."""
        data, answers, server = self._kept.pop()
        server.write(data)
        return await answers.read(4096)

    async def _connected(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if self.is_down:
            return back.transport.abort()
        try:
            to = asyncio.open_connection(self._upstream.hostname, self._upstream.port)
            answers, server = await to
        except OSError:
            return back.transport.abort()
        line = _Line(self, client, back, answers, server)
        for work in (line.there(), line.back()):
            pump = asyncio.ensure_future(work)
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)
        return None

    def keep(
        self, data: bytes, answers: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        self._kept.append((data, answers, server))


class _Line:
    """One connection."""

    def __init__(
        self,
        wire: Wire,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        self.wire = wire
        self.client, self.to_client = client, to_client
        self.server, self.to_server = server, to_server
        self.statement = b""  # the name under which a commit is prepared
        self.is_kept = asyncio.Event()
        self.is_deaf = False

    async def there(self) -> None:
        """What the client says."""
        while data := await self._heard():
            if data[:1] == b"P" and _COMMIT.search(data):
                self.statement = data[5 : data.index(b"\0", 5)]
            commits = data[:1] == b"B" and self.statement and self.statement in data[:80]
            commits = commits or (data[:1] == b"Q" and data[5:11] == b"COMMIT")
            cut, self.wire.cut = (self.wire.cut, "") if commits else ("", self.wire.cut)
            if cut:
                self.wire.cuts += 1
                self.wire.is_down = self.wire.for_good
            if cut == "late":
                self.is_kept.set()
                self.wire.keep(data, self.server, self.to_server)
                return self.to_client.transport.abort()
            if cut == "before":
                self.to_client.transport.abort()
                break
            self.is_deaf = cut == "after"
            self.to_server.write(data)
        if not self.is_deaf:
            self.to_server.close()
        return None

    async def _heard(self) -> bytes:
        try:
            return await self.client.read(1 << 20)
        except OSError:
            return b""

    async def back(self) -> None:
        """What the server says."""
        kept = asyncio.ensure_future(self.is_kept.wait())
        try:
            while True:
                reading = asyncio.ensure_future(self.server.read(1 << 20))
                await asyncio.wait({reading, kept}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
                    return
                data = reading.result()
                if self.is_deaf or not data:
                    break
                self.wire.answers += data.count(_READY)
                self.to_client.write(data)
        except OSError:
            pass  # the server is gone
        finally:
            kept.cancel()
            if self.is_deaf:
                self.to_client.transport.abort()
            self.to_client.close()
            if not self.is_kept.is_set():
                self.to_server.close()
