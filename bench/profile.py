"""Where the CPU of the three-step workflow goes: sampled, by layer and by function.

A timer of the process's CPU interrupts the event loop; the innermost frame that belongs to a layer
gets the sample, so that what C code costs counts for whoever called it. The thread that commits
has a clock of its own.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from bench import order
from bench.load import Load
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine

INTERVAL_S = 0.001
LAYERS = {
    "/pavane/core/decide/": "core: decide",
    "/pavane/core/expressions/": "core: expressions",
    "/pavane/core/": "core: model",
    "/pavane/adapters/sqlite/snapshot.py": "store: read back",
    "/pavane/adapters/sqlite/": "store: write",
    "/pavane/engine/views/": "store: read back",
    "/pavane/engine/": "engine",
    "/pavane/sdk/": "worker",
    "/bench/": "the load itself",
    "/asyncio/": "asyncio",
}


class Sampler:
    """Counts where the main thread is, each time the process has used INTERVAL_S of CPU."""

    def __init__(self) -> None:
        self.layers: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()
        self._layer_of: dict[CodeType, str] = {}

    def __enter__(self) -> Sampler:
        signal.signal(signal.SIGPROF, self._sample)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None:
            layer = self._layer(frame.f_code)
            if layer:
                self.layers[layer] += 1
                name = Path(frame.f_code.co_filename)
                self.functions[f"{name.parent.name}/{name.name} {frame.f_code.co_qualname}"] += 1
                return
            frame = frame.f_back

    def _layer(self, code: CodeType) -> str:
        layer = self._layer_of.get(code)
        if layer is None:
            found = (name for part, name in LAYERS.items() if part in code.co_filename)
            layer = self._layer_of[code] = next(found, "")
        return layer


async def profile(path: Path, workflows: int, in_flight: int) -> None:
    """Run and print the table."""
    # Threads inherit it: only the event loop's thread is interrupted.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
    async with running_engine(SqliteStore(path), services=order.SERVICES) as engine:
        await engine.register([order.definition()])
        load = Load(engine)
        await load.many(500, in_flight)
        threads = [t for t in threading.enumerate() if t is not threading.main_thread()]
        clocks = [time.pthread_getcpuclockid(t.ident) for t in threads if t.ident]
        before = [time.clock_gettime(clock) for clock in clocks]
        began, cpu = time.perf_counter(), time.thread_time()
        with Sampler() as sampler:
            await load.many(workflows, in_flight)
        cpu, seconds = time.thread_time() - cpu, time.perf_counter() - began
        beside = sum(map(time.clock_gettime, clocks)) - sum(before)
    print_table(sampler, workflows, cpu, beside, seconds)


def print_table(
    sampler: Sampler, workflows: int, cpu_s: float, beside_s: float, seconds: float
) -> None:
    samples = sampler.layers.total()
    loop_us, beside_us = cpu_s / workflows * 1e6, beside_s / workflows * 1e6
    each_us = loop_us + beside_us
    print(f"\n{workflows} workflows, {samples} samples, {seconds / workflows * 1e6:.0f} us each:")
    print(f"  {loop_us:.0f} us CPU on the event loop, {beside_us:.0f} us in the committing thread,")
    print("  whose samples count for what the loop does meanwhile (mostly asyncio: it waits)")
    for counts in (sampler.layers, sampler.functions):
        print("\n  us/workflow")
        for name, count in counts.most_common(40):
            print(f"  {count / samples * each_us:7.1f}  {name}")


def run(workflows: int = 8000, in_flight: int = 64) -> None:
    """The profile on a new store."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(profile(Path(folder) / "profile.db", workflows, in_flight))


if __name__ == "__main__":
    run()
