"""One workflow in either style, with events from outside, in virtual time and in memory."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pavane.adapters.memory.bus import MemoryBus
from pavane.bootstrap import Company, dancing_services, mixed_services
from pavane.core.model.event import CloudEvent, Outgoing, topic_of_type
from pavane.core.model.workflow import Workflow
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import VirtualClock

STYLES = ("choreographed", "orchestrated")

Start = Callable[[str, bytes, str], Awaitable[str]]
Look = Callable[[str], Awaitable[ExecutionView]]


class House:
    """Starts, tells, waits and looks, whoever carries the workflow out."""

    def __init__(self, company: Company, start: Start, look: Look) -> None:
        self.company = company
        self._start = start
        self._look = look
        self._numbers = itertools.count(1)

    async def start(self, workflow: str, **input: Any) -> str:
        id = await self._start(workflow, msgspec.json.encode(input), f"key-{next(self._numbers)}")
        await asyncio.sleep(1)
        return id

    async def tell(self, type: str, id: str = "", **data: Any) -> None:
        """An event comes from outside, and a second passes."""
        id = id or f"event-{next(self._numbers)}"
        event = CloudEvent(id, "outside", type, data=msgspec.json.encode(data))
        await self.company.bus.publish([Outgoing(topic_of_type(type), "", event)])
        await asyncio.sleep(1)

    async def status(self, id: str) -> str:
        return (await self._look(id)).status

    async def output(self, id: str) -> Any:
        view = await self._look(id)
        return msgspec.json.decode(view.output) if view.output else None


@asynccontextmanager
async def house(
    style: str, services: Sequence[Service], workflows: Sequence[Workflow]
) -> AsyncGenerator[House]:
    """The house of one style."""
    bus, clock = MemoryBus(), VirtualClock()
    if style == "choreographed":
        async with dancing_services(
            bus, services=services, workflows=workflows, clock=clock
        ) as company:

            async def start(workflow: str, body: bytes, key: str) -> str:
                return await company.requests.start(workflow, body, key=key)

            async def look(id: str) -> ExecutionView:
                return company.observer.execution(id)

            yield House(company, start, look)
        return
    async with mixed_services(
        "memory:", bus, services=services, workflows=workflows, clock=clock
    ) as (engine, company):
        reader = Reader(engine.store)

        async def conduct(workflow: str, body: bytes, key: str) -> str:
            return await engine.start_execution(workflow, body, key=key)

        yield House(company, conduct, reader.execution)
