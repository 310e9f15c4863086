"""An event that starts a workflow: once, with its data, in its flow, in both styles."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pavane.bootstrap import choreographies_of, dancing_services, mixed_services
from pavane.core.model.workflow import Workflow
from pavane.engine.views.reader import Reader
from pavane.errors import DefinitionError
from pavane.ports.store import Search
from pavane.sdk.event import Event
from pavane.sdk.service import Service
from pavane.sdk.workflow import workflow
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.acceptance.events.shop import OrderCreated


class Parcels:
    """A service that packs, and what it packed."""

    def __init__(self) -> None:
        self.packed: list[Any] = []
        self.service = Service("parcels")

        @self.service.task(pivot=True)
        async def pack(order: Any) -> None:
            self.packed.append(order)


def packing(started: dict[str, Any], **fields: Any) -> Workflow:
    """A workflow of one step, started by an event."""
    definition = {
        "name": "packing",
        "inputParameters": ["order"],
        "tasks": [
            {
                "name": "pack",
                "taskReferenceName": "pack",
                "pivot": True,
                "inputParameters": {"order": "${workflow.input.order}"},
            }
        ],
        "startedBy": {"event": "shop.order.created.v1", **started},
        **fields,
    }
    return msgspec.convert(definition, Workflow)


def lute(total: int = 160) -> Event:
    return OrderCreated(order_id="lute", total=Decimal(total))


DATA = {"order_id": "lute", "total": "160"}
BY_ORDER = {"input": {"order": "${event.order_id}"}, "key": "${event.order_id}"}


@pytest.mark.parametrize(
    ("started", "packed"),
    [({}, DATA), (BY_ORDER, "lute"), ({"input": {"order": "${event.id}"}}, "web-1")],
)
def test_dancers_start_once_however_often_it_comes(started: dict[str, Any], packed: Any):
    parcels = Parcels()

    async def main() -> None:
        async with dancing_services(
            "memory:",
            services=[parcels.service],
            workflows=[packing(started)],
            clock=VirtualClock(),
        ) as company:
            for _ in range(3):
                await company.publish(lute(), id="web-1", correlation="visit-7")
                await asyncio.sleep(10)
            (found,) = company.observer.executions(Search(workflow="packing"))
            assert found.status == "COMPLETED"
            view = company.observer.execution(found.id)
            assert (view.correlation_id, view.key) == (
                "visit-7",
                "lute" if started == BY_ORDER else "web-1",
            )
            edges = [(each.cause, each.effect) for each in company.observer.edges("visit-7")]
            assert edges == [("web-1", found.id)]

    run(main())
    assert parcels.packed == [packed]


def test_two_events_with_one_key_start_one_execution():
    parcels = Parcels()

    async def main() -> None:
        async with dancing_services(
            "memory:",
            services=[parcels.service],
            workflows=[packing(BY_ORDER)],
            clock=VirtualClock(),
        ) as company:
            await company.publish(lute(), id="web-1")
            await company.publish(lute(170), id="web-2")
            await asyncio.sleep(10)

    run(main())
    assert parcels.packed == ["lute"]


def test_what_was_set_aside_can_start_it_later():
    parcels = Parcels()

    async def main() -> None:
        async with dancing_services(
            "memory:",
            services=[parcels.service],
            workflows=[packing({"input": {"order": "${= event.lute.price + 1}"}})],
            clock=VirtualClock(),
        ) as company:
            await company.publish(lute(), id="web-1")
            await asyncio.sleep(10)
            participant = company.participants["parcels"]
            await participant.redrive("web-1")  # as before, it cannot
            assert len(await company.ledgers["parcels"].aside()) == 1
            better = packing({"key": "${event.order_id}"}, version=2)
            await participant.register([*choreographies_of([parcels.service], [better]).values()])
            await participant.redrive("web-1")
            await asyncio.sleep(10)
            assert await company.ledgers["parcels"].aside() == []

    run(main())
    assert parcels.packed == [DATA]


def test_what_cannot_start_it_is_set_aside_with_its_reason():
    parcels = Parcels()

    async def main() -> None:
        async with dancing_services(
            "memory:",
            services=[parcels.service],
            workflows=[packing({"key": "${event.number}"})],
            clock=VirtualClock(),
        ) as company:
            await company.publish(lute(), id="web-1")
            await asyncio.sleep(10)
            (aside,) = await company.ledgers["parcels"].aside()
            assert (aside.id, aside.kind) == ("web-1", "quarantined")
            assert "${event.number} is empty" in aside.reason

    run(main())
    assert parcels.packed == []


def test_a_conductor_with_a_bus_starts_once_as_well():
    parcels = Parcels()

    async def main() -> None:
        async with mixed_services(
            "memory:",
            "memory:",
            services=[parcels.service],
            workflows=[packing(BY_ORDER)],
            clock=VirtualClock(),
        ) as (engine, company):
            for _ in range(3):
                await company.publish(lute(), id="web-1", correlation="visit-7")
                await asyncio.sleep(10)
            reader = Reader(engine.store)
            (one,) = await reader.executions(Search(workflow="packing"))
            found = await reader.execution(one.id)
            assert (found.status, found.key, found.correlation_id) == (
                "COMPLETED",
                "lute",
                "visit-7",
            )

    run(main())
    assert parcels.packed == ["lute"]


def test_a_workflow_in_python_names_its_event():
    parcels = Parcels()
    shipping = Service("shipping")

    @shipping.task(pivot=True)
    async def ship(order_id: str, total: Decimal) -> None:
        parcels.packed.append((order_id, total))

    @workflow(started_by=OrderCreated)
    async def send(order: OrderCreated) -> None:
        await ship(order.order_id, order.total)

    @workflow(
        started_by={
            "event": OrderCreated,
            "input": {"id": "${event.order_id}"},
            "key": "${event.id}",
        }
    )
    async def send_free(id: str) -> None:
        await ship(id, Decimal(0))

    async def main() -> None:
        async with dancing_services(
            "memory:",
            services=[shipping],
            workflows=[send, send_free],
            clock=VirtualClock(),
        ) as company:
            await company.publish(lute())
            await asyncio.sleep(10)

    run(main())
    assert sorted(parcels.packed) == [("lute", 0), ("lute", 160)]


@pytest.mark.parametrize("given", [int, {"type": "x"}, {"key": "x"}, {"event": 3}])
def test_what_is_no_event_is_refused(given: Any):
    with pytest.raises(DefinitionError):
        workflow(started_by=given)


def test_it_can_be_awaited_like_any_other():
    counting = Service("counting")

    @counting.task(read_only=True)
    async def count(order_id: str) -> int:
        return len(order_id)

    @workflow(started_by=OrderCreated)
    async def measure(order: OrderCreated) -> int:
        return await count(order.order_id)

    async def main() -> int:
        return await measure(OrderCreated(order_id="lute", total=Decimal(1)))

    assert asyncio.run(main()) == 4
