"""EVENT: what a workflow tells, in both styles, heard by handlers that know no workflow."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pavane.bootstrap import dancing_services, mixed_services
from pavane.bootstrap.orchestrated import running_engine
from pavane.core.model.workflow import Workflow
from pavane.errors import DefinitionError, Fail
from pavane.sdk.event import Event
from pavane.sdk.handling import EventContext
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.acceptance.events.house import STYLES, house

both = pytest.mark.parametrize("style", STYLES)
TYPE = "shop.order.priced.v1"


class OrderPriced(Event, type=TYPE):
    order_id: str
    total: int


class Told:
    """A service that prices orders, and one that hears of it."""

    def __init__(self) -> None:
        self.pricing, self.books = Service("pricing"), Service("books")
        self.heard: list[tuple[str, int]] = []
        self.correlation = ""
        self.undone: list[str] = []

        @self.pricing.task(read_only=True, retries="forever")
        async def price(order: str) -> dict[str, int]:
            return {"total": len(order) * 10}

        @self.books.on(OrderPriced)
        async def note(ctx: EventContext, event: OrderPriced) -> None:
            self.heard.append((event.order_id, event.total))
            self.correlation = ctx.correlation_id

    @property
    def services(self) -> list[Service]:
        return [self.pricing, self.books]


def priced(**fields: Any) -> Workflow:
    definition = {
        "name": "pricing",
        "inputParameters": ["order"],
        "tasks": [
            {
                "name": "price",
                "taskReferenceName": "price",
                "inputParameters": {"order": "${workflow.input.order}"},
            },
            {
                "name": "tell",
                "taskReferenceName": "tell",
                "type": "EVENT",
                "sink": f"event:{TYPE}",
                "inputParameters": {
                    "order_id": "${workflow.input.order}",
                    "total": "${price.output.total}",
                },
            },
        ],
        "outputParameters": {"id": "${tell.output.id}"},
        **fields,
    }
    return msgspec.convert(definition, Workflow)


BODY = msgspec.json.encode({"order": "lute"})


def test_dancers_publish_in_the_transaction_of_the_step():
    told = Told()

    async def main() -> None:
        async with dancing_services(
            "memory:", services=told.services, workflows=[priced()], clock=VirtualClock()
        ) as company:
            execution = await company.requests.start("pricing", BODY, key="lute")
            await asyncio.sleep(10)
            view = company.observer.execution(execution)
            assert (view.status, told.heard) == ("COMPLETED", [("lute", 40)])
            assert told.correlation == execution
            (step,) = [step for step in view.steps if step.ref == "tell"]
            assert (step.type, step.status) == ("EVENT", "COMPLETED")
            output = msgspec.json.decode(step.output)
            assert output["event_produced"] == f"event:{TYPE}"
            assert msgspec.json.decode(view.output) == {"id": output["id"]}

    run(main())


def test_the_same_start_again_tells_nothing_again():
    told = Told()

    async def main() -> None:
        async with dancing_services(
            "memory:", services=told.services, workflows=[priced()], clock=VirtualClock()
        ) as company:
            for _ in range(3):
                await company.requests.start("pricing", BODY, key="lute")
                await asyncio.sleep(10)

    run(main())
    assert told.heard == [("lute", 40)]


def test_a_conductor_with_a_bus_publishes_by_a_task():
    told = Told()

    async def main() -> None:
        async with mixed_services(
            "memory:",
            "memory:",
            services=told.services,
            workflows=[priced()],
            clock=VirtualClock(),
        ) as (engine, _):
            execution = await engine.start_execution("pricing", BODY)
            header = await engine.wait(execution, 60)
            await asyncio.sleep(10)
            assert (header.status, told.heard) == ("COMPLETED", [("lute", 40)])
            assert told.correlation == execution

    run(main())


def test_an_engine_without_a_bus_refuses_it():
    told = Told()

    async def main() -> None:
        async with running_engine(
            "memory:", services=[told.pricing], clock=VirtualClock()
        ) as engine:
            with pytest.raises(DefinitionError, match="'tell' publishes an event"):
                await engine.register([priced()])

    run(main())


@both
def test_what_was_told_in_a_scope_that_is_undone_stays_told(style: str):
    told = Told()

    @told.pricing.task
    async def release(order: str, held: str | None) -> None:
        told.undone.append(order)

    @told.pricing.task(undo=release)
    async def hold(order: str) -> str:
        return order

    @told.pricing.task(retries=0)
    async def ship(order: str) -> None:
        raise Fail("no carrier")

    order = {"order": "${workflow.input.order}"}
    inner = {
        "name": "inner",
        "inputParameters": ["order"],
        "tasks": [
            {
                "name": "hold",
                "taskReferenceName": "hold",
                "inputParameters": order,
                "undo": {
                    "name": "release",
                    "inputParameters": {**order, "held": "${hold.output.result}"},
                },
            },
            {
                "name": "tell",
                "taskReferenceName": "tell",
                "type": "EVENT",
                "sink": f"event:{TYPE}",
                "inputParameters": {"order_id": "${hold.output.result}", "total": 1},
            },
            {"name": "ship", "taskReferenceName": "ship", "inputParameters": order},
        ],
    }
    outer = {
        "name": "outer",
        "inputParameters": ["order"],
        "tasks": [
            {
                "name": "inner",
                "taskReferenceName": "inner",
                "type": "SUB_WORKFLOW",
                "inputParameters": order,
                "subWorkflowParam": {"name": "inner", "workflowDefinition": inner},
            }
        ],
    }

    async def main() -> None:
        definition = msgspec.convert(outer, Workflow)
        async with house(style, told.services, [definition]) as here:
            lute = await here.start("outer", order="lute")
            await asyncio.sleep(10)
            assert await here.status(lute) in ("COMPENSATED", "FAILED")

    run(main())
    assert (told.heard, told.undone) == ([("lute", 1)], ["lute"])
