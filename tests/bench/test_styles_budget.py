"""The shop's order in each style: messages, bytes on the wire, commits and rows, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.bus import MemoryBus, size
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import dancing_services, mixed_services, running_engine
from pavane.core.model.event import Outgoing
from pavane.ports.bus import JOURNAL
from pavane.sdk.application.loading import load_app
from pavane.testing.simulation import loop
from pavane.testing.simulation.clock import VirtualClock

SHOP = Path(__file__).parents[2] / "examples" / "shop"
ORDER = {
    "id": "0001",
    "customer": "Byrd",
    "item": "lute",
    "quantity": 1,
    "card": "4111",
    "country": "CH",
}
BODY = msgspec.json.encode({"order": ORDER})

# By style: an order that goes well, and one that no carrier takes and that is undone. Six messages:
# the start, the order to payment, to shipping and to notifications, and what both say at the end.
# Two commits for each of the four steps, and one for each end of a branch.
EXPECTED = {
    ("choreographed", "CH"): {"messages": 6, "bytes": 2842, "commits": 10, "rows": 56},
    ("choreographed", "XX"): {"messages": 16, "bytes": 6452, "commits": 21, "rows": 95},
    # The part of the dancers: the start of the scope, the token to notifications, and its answer.
    ("hybrid", "CH"): {"messages": 3, "bytes": 1500, "commits": 5, "rows": 29},
    ("orchestrated", "CH"): {"commits": 6, "rows": 39},
}


class Counted(MemoryBus):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Outgoing] = []

    async def publish(self, events: Any) -> None:
        self.sent += events
        await super().publish(events)


def order(country: str) -> bytes:
    return msgspec.json.encode({"order": {**ORDER, "country": country}})


async def choreographed(bus: Counted, body: bytes) -> dict[str, int]:
    shop = load_app(str(SHOP / "shop.py"))
    services, workflows = list(shop.services.values()), list(shop.workflows.values())
    async with dancing_services(
        bus, services=services, workflows=workflows, clock=VirtualClock()
    ) as company:
        bus.sent.clear()  # what a process announces when it begins
        begun = ledgers(company.ledgers)  # each service keeps the definitions, once
        id = await company.requests.start("fulfil_order", body, key="1")
        await company.observer.wait(id, 60)
        return since(begun, ledgers(company.ledgers))


async def hybrid(bus: Counted, body: bytes) -> dict[str, int]:
    shop = load_app(str(SHOP / "hybrid.py"))
    services, workflows = list(shop.services.values()), list(shop.workflows.values())
    async with mixed_services(
        "memory:", bus, services=services, workflows=workflows, clock=VirtualClock()
    ) as (engine, company):
        begun = ledgers(company.ledgers)
        id = await engine.start_execution("fulfil_order", body, key="1")
        await engine.wait(id, 60)
        return since(begun, ledgers(company.ledgers))


def ledgers(found: dict[str, Any]) -> dict[str, int]:
    return {
        "commits": sum(each.counters.commits for each in found.values()),
        "rows": sum(sum(each.counters.rows.values()) for each in found.values()),
    }


def since(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    return {what: count - before[what] for what, count in now.items()}


@pytest.mark.parametrize(("style", "country"), [key for key in EXPECTED if "orch" not in key[0]])
def test_an_order_of_dancers(style: str, country: str):
    bus = Counted()
    play = choreographed if style == "choreographed" else hybrid
    told = loop.run(play(bus, order(country)))
    messages = [each for each in bus.sent if each.topic != JOURNAL]
    told |= {"messages": len(messages), "bytes": sum(size(each.event) for each in messages)}
    print(f"\n{style} to {country}: {told}")
    assert told == EXPECTED[style, country]
    assert max(size(each.event) for each in messages) < 1100


def test_an_order_with_a_conductor(tmp_path: Path):
    async def main() -> dict[str, int]:
        shop = load_app(str(SHOP / "shop.py"))
        store = SqliteStore(tmp_path / "shop.db", commit_thread=False, durable=False)
        async with running_engine(
            store,
            services=list(shop.services.values()),
            workflows=list(shop.workflows.values()),
            clock=VirtualClock(),
        ) as engine:
            before = store.counters.copy()
            id = await engine.start_execution("fulfil_order", BODY, key="1")
            await engine.wait(id, 60)
            return store.counters.since(before)

    told = loop.run(main())
    rows = sum(count for name, count in told.items() if name.startswith("rows."))
    print(f"\norchestrated: {told}, {rows} rows")
    expected = EXPECTED["orchestrated", "CH"]
    assert (told["commits"], rows) == (expected["commits"], expected["rows"])
