"""One wave of events: a process that publishes them, one that handles them, and the CPU of each.

A side is run as `python -m MODULE handle BROKER URL EVENTS`. It subscribes, then starts itself a
second time to publish: first to warm up, then, once all of that is handled, what is measured. The
CPU is that of each process with all its threads. Both print JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

WARM_UP = 500
AT_ONCE = 100  # events that are handed over together, and confirmed before the next ones
PREFETCH = 500
PATIENCE_S = 120.0

Send = Callable[[range], Awaitable[None]]


class Wave:
    """Counts what is handled, and has the publisher go on."""

    def __init__(self, module: str, broker: str, url: str, events: int, *options: str) -> None:
        self.name = f"bench-{uuid.uuid4().hex[:12]}"
        self.events = events
        self.handled = 0
        self._command = [sys.executable, "-m", module, "publish", broker, url, str(events)]
        self._command += [self.name, *options]
        self._child: subprocess.Popen[str] | None = None
        self._cpu_s = 0.0
        self._until = time.monotonic() + PATIENCE_S

    def begin(self) -> None:
        """Let it be published; what is to be read from is there."""
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True)

    def count(self) -> None:
        """One more is handled."""
        self.handled += 1
        if self.handled == WARM_UP:
            assert self._child is not None
            assert self._child.stdin is not None
            self._cpu_s = time.process_time()
            self._child.stdin.write("on\n")
            self._child.stdin.flush()

    @property
    def over(self) -> bool:
        """Whether all are handled. TimeoutError when that never comes."""
        if time.monotonic() > self._until:
            raise TimeoutError(f"{self.handled} of {WARM_UP + self.events} events were handled")
        return self.handled >= WARM_UP + self.events

    async def wait(self) -> None:
        """Until all are handled."""
        while not self.over:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.02)

    def told(self) -> dict[str, Any]:
        """Microseconds of CPU for an event; call it when all is acknowledged."""
        handle_us = (time.process_time() - self._cpu_s) / self.events * 1e6
        assert self._child is not None
        assert self.handled == WARM_UP + self.events, "each once"
        said, _ = self._child.communicate(timeout=PATIENCE_S)
        publish_us = json.loads(said.splitlines()[-1])["publish_us"]
        both = {"handle_us": handle_us, "publish_us": publish_us}
        return {**both, "cpu_us": handle_us + publish_us}

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()


async def publishing(send: Send, events: int) -> None:
    """Publish the warm-up, wait until that is handled, publish the rest; print what it took."""
    for burst in _bursts(0, WARM_UP):
        await send(burst)
    await asyncio.to_thread(sys.stdin.readline)
    cpu_s = time.process_time()
    for burst in _bursts(WARM_UP, WARM_UP + events):
        await send(burst)
    cpu_s = time.process_time() - cpu_s
    print(json.dumps({"publish_us": cpu_s / events * 1e6}), flush=True)


def _bursts(start: int, stop: int) -> Iterator[range]:
    for first in range(start, stop, AT_ONCE):
        yield range(first, min(first + AT_ONCE, stop))


def run(
    module: str,
    publish: dict[str, Callable[..., Awaitable[None]]],
    handle: dict[str, Callable[..., Awaitable[None]]],
) -> None:
    """The command line of a side: `publish BROKER URL EVENTS NAME …` or `handle BROKER URL …`."""
    what, broker, url, events, *rest = sys.argv[1:]
    if what == "publish":
        name, *options = rest
        asyncio.run(_awaited(publish[broker](url, name, int(events), *options)))
        return
    wave = Wave(module, broker, url, int(events), *rest)
    try:
        asyncio.run(_awaited(handle[broker](wave, url, *rest)))
        print(json.dumps(wave.told()))
    finally:
        wave.end()


async def _awaited(work: Awaitable[None]) -> None:
    await work
