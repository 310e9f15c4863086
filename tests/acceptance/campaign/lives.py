"""The lives of the process: how each begins, when it is killed, and what was seen of it."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pavane.engine import points
from tests.acceptance.campaign import world
from tests.acceptance.campaign.observer import Observer

ROOT = Path(__file__).parents[3]
LIMIT_S = 60.0  # of one life; far more than any takes
LOOK_S = 0.01
STARTING = 2  # kills while the process starts
# Each life has work for several times as many batches and attempts, also on a busy machine.
MOST_PASSINGS, MOST_ATTEMPTS = 10, 40

ALL_POINTS = (*points.ALL, *world.POINTS)


class Kill(NamedTuple):
    """At the nth passing of a named point; or from outside, after so many more attempts."""

    point: str = ""
    passing: int = 0
    attempts: int = 0
    then_s: float = 0.0  # this long after those attempts; after 0 of them it is just starting up


def plan_of_kills(count: int, chance: random.Random) -> list[Kill]:
    """Half at named points, each of them at least once; half at random moments."""
    named = list(ALL_POINTS)
    named += [chance.choice(ALL_POINTS) for _ in range(count // 2 - len(named))]
    kills = [Kill(point=point, passing=chance.randint(1, MOST_PASSINGS)) for point in named]
    kills += [
        Kill(attempts=chance.randint(1, MOST_ATTEMPTS), then_s=chance.uniform(0, 0.01))
        for _ in range(count - len(kills) - STARTING)
    ]
    chance.shuffle(kills)
    for _ in range(STARTING):  # not the first life, which has nothing to take up again
        early = Kill(then_s=chance.uniform(0.1, 0.6))
        kills.insert(chance.randint(1, len(kills)), early)
    return kills


class Process:
    """One life of the driver."""

    def __init__(self, folder: Path, life: int, env: Mapping[str, object], kill: Kill) -> None:
        self.folder = folder
        self.life = life
        self._kill = kill
        given = {**env, "LIFE": life, "POINT": kill.point, "PASSING": kill.passing}
        kept = {name: v for name, v in os.environ.items() if not name.startswith("PAVANE_")}
        self._env = {
            **kept,
            **{f"CAMPAIGN_{name}": str(value) for name, value in given.items()},
            "PYTHONPATH": str(ROOT),
        }

    async def __aenter__(self) -> "Process":
        """Started, but not necessarily ready."""
        with (self.folder / "output.txt").open("ab") as output:
            self._running = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.acceptance.campaign.driver", str(self.folder)),
                cwd=self.folder,
                env=self._env,
                stdout=output,
                stderr=output,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Gone in any case."""
        if self._running.returncode is None:
            self._running.kill()
            await self._running.wait()

    @property
    def output(self) -> str:
        """What all lives so far have printed."""
        return (self.folder / "output.txt").read_text()

    async def until(self, attempts: int, observer: Observer | None = None) -> None:
        """Wait for so many attempts of this life, or for its end, looking on."""
        before = world.attempts_so_far(self.folder)
        while self._running.returncode is None:
            if world.attempts_so_far(self.folder) - before >= attempts:
                return
            await self._look(observer)

    async def end(self, observer: Observer | None = None) -> int:
        """Wait for its end, looking on; the exit code."""
        while self._running.returncode is None:
            await self._look(observer)
        return self._running.returncode

    async def live(self, observer: Observer) -> int:
        """From here to its end, by a kill if one is planned; the exit code."""
        async with asyncio.timeout(LIMIT_S):
            if self._kill.attempts or self._kill.then_s:
                await self.until(self._kill.attempts, observer)
                await asyncio.sleep(self._kill.then_s)
                self.signal(signal.SIGKILL)
            return await self.end(observer)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there to get one."""
        if self._running.returncode is None:
            self._running.send_signal(number)

    async def _look(self, observer: Observer | None) -> None:
        if observer is not None and (self.folder / "store.db").exists() and self._has_tables():
            await observer.look(self.life)
        await asyncio.sleep(LOOK_S)

    def _has_tables(self) -> bool:
        """The first life has to make the database before anybody can read it."""
        return "ready" in self.output
