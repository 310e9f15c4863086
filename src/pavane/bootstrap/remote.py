"""Services of this process at work for a server: registered there, then fed with its tasks."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from pavane.bootstrap.ledgers import ledgers_of_tasks
from pavane.bootstrap.opening import RETENTION_S, SystemClock

if TYPE_CHECKING:
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.core.model.workflow import Workflow
    from pavane.ports.clock import Clock
    from pavane.ports.probe import Probe
    from pavane.ports.results import Results
    from pavane.sdk.remote.workers import RemoteWorkers
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


@asynccontextmanager
async def remote_services(
    server: str,
    *,
    services: Sequence[Service],
    workflows: Sequence[WorkflowFunction[..., object] | Workflow] = (),
    tasks: Sequence[TaskDefinition] = (),
    overwrite: bool = False,
    api_key: str | None = None,
    concurrency: int | None = None,
    clock: Clock | None = None,
    name: str = "",
    on_wait: Callable[[str], None] = lambda _why: None,
    probe: Probe | None = None,
    ledger: str = "",
    retention_s: float = RETENTION_S,
    results: Mapping[str, Results] | None = None,
) -> AsyncGenerator[RemoteWorkers]:
    """Services whose engine is a server; their workflows and tasks are registered there.

    `tasks` are more of the latter. A server that is not there yet is waited for; `on_wait` hears
    why. DefinitionError or AlreadyExistsError where it does not take the definitions. A service
    that asks for its database has a ledger: the one at the URL, or `.pavane/NAME.db`, unless
    `results` has what others have opened; results are recorded there before they are reported, and
    forgotten after `retention_s`, 0: never. On leaving, workers finish and hand in what they have
    begun.
    """
    from pavane.sdk.remote.line import Line
    from pavane.sdk.remote.registering import register
    from pavane.sdk.remote.workers import RemoteWorkers
    from pavane.sdk.service import definitions_of
    from pavane.sdk.starting import definitions_for
    from pavane.sdk.worker import LocalWorkers

    clock = clock or SystemClock()
    definitions, used = definitions_for(workflows)
    offered = {each.name: each for each in [*used, *tasks, *definitions_of(list(services))]}
    await register(
        server,
        definitions,
        list(offered.values()),
        overwrite=overwrite,
        api_key=api_key,
        on_wait=on_wait,
    )
    name = name or f"{'+'.join(each.name for each in services)[:80]}-{secrets.token_hex(4)}"
    async with AsyncExitStack() as stack:
        if results is None:
            kept = ledgers_of_tasks(services, ledger, clock, retention_s)
            results = await stack.enter_async_context(kept)
        workers = LocalWorkers(services, clock, concurrency=concurrency, results=results)
        line = Line(server, api_key, probe)
        remote = RemoteWorkers(workers, line, name)
        remote.start()
        try:
            yield remote
        finally:
            await remote.stop()
            await line.close()
