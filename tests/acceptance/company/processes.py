"""The processes of the company: started, armed, killed, stopped, continued, and looked after."""

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.company.part import SERVER
from tests.acceptance.company.site import Host, Site

ROOT = Path(__file__).parents[3]
LIMIT_S = 60.0  # for anything that a process is waited for
BEGIN_ANEW_S = 1.0  # after one has given up
LOOK_S = 0.01


class Life:
    """One process, from its start to its end."""

    def __init__(self, part: str, number: int, process: asyncio.subprocess.Process, said: Path):
        self.part = part
        self.number = number
        self.process = process
        self._said = said

    @property
    def is_over(self) -> bool:
        return self.process.returncode is not None

    @property
    def said(self) -> str:
        return self._said.read_text()

    async def ready(self) -> None:
        """Until it says so, or has ended."""
        async with asyncio.timeout(LIMIT_S):
            while not (self.is_over or "ready" in self.said):  # noqa: ASYNC110  # said by a process
                await asyncio.sleep(LOOK_S)

    def signal(self, number: signal.Signals) -> None:
        if not self.is_over:
            self.process.send_signal(number)

    async def end(self, within_s: float = LIMIT_S) -> bool:
        """Whether it ends within that time."""
        try:
            async with asyncio.timeout(within_s):
                await self.process.wait()
        except TimeoutError:
            return False
        return True


class Company:
    """All processes of one campaign. `async with`: whatever is left is killed."""

    def __init__(self, folder: Path, style: str, site: Site | None = None) -> None:
        self.folder = folder
        self.style = style
        self.site = site or Site.in_folder(folder, free_port())
        self.servers = servers_of(style, self.site.nodes)
        self.parts = (*self.site.parts, *self.servers)
        self.ports = {each: free_port() for each in self.servers}
        if self.site.nodes == 1:  # nobody stands before it
            self.ports = dict.fromkeys(self.servers, int(self.site.url.rpartition(":")[2]))
        self.lives: list[Life] = []
        self.current: dict[str, Life] = {}
        self._numbers = itertools.count()

    @property
    def url(self) -> str:
        return self.site.url

    def host(self, part: str) -> Host:
        """Where a part runs, as often as it begins: nodes and services are dealt out in turn."""
        of_its_kind = self.servers if part in self.servers else self.site.parts
        return self.site.hosts[of_its_kind.index(part) % len(self.site.hosts)]

    async def __aenter__(self) -> "Company":
        try:
            for part in self.parts:
                await self.begin(part)
            await self.ready()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for life in self.lives:
            life.signal(signal.SIGKILL)
        for life in self.lives:
            await life.process.wait()

    async def ready(self) -> None:
        """Until each part is at work. One that could not begin and gave up begins anew."""
        for part in list(self.current):
            try:
                async with asyncio.timeout(LIMIT_S):
                    await self.current[part].ready()
                    while self.current[part].is_over:
                        await asyncio.sleep(BEGIN_ANEW_S)
                        await (await self.begin(part)).ready()
            except TimeoutError:
                said = self.current[part].said
                raise AssertionError(f"{part} does not begin: {said}") from None

    async def begin(self, part: str) -> Life:
        """A new process for the part; an older one may still be there."""
        number = next(self._numbers)
        said, host = self.folder / f"said-{number}.txt", self.host(part)
        kept = {name: v for name, v in os.environ.items() if not name.startswith("PAVANE_")}
        with said.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(*host.enter, sys.executable, "-m", "tests.acceptance.company.part"),
                *(str(self.folder), self.style, part),
                cwd=self.folder,
                env={
                    **kept,
                    "COMPANY_LIFE": str(number),
                    "COMPANY_HOST": host.address,
                    "COMPANY_PORT": str(self.ports.get(part, 0)),
                    **self.site.environment,
                    "PYTHONPATH": str(ROOT),
                },
                stdout=output,
                stderr=output,
            )
        life = self.current[part] = Life(part, number, process, said)
        self.lives.append(life)
        return life

    def arm(self, part: str, point: str, passing: int) -> Life:
        """Let the part kill itself at its nth passing of a point from now on."""
        life = self.current[part]
        (self.folder / f"arm-{life.number}").write_text(f"{point} {passing}")
        life.signal(signal.SIGUSR1)
        return life

    def complaints(self) -> Iterator[str]:
        """What processes have printed that no process should."""
        for life in self.lives:
            if "Traceback" in life.said:
                said = life.said[life.said.index("Traceback") :][:6000]
                yield f"{life.part}, life {life.number}:\n{said}"


def servers_of(style: str, nodes: int) -> tuple[str, ...]:
    """The parts that are the conductor."""
    if style == "choreographed":
        return ()
    return (SERVER,) if nodes == 1 else tuple(f"{SERVER}-{n + 1}" for n in range(nodes))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
