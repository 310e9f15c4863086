"""The demo over processes: one of them is killed on the way, on purpose, and comes back."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pavane.doors.cli.demo_company import PARTS, Company, Place, company
from pavane.doors.cli.demo_styles import PATIENCE_S, WORKFLOW, with_scopes
from pavane.ports.store import Search

if TYPE_CHECKING:
    from pavane.doors.wiring import Company as Dancers
    from pavane.doors.wiring import Wiring
    from pavane.engine.views.shapes import ExecutionView

VICTIM = ("payment",)
AWAY_S = 0.5
AT_ONCE = 64
_EVERYTHING = 10_000_000


class Survived(NamedTuple):
    """What became of the orders of one style, and what was done to them on the way."""

    views: list[ExecutionView]
    seconds: float
    under_way: int  # orders that had begun and not ended when the process was killed
    away_s: float  # from its death until another one was there


class Buyer(NamedTuple):
    """Starts an order (its id), waits for its end, and looks at it."""

    start: Callable[[Any], Awaitable[str]]
    ended: Callable[[str], Awaitable[Any]]
    view: Callable[[str], Awaitable[ExecutionView]]


async def survive(wiring: Wiring, app: Path, style: str, orders: Sequence[Any]) -> Survived:
    """Run the orders over processes of their own, and kill one of these in the middle."""
    place = Place(app, Path(".pavane") / f"demo-{style}", style)
    shutil.rmtree(place.folder, ignore_errors=True)
    place.folder.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(company(place))
        buyer = await stack.enter_async_context(_buyer(wiring, parts))
        began = time.perf_counter()
        flow = _Flow(buyer, orders)
        killing = asyncio.ensure_future(_kill(parts, flow))
        await flow.run()
        under_way, away_s = await killing
        seconds = time.perf_counter() - began
        views = [await buyer.view(each) for each in flow.ids]
    return Survived(views, seconds, under_way, away_s)


class _Flow:
    """Orders on their way, so many at once."""

    def __init__(self, buyer: Buyer, orders: Sequence[Any]) -> None:
        self.ids: list[str] = [""] * len(orders)
        self.under_way = self.ended = 0
        self._buyer = buyer
        self._orders = orders
        self._room = asyncio.Semaphore(AT_ONCE)
        self.quarter = asyncio.Event()  # of them have ended

    async def run(self) -> None:
        """Until every one has ended."""
        await asyncio.gather(*(self._one(at, order) for at, order in enumerate(self._orders)))

    async def _one(self, at: int, order: Any) -> None:
        async with self._room:
            self.ids[at] = id = await self._buyer.start(order)
            self.under_way += 1
            await self._buyer.ended(id)
            self.under_way -= 1
            self.ended += 1
            if self.ended >= len(self._orders) // 4:
                self.quarter.set()


async def _kill(parts: Company, flow: _Flow) -> tuple[int, float]:
    await flow.quarter.wait()
    under_way, killed = flow.under_way, time.perf_counter()
    victim = parts.parts[VICTIM[0]]
    victim.kill()
    await victim.gone()
    await asyncio.sleep(AWAY_S)
    await parts.begin(*VICTIM)
    return under_way, time.perf_counter() - killed


@asynccontextmanager
async def _buyer(wiring: Wiring, parts: Company) -> AsyncGenerator[Buyer]:
    style = parts.place.style
    async with AsyncExitStack() as stack:
        dancers = None
        if style != "orchestrated":
            dancers = await stack.enter_async_context(wiring.visiting(parts.place.bus))
        if style == "choreographed":
            assert dancers is not None
            yield _of_dancers(dancers)
        else:
            from pavane.sdk.client import Client

            yield _of_server(await stack.enter_async_context(Client(parts.url)), dancers)


def _of_dancers(dancers: Dancers) -> Buyer:
    async def start(order: Any) -> str:
        body = msgspec.json.encode({"order": order})
        return await dancers.requests.start(WORKFLOW, body, key=f"order-{order.id}")

    async def view(id: str) -> ExecutionView:
        return dancers.observer.execution(id)

    async def ended(id: str) -> None:
        await dancers.observer.wait(id, PATIENCE_S)

    return Buyer(start, ended, view)


def _of_server(client: Any, dancers: Dancers | None) -> Buyer:
    from pavane.errors import ExecutionFailedError

    async def start(order: Any) -> str:
        run = await client.start(WORKFLOW, input={"order": order}, key=f"order-{order.id}")
        return run.id

    async def ended(id: str) -> None:
        with suppress(ExecutionFailedError):
            await client.execution(id).result(timeout=PATIENCE_S)

    async def view(id: str) -> ExecutionView:
        found = await client.execution(id).state()
        if dancers is None:
            return found
        executions = dancers.observer.executions(Search(limit=_EVERYTHING))
        scopes = {each.key: each.id for each in executions}
        return with_scopes(found, scopes, dancers.observer)

    return Buyer(start, ended, view)


def names() -> str:
    """The processes with services, for people."""
    return "; ".join(" with ".join(part) for part in PARTS)
