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

ROOT = Path(__file__).parents[3]
LIMIT_S = 40.0  # for anything that a process is waited for
LOOK_S = 0.01
PARTS = ("inventory", "payment", "shipping,notifications")


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

    def __init__(self, folder: Path, style: str) -> None:
        self.folder = folder
        self.style = style
        self.port = _free_port()
        self.parts = PARTS if style == "choreographed" else (*PARTS, SERVER)
        self.lives: list[Life] = []
        self.current: dict[str, Life] = {}
        self._numbers = itertools.count()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "Company":
        for part in self.parts:
            await self.begin(part)
        for life in list(self.current.values()):
            await life.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        for life in self.lives:
            life.signal(signal.SIGKILL)
        for life in self.lives:
            await life.process.wait()

    async def begin(self, part: str) -> Life:
        """A new process for the part; an older one may still be there."""
        number = next(self._numbers)
        said = self.folder / f"said-{number}.txt"
        kept = {name: v for name, v in os.environ.items() if not name.startswith("PAVANE_")}
        with said.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.acceptance.company.part"),
                *(str(self.folder), self.style, part),
                cwd=self.folder,
                env={
                    **kept,
                    "COMPANY_LIFE": str(number),
                    "COMPANY_PORT": str(self.port),
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


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
