"""What a dance over the embedded bus wakes and commits, counted exactly: each service a connection.

`python -m pytest tests/bench/test_embedded_budget.py -s` prints the figures.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.bootstrap.choreographed import Company, dancing_services, learning, open_company
from pavane.bootstrap.opening import SystemClock
from tests.bench import chains

pytestmark = pytest.mark.anyio

PATIENCE_S = 30.0


class Cost(NamedTuple):
    """Of one execution alone: datagrams sent, those heard by each service, and commits."""

    rings: int
    rung: list[int]
    commits: int


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("length", [2, 3, 6])
async def test_a_message_wakes_whom_it_is_for(tmp_path: Path, length: int, read_only: bool):
    """And a note whoever follows the journals, which no service has to."""
    flow, services = chains.chain(length, read_only=read_only)
    buses = [EmbeddedBus(tmp_path, each.name) for each in services]
    async with AsyncExitStack() as stack:
        companies = [
            await stack.enter_async_context(
                dancing_services(bus, services=[each], workflows=[flow], watched=False)
            )
            for bus, each in zip(buses, services, strict=True)
        ]
        outside = EmbeddedBus(tmp_path, "outside")
        asking = await stack.enter_async_context(open_company(outside, {}, SystemClock()))
        await stack.enter_async_context(learning(asking, up_to_now=True))
        await one(asking, flow.name, "first")  # the first leaves what is told once behind
        await settled([*buses, outside])
        before = [bus.counters.copy() for bus in (*buses, outside)]
        commits = committed(companies)
        await one(asking, flow.name, "second")
        await settled([*buses, outside])
        told = [
            bus.counters.since(then) for bus, then in zip((*buses, outside), before, strict=True)
        ]
        cost = Cost(
            sum(each["rings"] for each in told),
            [each["rung"] for each in told[:-1]],
            committed(companies) - commits,
        )
    print(f"\nchain of {length}, read only {read_only}: {cost}")
    assert cost.commits == (length + 1 if read_only else 2 * length + 1)
    assert cost.rung == [2, *([1] * (length - 1))], "the home: at the start and at the end"
    # A message to a role each, and a note of each commit to who asks.
    assert cost.rings == length + 1 + cost.commits


async def one(asking: Company, workflow: str, key: str) -> None:
    """One execution from its start to its end, and a value of 1 KB."""
    body = msgspec.json.encode({"x": "x" * 1000})
    id = await asking.requests.start(workflow, body, key=key)
    assert (await asking.observer.wait(id, PATIENCE_S)).status == "COMPLETED"


async def settled(buses: list[EmbeddedBus]) -> None:
    """Until all that was sent is heard."""
    async with asyncio.timeout(PATIENCE_S):
        while sent(buses) != heard(buses):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)


def sent(buses: list[EmbeddedBus]) -> int:
    return sum(each.counters.rings for each in buses)


def heard(buses: list[EmbeddedBus]) -> int:
    return sum(each.counters.rung for each in buses)


def committed(companies: list[Company]) -> int:
    ledgers: list[Any] = [each for company in companies for each in company.ledgers.values()]
    return sum(each.counters.commits for each in ledgers)
