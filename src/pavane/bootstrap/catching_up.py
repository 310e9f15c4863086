"""Reads what a bus has kept up to now: definitions, and what the journals tell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from pavane.errors import DefinitionError
from pavane.participant.announcing import TOPIC, choreographies
from pavane.ports.bus import LogBus, Subscription

if TYPE_CHECKING:
    from pavane.bootstrap.choreographed import Company

_LOG = logging.getLogger("pavane")

_GROUP: Final = "~_pavane.visitor"


async def caught_up(company: Company) -> None:
    """Learn who dances what, and wait until the observer knows all that has been told."""
    if not isinstance(company.bus, LogBus):
        return  # nothing is kept
    subscription = await company.bus.subscribe(_GROUP, [TOPIC])
    learning = asyncio.create_task(_learn(company, subscription))
    try:
        for group in (_GROUP, company.observer.group):
            await company.bus.read_up(group)
    finally:
        learning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await learning
        await subscription.close()


async def _learn(company: Company, subscription: Subscription) -> None:
    while taken := await subscription.take(100):
        for delivery in taken:
            try:
                found = choreographies(delivery.event)
            except DefinitionError as error:
                _LOG.warning("%s", error)
                continue
            company.choreographies.update(found)
            company.requests.know(found)
        await subscription.done(taken)
