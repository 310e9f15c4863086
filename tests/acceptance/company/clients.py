"""Whoever wants something of the company: starts orders, and sees what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from pavane.bootstrap import Company as Dancers
from pavane.bootstrap.choreographed import visiting
from pavane.engine.views.shapes import ExecutionSummary
from pavane.errors import ConnectionFailedError, PavaneError
from pavane.ports.store import Search
from pavane.sdk.client import Client
from tests.acceptance.campaign.shop import Order

WORKFLOW = "fulfil"
AGAIN_S = 0.05
_MANY = 1000


class Customer(Protocol):
    """The same for every style."""

    async def start(self, order: Order) -> None:
        """Start it, again and again until somebody has taken it; the same order never twice."""
        ...

    async def orders(self) -> Sequence[ExecutionSummary]:
        """All that there are."""
        ...


class OfServer:
    """Asks the server, which may be away."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, order: Order) -> None:
        while True:
            try:
                await self._client.start(WORKFLOW, input={"order": order}, key=order.id)
                return
            except PavaneError:
                await asyncio.sleep(AGAIN_S)

    async def orders(self) -> Sequence[ExecutionSummary]:
        while True:
            try:
                return await self._client.executions(workflow=WORKFLOW, limit=_MANY)
            except ConnectionFailedError:
                await asyncio.sleep(AGAIN_S)


class OfDancers:
    """Asks over the bus, where nobody needs to be at the moment."""

    def __init__(self, dancers: Dancers) -> None:
        self._dancers = dancers

    async def start(self, order: Order) -> None:
        body = msgspec.json.encode({"order": order})
        await self._dancers.requests.start(WORKFLOW, body, key=order.id)

    async def orders(self) -> Sequence[ExecutionSummary]:
        return self._dancers.observer.executions(Search(workflow=WORKFLOW, limit=_MANY))


@asynccontextmanager
async def customer(folder: Path, style: str, url: str) -> AsyncIterator[Customer]:
    """Somebody who is never killed."""
    if style == "choreographed":
        async with visiting(f"embedded:{folder / 'bus'}") as dancers:
            yield OfDancers(dancers)
    else:
        async with Client(url, timeout="5s") as client:
            yield OfServer(client)
