"""Reads what a bus has kept until nothing more comes: definitions, and what the journals tell."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pavane.errors import DefinitionError
from pavane.participant.announcing import TOPIC, choreographies

if TYPE_CHECKING:
    from pavane.bootstrap.choreographed import Company

_LOG = logging.getLogger("pavane")

_QUIET_S = 0.25  # without anything new for so long, all that was kept has been read
_LONGEST_S = 30.0


async def caught_up(company: Company) -> None:
    """Learn who dances what, and wait until the observer has nothing new."""
    await _learn(company)
    loop = asyncio.get_running_loop()
    until, before = loop.time() + _LONGEST_S, -1
    while loop.time() < until and before != company.observer.heard:
        before = company.observer.heard
        await asyncio.sleep(_QUIET_S)


async def _learn(company: Company) -> None:
    subscription = await company.bus.subscribe("~_pavane.visitor", [TOPIC])
    try:
        while True:
            async with asyncio.timeout(_QUIET_S):
                taken = await subscription.take(100)
            for delivery in taken:
                try:
                    found = choreographies(delivery.event)
                except DefinitionError as error:
                    _LOG.warning("%s", error)
                    continue
                company.choreographies.update(found)
                company.requests.know(found)
            await subscription.done(taken)
    except TimeoutError:
        return
    finally:
        await subscription.close()
