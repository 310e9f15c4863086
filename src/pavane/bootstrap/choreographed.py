"""Services that carry out workflows with no conductor, each with a ledger of its own."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from pavane.bootstrap.beside import going_on
from pavane.bootstrap.catching_up import learning
from pavane.bootstrap.ledgers import need_one_each, opened
from pavane.bootstrap.opening import (
    LEASE_S,
    RETENTION_S,
    SystemClock,
    chance,
    ledger_of,
    open_bus,
    open_caller,
)
from pavane.bootstrap.standing_by import active_or_standing_by
from pavane.errors import PavaneError
from pavane.participant.announcing import announcement
from pavane.ports.bus import PASSING, KeepingBus
from pavane.ports.ledger import Leased

if TYPE_CHECKING:
    from pavane.core.model.event import Outgoing
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.core.model.workflow import Workflow
    from pavane.core.projection.choreography import Choreography
    from pavane.observer.observer import Observer
    from pavane.participant.handlers.reactions import Reactions
    from pavane.participant.participant import Participant
    from pavane.participant.requests import Requests
    from pavane.ports.bus import Bus
    from pavane.ports.clock import Chance, Clock
    from pavane.ports.ledger import Ledger
    from pavane.ports.probe import Probe
    from pavane.sdk.event import Event
    from pavane.sdk.service import Service
    from pavane.sdk.workflow import WorkflowFunction


_LOG = logging.getLogger("pavane")

_GRACE_S: Final = 10.0  # for what is going on when a service stops


class Company(NamedTuple):
    """Services that dance in this process, whom to ask, and who watches."""

    requests: Requests
    observer: Observer
    bus: Bus
    clock: Clock
    ledgers: dict[str, Ledger]
    participants: dict[str, Participant]
    choreographies: dict[str, Choreography]
    reactions: dict[str, Reactions]
    """The hand-written handlers of each service that has some."""
    chance: Chance

    async def publish(
        self, event: Event, *, id: str = "", correlation: str = "", source: str = "outside"
    ) -> str:
        """Tell of an event from outside of any service; its id, by default a new one."""
        from pavane.sdk.event import outgoing

        id = id or str(uuid.uuid4())
        time = self.clock.now()
        out = outgoing(event, id=id, source=source, correlation=correlation, time=time)
        await self.bus.publish([out])
        return id

    def forget(self, service: str) -> None:
        """It dances here no more."""
        for found in (self.ledgers, self.participants, self.reactions):
            found.pop(service, None)


@asynccontextmanager
async def dancing_services(
    bus: str | Bus,
    *,
    services: Sequence[Service],
    workflows: Sequence[WorkflowFunction[..., object] | Workflow] = (),
    ledger: str = "",
    concurrency: int | None = None,
    clock: Clock | None = None,
    probe: Probe | None = None,
    watched: bool = True,
    lease_s: float = LEASE_S,
    retention_s: float = RETENTION_S,
) -> AsyncGenerator[Company]:
    """Services that carry out workflows with no conductor, each with a ledger of its own.

    Every workflow is choreographed, whatever its own style says; DefinitionError where one lies
    outside the profile. Several processes may each have some of the services, on a bus that they
    share; a service that another process has already stands by, and so does one whose process gave
    no sign of life for `lease_s` and was put out meanwhile. A process that nobody asks what
    became of executions need not be `watched`: its observer would read everybody's journals. What
    is over is forgotten after `retention_s`, 0: never. On leaving, workers finish what they have
    begun and everything is closed.
    """
    need_one_each(services, ledger)
    clock = clock or SystemClock()
    definitions, tasks = _checked(services, workflows)
    choreographies = read_all(definitions, tasks)
    chosen = open_bus(bus) if isinstance(bus, str) else bus
    opened = open_company(chosen, choreographies, clock, watched=watched)
    async with opened as company, AsyncExitStack() as stack:
        if definitions:
            told = partial(announcement, definitions, tasks)
            await chosen.publish([told(clock.now())])
            if isinstance(chosen, KeepingBus) and retention_s:
                await stack.enter_async_context(
                    going_on(told_again(chosen, told, clock, retention_s))
                )
        if watched and retention_s:
            forgetting = company.observer.forget_for_ever(int(retention_s * 1000))
            await stack.enter_async_context(going_on(forgetting))
        for service in services:
            own = ledger_of(service.name, ledger, chosen, lease_s=lease_s)
            begin = partial(dancing, service, company, own, clock, concurrency, probe, retention_s)
            await stack.enter_async_context(active_or_standing_by(service.name, own, begin))
        if watched:  # whoever is asked here may be asked for what others dance
            await stack.enter_async_context(learning(company))
        yield company


@asynccontextmanager
async def open_company(
    bus: Bus, choreographies: dict[str, Choreography], clock: Clock, *, watched: bool = True
) -> AsyncGenerator[Company]:
    """A bus and an observer on it, and nobody who dances yet."""
    from pavane.observer.observer import GROUP, Observer
    from pavane.participant.requests import Requests

    await bus.open()
    # Each process has its own picture, from the beginning on where the bus keeps the beginning.
    observer = Observer(bus, clock, group=PASSING + GROUP if "passing" in bus.features else GROUP)
    if watched:
        await observer.start()
    try:
        requests = Requests(bus, clock, choreographies)
        yield Company(requests, observer, bus, clock, {}, {}, choreographies, {}, chance())
    finally:
        await observer.close()
        await bus.close()


@asynccontextmanager
async def visiting(bus_url: str, *, clock: Clock | None = None) -> AsyncGenerator[Company]:
    """Nobody who dances, but all that the bus has: who dances what, and what became of it.

    For clients and people: whoever starts, shows or stops an execution needs no service here.
    """
    clock = clock or SystemClock()
    bus = open_bus(bus_url)
    async with open_company(bus, {}, clock) as company, learning(company, up_to_now=True):
        yield company


@asynccontextmanager
async def dancing(
    service: Service,
    company: Company,
    ledger: Ledger,
    clock: Clock,
    concurrency: int | None,
    probe: Probe | None,
    retention_s: float = RETENTION_S,
) -> AsyncGenerator[None]:
    """One service that plays its role, and reacts to the events that its handlers take."""
    async with (
        opened(service, ledger),
        playing(service, company, ledger, clock, concurrency, probe, retention_s),
    ):
        yield


@asynccontextmanager
async def playing(
    service: Service,
    company: Company,
    ledger: Ledger,
    clock: Clock,
    concurrency: int | None,
    probe: Probe | None,
    retention_s: float = RETENTION_S,
) -> AsyncGenerator[None]:
    """As `dancing`, on a ledger that is open."""
    from pavane.participant.handlers.reactions import Reactions
    from pavane.participant.participant import Participant
    from pavane.participant.retention import Retention
    from pavane.sdk.effects import Effects
    from pavane.sdk.handlers import ServiceHandlers
    from pavane.sdk.worker import LocalWorkers

    caller = open_caller() if service.url is not None else None
    # The participant commits what is reported to the same ledger: recording it before, for tasks
    # that do not write there themselves, would be for nothing.
    workers = LocalWorkers(
        [service],
        clock,
        concurrency=concurrency,
        caller=caller,
        results={service.name: ledger.results} if service.has_database else {},
        record_plain=False,
    )
    effects = Effects(ledger.results, clock)
    handlers = ServiceHandlers(service, effects) if service.handlers else None
    company.ledgers[service.name] = ledger
    if handlers is not None:
        many = min(concurrency or service.concurrency, service.concurrency)
        reactions = Reactions(ledger, clock, handlers, service.name, concurrency=many)
        company.reactions[service.name] = reactions
    participant = company.participants[service.name] = Participant(
        service.name,
        ledger,
        company.bus,
        clock,
        choreographies=list(company.choreographies.values()),
        dispatcher=workers,
        reactions=company.reactions.get(service.name),
        probe=probe,
    )
    try:
        workers.start(participant.attempts)
        await participant.start()
        keep_ms = int(retention_s * 1000)
        retention = Retention(
            service.name,
            ledger,
            company.bus,
            clock,
            keep_ms,
            tell=participant.tell,
            forgetting=participant.forgetting,
        )
        async with going_on(retention.run()):
            yield
    finally:
        if lost := isinstance(ledger, Leased) and ledger.is_lost:
            # Nothing that goes on here can be written any more: it is another process's now.
            _LOG.warning("%s was taken over by another process", service.name)
            company.forget(service.name)
        grace_s = 0.0 if lost else _GRACE_S
        await workers.stop(grace_s)
        await participant.stop(grace_s)
        if caller is not None:
            await caller.close()


async def told_again(
    bus: Bus, told: Callable[[int], Outgoing], clock: Clock, retention_s: float
) -> None:
    """Announce definitions anew before the announcement is so old that it goes from the log."""
    while True:
        await asyncio.sleep(retention_s / 4)
        try:
            await bus.publish([told(clock.now())])
        except PavaneError as error:
            _LOG.warning("definitions cannot be announced now: %s", error)


def choreographies_of(
    services: Sequence[Service], workflows: Sequence[WorkflowFunction[..., object] | Workflow]
) -> dict[str, Choreography]:
    """The choreographies of workflows and of those that they call, by name; all is checked."""
    return read_all(*_checked(services, workflows))


def _checked(
    services: Sequence[Service], workflows: Sequence[WorkflowFunction[..., object] | Workflow]
) -> tuple[list[Workflow], dict[str, TaskDefinition]]:
    """Their definitions as dancers have them, with the tasks."""
    from msgspec.structs import replace

    from pavane.core.check import ensure_valid
    from pavane.sdk.service import definitions_of
    from pavane.sdk.starting import definitions_for

    definitions, used = definitions_for(workflows)
    tasks = {task.name: task for task in [*used, *definitions_of(list(services))]}
    styled = [replace(each, style="choreographed") for each in definitions]
    for workflow in styled:
        ensure_valid(workflow, tasks, styled)
    return styled, tasks


def read_all(
    definitions: Sequence[Workflow], tasks: Mapping[str, TaskDefinition]
) -> dict[str, Choreography]:
    """The choreographies of definitions that may start one another, by name."""
    from pavane.core.projection.reading import read_choreography

    by_name = {each.name: each for each in definitions}
    found: dict[str, Choreography] = {}
    for workflow in definitions:
        found[workflow.name] = read_choreography(
            workflow, tasks, lambda name, _version: by_name.get(name)
        )
    return found
