"""Whoever wants something of the company: starts orders, and sees what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from pavane.bootstrap import Company as Dancers
from pavane.bootstrap.choreographed import visiting
from pavane.engine.views.shapes import ExecutionSummary
from pavane.errors import PavaneError
from pavane.ports.store import Search
from pavane.sdk.client import Client
from tests.acceptance.campaign.shop import Order
from tests.acceptance.campaign.travel import Trip
from tests.acceptance.company.site import Site

WORKFLOWS = {Order: ("fulfil", "order"), Trip: ("journey", "trip")}
AGAIN_S = 0.05
_PAGE, _ALL = 1000, 1_000_000


class Customer(Protocol):
    """The same for every style."""

    async def start(self, order: Order | Trip) -> None:
        """Start it, again and again until somebody has taken it; the same order never twice."""
        ...

    async def orders(self) -> Sequence[ExecutionSummary]:
        """All that there are."""
        ...


class OfServer:
    """Asks the server, which may be away."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, order: Order | Trip) -> None:
        workflow, what = WORKFLOWS[type(order)]
        while True:
            try:
                await self._client.start(workflow, input={what: order}, key=order.id)
                return
            except PavaneError:
                await asyncio.sleep(AGAIN_S)

    async def orders(self) -> Sequence[ExecutionSummary]:
        found: list[ExecutionSummary] = []
        for workflow, _ in WORKFLOWS.values():
            before = ""
            while page := await self._page(workflow, before):
                found += page
                before = page[-1].id
        return found

    async def _page(self, workflow: str, before: str) -> Sequence[ExecutionSummary]:
        while True:
            try:
                return await self._client.executions(workflow=workflow, before=before, limit=_PAGE)
            except PavaneError:
                await asyncio.sleep(AGAIN_S)


class OfDancers:
    """Asks over the bus, where nobody needs to be at the moment."""

    def __init__(self, dancers: Dancers) -> None:
        self._dancers = dancers

    async def start(self, order: Order | Trip) -> None:
        workflow, what = WORKFLOWS[type(order)]
        body = msgspec.json.encode({what: order})
        while True:
            try:
                await self._dancers.requests.start(workflow, body, key=order.id)
                return
            except PavaneError:
                await asyncio.sleep(AGAIN_S)

    async def orders(self) -> Sequence[ExecutionSummary]:
        seen = self._dancers.observer.executions
        return [
            each
            for workflow, _ in WORKFLOWS.values()
            for each in seen(Search(workflow=workflow, limit=_ALL))
        ]


@asynccontextmanager
async def customer(style: str, site: Site) -> AsyncIterator[Customer]:
    """Somebody who is never killed."""
    if style == "choreographed":
        async with visiting(site.bus) as dancers:
            yield OfDancers(dancers)
    else:
        async with Client(site.url, api_key=site.key or None, timeout="5s") as client:
            yield OfServer(client)
