"""The demo's orders in each style: all started, waited for, read back, and what it took."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pavane.core.projection.reading.hops import conducted_hops, danced_hops
from pavane.core.projection.reading.hybrid import SERVICE
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView, StepView
from pavane.ports.store import Search

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pavane.core.projection.choreography import Choreography
    from pavane.doors.wiring import Wiring
    from pavane.engine.engine import Engine
    from pavane.observer.observer import Observer
    from pavane.sdk.application.loading import App

WORKFLOW = "fulfil_order"
PATIENCE_S = 300.0
_EVERYTHING = 10_000_000
ARRIVALS_S = 2.0  # how long orders come in, when somebody watches


class Outcome(NamedTuple):
    """What became of the orders, how long it took, and what travelled between services."""

    views: list[ExecutionView]
    seconds: float
    messages: float  # between services, for each order
    hops: int  # messages behind one another on the longest way that ends well
    kept: bool  # whether the executions can be looked at afterwards


async def orchestrated(
    wiring: Wiring, store: str, shop: App, orders: Sequence[Any], *, live: bool
) -> Outcome:
    """A conductor asks for each step and is answered."""
    services, workflows = list(shop.services.values()), list(shop.workflows.values())
    async with wiring.running_engine(store, services=services, workflows=workflows) as engine:
        began = time.perf_counter()
        async with _board(live, len(orders), lambda screen: _follow_engine(engine, screen)):
            ids = await _all(_starts(orders, engine.start_execution, live))
            await _all(engine.wait(each, PATIENCE_S) for each in ids)
        seconds = time.perf_counter() - began
        views = await Reader(engine.store).several(ids)
    score = wiring.choreographies(services, workflows)[WORKFLOW]
    return Outcome(views, seconds, _asked(views), conducted_hops(score), True)


async def choreographed(
    wiring: Wiring, store: str, shop: App, orders: Sequence[Any], *, live: bool
) -> Outcome:
    """Each service knows its part."""
    del store
    services, workflows = list(shop.services.values()), list(shop.workflows.values())
    async with wiring.dancing_services("memory:", services, workflows) as company:
        began = time.perf_counter()
        async with _board(live, len(orders), lambda s: _follow_observer(company.observer, s)):
            ids = await _all(_starts(orders, company.requests.start, live))
            await _all(company.observer.wait(each, PATIENCE_S) for each in ids)
        seconds = time.perf_counter() - began
        views = [company.observer.execution(each) for each in ids]
        sent = sum(each.relay.messages for each in company.participants.values())
        hops = danced_hops(company.choreographies[WORKFLOW])
    return Outcome(views, seconds, sent / len(orders), hops, False)


async def hybrid(
    wiring: Wiring, store: str, shop: App, orders: Sequence[Any], *, live: bool
) -> Outcome:
    """A conductor for the whole, dancers for one scope in it."""
    services, workflows = list(shop.services.values()), list(shop.workflows.values())
    async with wiring.mixed_services(store, "memory:", services, workflows) as (engine, company):
        began = time.perf_counter()
        async with _board(live, len(orders), lambda screen: _follow_engine(engine, screen)):
            ids = await _all(_starts(orders, engine.start_execution, live))
            await _all(engine.wait(each, PATIENCE_S) for each in ids)
        seconds = time.perf_counter() - began
        views = await Reader(engine.store).several(ids)
        everything = Search(limit=_EVERYTHING)
        scopes = {view.key: view.id for view in company.observer.executions(everything)}
        whole = [with_scopes(view, scopes, company.observer) for view in views]
        sent = sum(each.relay.messages for each in company.participants.values())
        hops = _mixed_hops(wiring, services, workflows, company.choreographies)
    return Outcome(whole, seconds, _asked(views) + sent / len(orders), hops, True)


RUN: dict[str, Callable[..., Coroutine[Any, Any, Outcome]]] = {
    "orchestrated": orchestrated,
    "choreographed": choreographed,
    "hybrid": hybrid,
}


def _asked(views: Sequence[ExecutionView]) -> float:
    """Two messages for each attempt that a service made: the conductor asks, and is answered."""
    attempts = sum(s.attempts for v in views for s in v.steps if s.service)
    return 2 * attempts / max(len(views), 1)


def _mixed_hops(
    wiring: Wiring, services: list[Any], workflows: list[Any], danced: dict[str, Choreography]
) -> int:
    """The conductor's hops, those of each danced scope in place of two for its steps."""
    whole = conducted_hops(wiring.choreographies(services, workflows)[WORKFLOW])
    for each in danced.values():
        whole += 2 + danced_hops(each) - conducted_hops(each)
    return whole


def with_scopes(view: ExecutionView, scopes: dict[str, str], observer: Observer) -> ExecutionView:
    """The steps of danced scopes in place of the one step that each is to the conductor."""
    steps: list[StepView] = []
    for step in view.steps:
        if step.service != SERVICE["choreographed"]:
            steps.append(step)
        elif not step.undoes:
            found = scopes.get(f"{view.id}:{step.ref}")
            steps += observer.execution(found).steps if found else []
    steps.sort(key=lambda step: step.scheduled_at)
    return msgspec.structs.replace(view, steps=steps)


# --- starting and watching ----------------------------------------------------------------------


def _starts(
    orders: Sequence[Any], start: Callable[..., Awaitable[str]], live: bool
) -> Iterable[Awaitable[str]]:
    between_s = ARRIVALS_S / len(orders) if live and sys.stdout.isatty() else 0

    async def one(order: Any, number: int) -> str:
        await asyncio.sleep(between_s * number)
        body = msgspec.json.encode({"order": order})
        return await start(WORKFLOW, body, key=f"order-{order.id}")

    return [one(order, number) for number, order in enumerate(orders)]


async def _all(work: Iterable[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*work))


@asynccontextmanager
async def _board(
    live: bool, total: int, follow: Callable[[Any], Awaitable[None]]
) -> AsyncGenerator[None]:
    """In a terminal, a live table while the context lasts."""
    if not (live and sys.stdout.isatty()):
        yield
        return
    from pavane.doors.cli.board import Board
    from pavane.doors.cli.follow import TICK_S

    following = asyncio.ensure_future(follow(Board(total)))
    try:
        yield
        await asyncio.sleep(3 * TICK_S)  # the last changes want to be seen
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow_engine(engine: Engine, screen: Any) -> None:
    from pavane.doors.cli.follow import follow

    await follow(engine, screen)


async def _follow_observer(observer: Observer, screen: Any) -> None:
    from pavane.doors.cli.follow import follow_observer

    await follow_observer(observer, screen)
