"""The demo's processes: the orchestrator, where there is one, and three with the services."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from pavane.errors import NotStartedError

PARTS = (("inventory",), ("payment",), ("shipping", "notifications"))
LEASE = "2s"  # short, so that nobody waits long for what a dead process had in its hands
_START_S = 60.0
_STOP_S = 15.0
_LOOK_S = 0.02


class Place(NamedTuple):
    """Where a company of processes meets."""

    app: Path
    folder: Path
    style: str

    @property
    def bus(self) -> str:
        """The bus of those who dance."""
        return f"embedded:{self.folder / 'bus'}"

    @property
    def store(self) -> str:
        """The store of the orchestrator."""
        return f"sqlite:///{self.folder / 'demo.db'}"


class Part:
    """One process, and what it says."""

    def __init__(self, place: Place, name: str, arguments: list[str]) -> None:
        self.name = name
        self._arguments = arguments
        self._said = place.folder / f"{name}.log"
        self._process: asyncio.subprocess.Process

    async def begin(self, ready: str) -> str:
        """Start it, and wait until it has said so; the first group of what matched."""
        with self._said.open("wb") as output:
            # Its standard input is ours to close: it ends with us, even if we are killed.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "pavane", *self._arguments, "--stop-with-stdin"),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
            )
        until, said = time.monotonic() + _START_S, ""
        while time.monotonic() < until:
            said = self._said.read_text()
            if found := re.search(ready, said):
                return found[1] if found.groups() else ""
            if self._process.returncode is not None:
                break
            await asyncio.sleep(_LOOK_S)
        raise NotStartedError(f"The process of {self.name} did not start:\n{said}", "See above.")

    def kill(self) -> None:
        """SIGKILL: it has no chance to tidy up."""
        self._process.kill()

    async def gone(self) -> None:
        """Until it has ended."""
        await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


class Company:
    """All processes of one style. `url` is the orchestrator's, or ""."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.url = ""
        self.parts: dict[str, Part] = {}

    async def start(self) -> None:
        """The orchestrator first, then all services at once."""
        if self.place.style != "choreographed":
            bus = ["--bus", self.place.bus] if self.place.style == "hybrid" else []
            given = ["server", "--port", "0", "--store", self.place.store, "--lease", LEASE, *bus]
            server = self.parts["server"] = Part(self.place, "server", given)
            self.url = await server.begin(r"answers at (\S+)")
        await asyncio.gather(*(self.begin(*services) for services in PARTS))

    async def begin(self, *services: str) -> None:
        """A process for some services."""
        style = self.place.style
        named = [word for each in services for word in ("--service", each)]
        server = ["--server", self.url] if self.url else []
        bus = ["--bus", self.place.bus] if style != "orchestrated" else []
        given = ["run", str(self.place.app), "--style", style, *server, *bus, *named]
        part = self.parts[services[0]] = Part(self.place, services[0], given)
        await part.begin(r"Ctrl-C stops")

    async def stop(self) -> None:
        """Services first."""
        *others, server = reversed(self.parts.values())
        await asyncio.gather(*(each.stop() for each in others))
        await server.stop()


@asynccontextmanager
async def company(place: Place) -> AsyncGenerator[Company]:
    """Everybody is there; on leaving everybody is stopped."""
    found = Company(place)
    try:
        await found.start()
        yield found
    finally:
        if found.parts:
            await found.stop()
