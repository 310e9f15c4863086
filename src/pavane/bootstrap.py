"""The one place that knows every adapter: from URLs and options to a running engine."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pavane.errors import UsageError

if TYPE_CHECKING:
    from pavane.engine.engine import Engine
    from pavane.ports.clock import Chance, Clock
    from pavane.ports.probe import Probe
    from pavane.ports.store import Store
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


_SWITCH_INTERVAL_S = 0.0005


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000


def open_store(url: str, *, read_only: bool = False) -> Store:
    """The store behind a URL, not yet opened: `sqlite:///path.db` or `memory:`. UsageError."""
    if url == "memory:":
        from pavane.adapters.memory.store import MemoryStore

        return MemoryStore()
    if url.startswith("sqlite:///"):
        from pavane.adapters.sqlite.store import SqliteStore

        return SqliteStore(url.removeprefix("sqlite:///"), read_only=read_only)
    if url.startswith(("postgresql:", "postgres:")):
        raise UsageError(f"The store {url!r} is not built yet.", "Use sqlite:///path.db.")
    raise UsageError(f"{url!r} is no store.", "Use sqlite:///path.db or memory:.")


@asynccontextmanager
async def running_engine(
    store: str | Store,
    *,
    services: Sequence[Service] = (),
    workflows: Sequence[WorkflowFunction[..., object]] = (),
    concurrency: int | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
    probe: Probe | None = None,
) -> AsyncGenerator[Engine]:
    """An engine on a store, with the services' workers in this process and all registered.

    On leaving, the workers finish what they have begun, the engine commits what it has taken, and
    the store is closed.
    """
    from pavane.engine.engine import Engine

    # The commit thread needs the interpreter for an instant around each fsync. With the default
    # of 5 ms a busy event loop would keep it waiting for longer than the fsync itself takes.
    sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_S))
    clock = clock or SystemClock()
    chosen = open_store(store) if isinstance(store, str) else store
    dispatcher = None
    if services:
        from pavane.sdk.worker import LocalWorkers

        dispatcher = LocalWorkers(services, clock, concurrency=concurrency)
    engine = Engine(
        chosen,
        clock=clock,
        chance=chance or random.SystemRandom(),
        dispatcher=dispatcher,
        probe=probe,
    )
    tasks = dispatcher.definitions if dispatcher else ()
    definitions = [w.definition for w in workflows]
    if dispatcher is not None:
        # Before the engine: what a dead process held is taken up again as soon as it starts.
        dispatcher.start(engine)
    try:
        await engine.start()
        await engine.register(definitions, tuple(tasks))
        if dispatcher is not None:
            for task in tasks:
                dispatcher.wake(task.name)
        yield engine
    finally:
        if dispatcher is not None:
            await dispatcher.stop()
        await engine.stop()
