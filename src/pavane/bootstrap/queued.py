"""Services of this process that take their tasks from a bus, and report on it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from pavane.bootstrap.beside import going_on
from pavane.bootstrap.ledgers import ledgers_of_tasks
from pavane.bootstrap.opening import RETENTION_S, SystemClock, open_bus
from pavane.errors import PavaneError, UsageError

if TYPE_CHECKING:
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.core.model.workflow import Workflow
    from pavane.ports.bus import Bus
    from pavane.ports.clock import Clock
    from pavane.ports.probe import Probe
    from pavane.ports.results import Results
    from pavane.sdk.queued.workers import QueuedWorkers
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction

_KEEP_S: Final = 3600.0  # what such a process has said, on a bus that is the processes' own files
_PRUNE_S: Final = 300.0


@asynccontextmanager
async def queued_services(
    bus: str | Bus,
    *,
    services: Sequence[Service],
    workflows: Sequence[WorkflowFunction[..., object] | Workflow] = (),
    tasks: Sequence[TaskDefinition] = (),
    overwrite: bool = False,
    concurrency: int | None = None,
    clock: Clock | None = None,
    name: str = "",
    on_wait: Callable[[str], None] = lambda _why: None,
    probe: Probe | None = None,
    ledger: str = "",
    retention_s: float = RETENTION_S,
    results: Mapping[str, Results] | None = None,
    server: str = "",
    api_key: str | None = None,
) -> AsyncGenerator[QueuedWorkers]:
    """Services whose tasks come over a bus from whichever server is on it (`conducting`).

    As `remote_services`, without any connection to the server: definitions are offered on the bus,
    and registered by a server, which is waited for; where a `server` is named, over its API. A bus
    that is given is open, and stays so. UsageError without any service.
    """
    from pavane.sdk.queued.workers import QueuedWorkers
    from pavane.sdk.remote.registering import register
    from pavane.sdk.service import definitions_of
    from pavane.sdk.starting import definitions_for
    from pavane.sdk.worker import LocalWorkers

    if not services:
        raise UsageError("There is no service that could take tasks.", "Name a file that has one.")
    clock = clock or SystemClock()
    definitions, used = definitions_for(workflows)
    offered = {each.name: each for each in [*used, *tasks, *definitions_of(list(services))]}
    name = name or f"{'+'.join(each.name for each in services)[:80]}-{secrets.token_hex(4)}"
    async with AsyncExitStack() as stack:
        if isinstance(bus, str):
            bus = open_bus(bus)
            await bus.open()
            stack.push_async_callback(bus.close)
            await stack.enter_async_context(going_on(_forget(bus, clock)))
        if results is None:
            kept = ledgers_of_tasks(services, ledger, clock, retention_s)
            results = await stack.enter_async_context(kept)
        workers = LocalWorkers(services, clock, concurrency=concurrency, results=results)
        queued = QueuedWorkers(workers, services, bus, clock, name, probe)
        stack.push_async_callback(queued.stop)
        queued.listen()
        told = (definitions, list(offered.values()))
        if server:
            await register(server, *told, overwrite=overwrite, api_key=api_key, on_wait=on_wait)
        else:
            await queued.offering.register(*told, overwrite=overwrite, on_wait=on_wait)
        queued.start()
        yield queued


async def _forget(bus: Bus, clock: Clock) -> None:
    """What this process has said goes, once everybody has heard it; for ever."""
    from pavane.ports.bus import LogBus

    while isinstance(bus, LogBus):
        await asyncio.sleep(_PRUNE_S)
        try:
            await bus.prune(None, clock.now() - int(_KEEP_S * 1000))
        except PavaneError:
            continue  # it cannot be said who has heard what: next time, perhaps
