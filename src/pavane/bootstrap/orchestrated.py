"""An engine with the workers of services in one process."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from pavane.bootstrap.ledgers import ledgers_of_tasks
from pavane.bootstrap.opening import RETENTION_S, SystemClock, open_caller, open_store

if TYPE_CHECKING:
    from pavane.engine.engine import Engine
    from pavane.engine.queued.crews import QueuedCrews
    from pavane.ports.bus import Bus
    from pavane.ports.caller import Caller
    from pavane.ports.clock import Chance, Clock
    from pavane.ports.probe import Probe
    from pavane.ports.results import Results
    from pavane.ports.store import Store
    from pavane.sdk.service import Service
    from pavane.sdk.worker import LocalWorkers
    from pavane.sdk.workflow import WorkflowFunction


_SWITCH_INTERVAL_S = 0.0005
_YOUNG_MAX = 5000  # containers made before the youngest are looked through


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
    lease_s: float | None = None,
    caller: Caller | None = None,
    calls: bool = False,
    ledger: str = "",
    retention_s: float = RETENTION_S,
    results: Mapping[str, Results] | None = None,
    schedules: bool = True,
    tasks_on: Bus | None = None,
    forget_after_s: float = 0.0,
) -> AsyncGenerator[Engine]:
    """An engine on a store, with the services' workers in this process and all registered.

    A service that asks for its database has a ledger: the one at the URL, or `.pavane/NAME.db`, in
    memory beside a store in memory, which forgets results after `retention_s` (0: never); `results`
    has what others have opened already. `lease_s`: for how long a worker of another process may be
    silent (default 15). HTTP steps and services with a url are called from here where there are
    services, where `calls` says so, or with the `caller` that is given, which is closed on leaving.
    Without `schedules` nothing starts by itself. Executions that ended `forget_after_s` ago are
    forgotten (0: none). On leaving, the workers finish what they have
    begun, the engine commits what it has taken, and the store is closed. `tasks_on` is an open bus,
    on which services of other processes may take their tasks. While it runs, the interpreter
    switches threads sooner and collects garbage later, in the whole process.
    """
    from pavane.engine.crews import Crews
    from pavane.engine.engine import Engine
    from pavane.engine.queued.crews import QueuedCrews
    from pavane.engine.sessions import LEASE_S

    clock = clock or SystemClock()
    dispatcher: LocalWorkers | None = None
    chosen = open_store(store) if isinstance(store, str) else store
    name = _name_on(chosen, chance := chance or random.SystemRandom())
    async with AsyncExitStack() as stack:
        if services or calls or caller is not None:
            if results is None:
                in_memory = not isinstance(store, str) or store == "memory:"
                kept = ledgers_of_tasks(services, ledger, clock, retention_s, in_memory=in_memory)
                results = await stack.enter_async_context(kept)
            working = _local_workers(services, clock, concurrency, name, caller, results)
            dispatcher = await stack.enter_async_context(working)
        queued = QueuedCrews(tasks_on, clock, name) if tasks_on else None
        engine = Engine(
            chosen,
            clock=clock,
            chance=chance,
            name=name,
            dispatcher=Crews(dispatcher, queued) if queued else dispatcher,
            probe=probe,
            lease_s=lease_s or LEASE_S,
            schedules=schedules,
            forget_after_s=forget_after_s,
        )
        if dispatcher is not None:
            # Before the engine: what a dead process held is taken up again as soon as it starts.
            dispatcher.start(engine)
            engine.registry.tell_of_tasks(dispatcher.defined)
        stack.enter_context(_tuned_interpreter())
        try:
            yield await _begin(engine, workflows, dispatcher, queued)
        finally:
            for workers in (queued, dispatcher):
                if workers is not None:
                    await workers.stop()
            await engine.stop()


@asynccontextmanager
async def _local_workers(
    services: Sequence[Service],
    clock: Clock,
    concurrency: int | None,
    name: str,
    caller: Caller | None,
    results: Mapping[str, Results],
) -> AsyncGenerator[LocalWorkers]:
    """Those of this process, with somebody who makes calls for them, who is closed on leaving."""
    from pavane.sdk.worker import LocalWorkers

    caller = caller or open_caller()
    try:
        # The engine commits what is reported at once: recording it before would be for nothing.
        yield LocalWorkers(
            services,
            clock,
            concurrency=concurrency,
            name=name,
            caller=caller,
            results=results,
            record_plain=False,
        )
    finally:
        await caller.close()


async def _begin(
    engine: Engine,
    workflows: Sequence[WorkflowFunction[..., object]],
    workers: LocalWorkers | None,
    queued: QueuedCrews | None,
) -> Engine:
    await engine.start()
    tasks = tuple(workers.definitions) if workers else ()
    await engine.register([each.definition for each in workflows], tasks)
    if workers is not None:
        for task in workers.names:
            workers.wake(task)
    if queued is not None:
        queued.start(engine)
    return engine


def _name_on(store: Store, chance: Chance) -> str:
    """Among others on a store each process has a name of its own."""
    from pavane.engine.crews import LOCAL

    return f"{LOCAL}/{chance.getrandbits(40):010x}" if store.members is not None else LOCAL


@contextmanager
def _tuned_interpreter() -> Generator[None]:
    """Settings of the whole process while an engine runs in it; put back on leaving.

    The commit thread needs the interpreter for an instant around each fsync: with the default of
    5 ms a busy event loop keeps it waiting for longer than the fsync takes. A batch makes thousands
    of containers that are freed by their counts: looking for rings after each 700 of them, several
    times in a batch, finds nothing.
    """
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(min(interval_s, _SWITCH_INTERVAL_S))
    if 0 < thresholds[0] < _YOUNG_MAX:  # 0: somebody has switched it off
        gc.set_threshold(_YOUNG_MAX, 20, 20)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)
