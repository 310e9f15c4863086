"""Workflows whose scopes are of both styles: an engine and dancers in one process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pavane.bootstrap.choreographed import (
    Company,
    dancing,
    open_company,
    playing,
    read_all,
    visiting,
)
from pavane.bootstrap.ledgers import need_one_each, opened
from pavane.bootstrap.opening import (
    LEASE_S,
    POSTGRES,
    RETENTION_S,
    SystemClock,
    ledger_beside,
    ledger_of,
    open_bus,
    open_store,
)
from pavane.bootstrap.orchestrated import running_engine
from pavane.bootstrap.queued import queued_services
from pavane.bootstrap.remote import remote_services
from pavane.bootstrap.standing_by import active_or_standing_by

if TYPE_CHECKING:
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.core.model.workflow import Workflow
    from pavane.engine.engine import Engine
    from pavane.ports.bus import Bus
    from pavane.ports.clock import Chance, Clock
    from pavane.ports.ledger import Ledger
    from pavane.ports.probe import Probe
    from pavane.ports.results import Results
    from pavane.ports.store import Store
    from pavane.sdk.queued.workers import QueuedWorkers
    from pavane.sdk.remote.workers import RemoteWorkers
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


class Mixed(NamedTuple):
    """A conductor and dancers; a workflow is started where its root belongs."""

    engine: Engine
    company: Company


@asynccontextmanager
async def mixed_services(
    store: str | Store,
    bus: str | Bus,
    *,
    services: Sequence[Service],
    workflows: Sequence[WorkflowFunction[..., object] | Workflow],
    ledger: str = "",
    concurrency: int | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
) -> AsyncGenerator[Mixed]:
    """Each workflow and each scope in its own style; a root without one is orchestrated.

    A scope of the other style is a task of a service that knows that style (core/projection/
    hybrid.py). DefinitionError with all that is wrong with the definitions.
    """
    from pavane.sdk import publishing, scopes
    from pavane.sdk.service import definitions_of
    from pavane.sdk.starting import definitions_for

    clock = clock or SystemClock()
    definitions, used = definitions_for(workflows)
    tasks = {task.name: task for task in [*used, *definitions_of(list(services))]}
    conducted, danced = _by_style(definitions, tasks)
    chosen = open_bus(bus) if isinstance(bus, str) else bus
    chosen_store = open_store(store) if isinstance(store, str) else store
    async with AsyncExitStack() as stack:
        company = await stack.enter_async_context(
            open_company(chosen, read_all(danced, tasks), clock)
        )
        # Both styles of a service have one ledger, which is open before either begins.
        ledgers = {
            each.name: ledger_of(each.name, ledger, chosen, lease_s=0.0) for each in services
        }
        results = {
            each.name: await stack.enter_async_context(opened(each, ledgers[each.name]))
            for each in services
        }
        engine = await stack.enter_async_context(
            running_engine(
                chosen_store,
                services=[
                    *services,
                    scopes.dancers(company.requests, company.observer),
                    publishing.publisher(chosen, clock),
                ],
                concurrency=concurrency,
                clock=clock,
                chance=chance,
                results={each.name: results[each.name] for each in services if each.has_database},
            )
        )
        kept = ledger_of("_conductor", ledger, chosen, lease_s=0.0)  # nobody stands by
        conducting = conducted_events(engine, company, kept, clock, conducted, tasks)
        await stack.enter_async_context(conducting)
        for service in services:
            own = ledgers[service.name]
            dancer = playing(service, company, own, clock, concurrency, None)
            await stack.enter_async_context(dancer)
        conductor = scopes.conductor(engine)
        own = ledger_of(conductor.name, ledger, chosen, lease_s=0.0)
        dancer = dancing(conductor, company, own, clock, concurrency, None)
        await stack.enter_async_context(dancer)
        yield Mixed(engine, company)


@asynccontextmanager
async def conducting(
    store: str | Store,
    bus: str,
    *,
    clock: Clock | None = None,
    chance: Chance | None = None,
    lease_s: float | None = None,
    probe: Probe | None = None,
    forget_after_s: float = 0.0,
) -> AsyncGenerator[Mixed]:
    """A conductor on a bus, for services in other processes (`mixed_workers`, `dancing_services`).

    It has scopes danced, and plays those that dancers have it conduct; definitions come over its
    API, and as announcements on the bus. Events start its workflows, and end what their steps wait
    for. A second conductor on a bus stands by for the announcements and the events: on PostgreSQL
    its ledgers are schemas beside the store's, so that nodes on several machines have the same.
    """
    from pavane.sdk import publishing, scopes

    clock = clock or SystemClock()
    async with visiting(bus, clock=clock) as company:
        services = [
            scopes.dancers(company.requests, company.observer),
            publishing.publisher(company.bus, clock),
        ]
        running = running_engine(
            store,
            services=services,
            clock=clock,
            chance=chance,
            lease_s=lease_s,
            probe=probe,
            tasks_on=company.bus,
            forget_after_s=forget_after_s,
        )
        async with running as engine:
            service = scopes.conductor(engine)
            kept = _ledger_of_conductor(service.name, store, company.bus)
            begin = partial(_conductor, service, company, kept, clock)
            early = _ledger_of_conductor("_conductor", store, company.bus)
            hear = partial(_hearing, engine, company, early, clock)
            async with (
                active_or_standing_by(service.name, kept, begin),
                active_or_standing_by("listening for the conductor", early, hear),
            ):
                yield Mixed(engine, company)


def _ledger_of_conductor(name: str, store: str | Store, bus: Bus) -> Ledger:
    if isinstance(store, str) and store.startswith(POSTGRES):
        return ledger_beside(store, name)
    return ledger_of(name, "", bus)


@asynccontextmanager
async def _hearing(
    engine: Engine, company: Company, ledger: Ledger, clock: Clock
) -> AsyncGenerator[None]:
    from pavane.sdk.listening import Listening

    await ledger.open()
    listening = Listening(engine, company.bus, ledger, clock)
    try:
        await listening.start()
        yield
    finally:
        await listening.stop()
        await ledger.close()


@asynccontextmanager
async def _conductor(
    service: Service, company: Company, ledger: Ledger, clock: Clock
) -> AsyncGenerator[None]:
    async with dancing(service, company, ledger, clock, None, None):
        participant = company.participants[service.name]
        await participant.register(list(company.requests.known.values()))
        yield


@asynccontextmanager
async def mixed_workers(
    server: str,
    bus: str,
    *,
    services: Sequence[Service],
    workflows: Sequence[WorkflowFunction[..., object] | Workflow],
    overwrite: bool = False,
    api_key: str | None = None,
    concurrency: int | None = None,
    clock: Clock | None = None,
    on_wait: Callable[[str], None] = lambda _why: None,
    probe: Probe | None = None,
    ledger: str = "",
    lease_s: float = LEASE_S,
    retention_s: float = RETENTION_S,
    queued: bool = False,
) -> AsyncGenerator[RemoteWorkers | QueuedWorkers]:
    """Services of this process that work for a server, and dance scopes that need no conductor.

    As `remote_services` and `dancing_services` together; the server must be on the same bus.
    `queued`: as `queued_services`, which need not know where the server is ("").
    """
    from pavane.participant.announcing import announcement
    from pavane.sdk.service import definitions_of
    from pavane.sdk.starting import definitions_for

    need_one_each(services, ledger)
    clock = clock or SystemClock()
    definitions, used = definitions_for(workflows)
    tasks = {task.name: task for task in [*used, *definitions_of(list(services))]}
    conducted, danced = _by_style(definitions, tasks)
    chosen = open_bus(bus)
    async with AsyncExitStack() as stack:
        company = await stack.enter_async_context(
            open_company(chosen, read_all(danced, tasks), clock, watched=False)
        )
        if danced:
            await chosen.publish([announcement(danced, tasks, clock.now())])
        results: dict[str, Results] = {}
        for service in services:
            own = ledger_of(service.name, ledger, chosen, lease_s=lease_s)
            if service.has_database:  # while it stands by, what the server wants is given back
                results[service.name] = own.results
            begin = partial(dancing, service, company, own, clock, concurrency, probe, retention_s)
            await stack.enter_async_context(active_or_standing_by(service.name, own, begin))
        begun = partial(queued_services, chosen, server=server) if queued else None
        working = (begun or partial(remote_services, server))(
            services=services,
            workflows=conducted,
            tasks=list(tasks.values()),
            overwrite=overwrite,
            api_key=api_key,
            concurrency=concurrency,
            clock=clock,
            on_wait=on_wait,
            probe=probe,
            results=results,
        )
        yield await stack.enter_async_context(working)


@asynccontextmanager
async def conducted_events(
    engine: Engine,
    company: Company,
    ledger: Ledger,
    clock: Clock,
    workflows: Sequence[Workflow],
    tasks: dict[str, TaskDefinition],
) -> AsyncGenerator[None]:
    """Registers workflows with an engine that events reach: they start some, and end waits."""
    from pavane.sdk.conducted_events import ConductedEvents

    await ledger.open()
    events = ConductedEvents(engine, company.bus, ledger, clock, workflows)
    await engine.register(workflows, tuple(tasks.values()))
    try:
        await events.start()
        yield
    finally:
        await events.stop()
        await ledger.close()


def _by_style(
    definitions: Sequence[Workflow], tasks: dict[str, TaskDefinition]
) -> tuple[list[Workflow], list[Workflow]]:
    """All scopes on their own, those for a conductor and those for dancers; each is checked."""
    from pavane.core.check import ensure_valid
    from pavane.core.projection.reading.hybrid import split

    by_name = {each.name: each for each in definitions}
    found: dict[str, list[Workflow]] = {"orchestrated": [], "choreographed": []}
    ahead = list(definitions)
    for workflow in definitions:
        ensure_valid(workflow, tasks, definitions)
    while ahead:
        workflow = ahead.pop(0)
        style = workflow.style or "orchestrated"
        whole, others = split(workflow, style, lambda name, _version: by_name.get(name))
        found[style].append(whole)
        ahead += others
    return found["orchestrated"], found["choreographed"]
