"""Reads what a bus has kept: definitions, as they are announced, and what the journals tell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from pavane.core.model.event import CloudEvent
from pavane.core.projection.reading.hybrid import SERVICE
from pavane.errors import ConnectionFailedError, DefinitionError
from pavane.participant.announcing import TOPIC, choreographies
from pavane.ports.bus import PASSING, KeepingBus, Subscription

if TYPE_CHECKING:
    from pavane.bootstrap.choreographed import Company

_LOG = logging.getLogger("pavane")

_GROUP: Final = PASSING + "_pavane.visitor"
_AGAIN_AFTER_S = 1.0


@asynccontextmanager
async def learning(company: Company, *, up_to_now: bool = False) -> AsyncGenerator[None]:
    """Learn who dances what for as long as this lasts: it can then be asked for.

    `up_to_now`: begin when that, and what the observer follows, is known as far as it stands on
    the bus at this moment.
    """
    bus = company.bus
    if not isinstance(bus, KeepingBus):
        yield  # nothing is kept, and nobody else can be on it
        return
    first = await bus.subscribe(_GROUP, [TOPIC])
    learner = asyncio.create_task(_learn(company, first))
    try:
        if up_to_now:
            for group in (_GROUP, company.observer.group):
                await bus.read_up(group)
        yield
    finally:
        learner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await learner


async def _learn(company: Company, subscription: Subscription) -> None:
    known: set[str] = set()  # each process announces the same whenever it starts
    try:
        while True:
            try:
                await _follow(company, subscription, known)
                return
            except ConnectionFailedError as error:
                _LOG.warning("announcements cannot be followed, trying again: %s", error)
                await asyncio.sleep(_AGAIN_AFTER_S)
            with contextlib.suppress(ConnectionFailedError):
                await subscription.close()
            with contextlib.suppress(ConnectionFailedError):
                subscription = await company.bus.subscribe(_GROUP, [TOPIC])
    finally:
        with contextlib.suppress(ConnectionFailedError):
            await subscription.close()


async def _follow(company: Company, subscription: Subscription, known: set[str]) -> None:
    while taken := await subscription.take(100):
        for delivery in taken:
            if delivery.event.id not in known:
                known.add(delivery.event.id)
                await _take(company, delivery.event)
        await subscription.done(taken)


async def _take(company: Company, event: CloudEvent) -> None:
    try:
        found, current = choreographies(event)
    except DefinitionError as error:
        _LOG.warning("%s", error)
        return
    company.requests.know(found, current=current, at=event.time)
    conductor = company.participants.get(SERVICE["orchestrated"])
    if conductor is not None:  # it is in whatever has a scope for it
        await conductor.register(list(found.values()), current=current)
