"""WAIT for an event, in both styles: early, late, twice, filtered, out of time, taken back."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pavane.bootstrap.orchestrated import running_engine
from pavane.core.model.workflow import Workflow
from pavane.errors import DefinitionError
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.acceptance.events.house import STYLES, house

PAID = "shop.payment.processed.v1"
both = pytest.mark.parametrize("style", STYLES)


def shop(slow_s: float = 0) -> Service:
    """A service that looks, waits, and looks again."""
    service = Service("shop")

    @service.task(read_only=True)
    async def look(order: str) -> str:
        await asyncio.sleep(slow_s)
        return order

    return service


def waiting(**wanted: Any) -> Workflow:
    """Looks, then waits for the order to be paid."""
    definition = {
        "name": "waiting",
        "inputParameters": ["order", "least"],
        "tasks": [
            {
                "name": "look",
                "taskReferenceName": "look",
                "inputParameters": {"order": "${workflow.input.order}"},
            },
            {
                "name": "paid",
                "taskReferenceName": "paid",
                "type": "WAIT",
                "inputParameters": {
                    "event": PAID,
                    "match": {"order.id": "${look.output.result}"},
                    "least": "${workflow.input.least}",
                    **wanted,
                },
            },
        ],
        "outputParameters": {"paid": "${paid.output.amount}", "all": "${paid.output}"},
    }
    return msgspec.convert(definition, Workflow)


def of(order: str) -> dict[str, str]:
    return {"id": order}


@both
def test_the_event_ends_the_wait_and_is_its_output(style: str):
    async def main() -> None:
        async with house(style, [shop()], [waiting()]) as here:
            lute, harp = [await here.start("waiting", order=each) for each in ("lute", "harp")]
            await here.tell(PAID, order=of("harp"), amount=90)
            assert await here.status(lute) == "RUNNING"
            assert await here.output(harp) == {
                "paid": 90,
                "all": {"order": of("harp"), "amount": 90},
            }
            await here.tell(PAID, order=of("lute"), amount=160)
            assert (await here.output(lute))["paid"] == 160

    run(main())


@both
def test_an_event_that_comes_before_its_wait_is_not_lost(style: str):
    async def main() -> None:
        async with house(style, [shop(slow_s=600)], [waiting()]) as here:
            lute = await here.start("waiting", order="lute")
            await here.tell(PAID, order=of("lute"), amount=160)
            assert await here.status(lute) == "RUNNING"
            await asyncio.sleep(600)
            assert (await here.output(lute))["paid"] == 160

    run(main())


@both
def test_how_early_an_event_may_come_is_bounded(style: str):
    async def main() -> None:
        async with house(style, [shop(slow_s=600)], [waiting(early="5 min")]) as here:
            lute = await here.start("waiting", order="lute")
            await here.tell(PAID, order=of("lute"), amount=160)
            await asyncio.sleep(700)
            assert await here.status(lute) == "RUNNING"
            await here.tell(PAID, order=of("lute"), amount=170)
            assert (await here.output(lute))["paid"] == 170

    run(main())


@both
def test_what_was_told_twice_ends_one_wait_once(style: str):
    async def main() -> None:
        async with house(style, [shop()], [waiting()]) as here:
            lute = await here.start("waiting", order="lute")
            for _ in range(3):
                await here.tell(PAID, "paid-1", order=of("lute"), amount=160)
            assert await here.status(lute) == "COMPLETED"

    run(main())


@both
def test_a_filter_may_let_an_event_pass_by(style: str):
    async def main() -> None:
        wanted = waiting(filter="event.amount >= least")
        async with house(style, [shop()], [wanted]) as here:
            lute = await here.start("waiting", order="lute", least=100)
            await here.tell(PAID, order=of("lute"), amount=99)
            await here.tell(PAID, order=of("lute"))  # it cannot be judged
            assert await here.status(lute) == "RUNNING"
            await here.tell(PAID, order=of("lute"), amount=100)
            assert (await here.output(lute))["paid"] == 100

    run(main())


@both
def test_without_an_event_in_time_it_goes_on_with_nothing(style: str):
    async def main() -> None:
        async with house(style, [shop()], [waiting(duration="2 hours")]) as here:
            lute = await here.start("waiting", order="lute")
            await asyncio.sleep(7200)
            assert await here.output(lute) == {"paid": None, "all": {}}
            await here.tell(PAID, order=of("lute"), amount=160)
            assert (await here.output(lute))["paid"] is None

    run(main())


def test_nothing_is_kept_of_a_wait_that_is_over():
    async def main() -> None:
        async with house("choreographed", [shop()], [waiting(duration="2 hours")]) as here:
            await here.start("waiting", order="lute")
            await here.start("waiting", order="harp")
            await here.tell(PAID, order=of("lute"), amount=160)
            await asyncio.sleep(9000)
            ledger = here.company.ledgers["shop"]
            assert not await ledger.work(("", ""), 100)
            assert await ledger.next_due() == 0

    run(main())


def test_dancers_that_are_stopped_wait_for_nothing():
    async def main() -> None:
        async with house("choreographed", [shop()], [waiting(duration="2 hours")]) as here:
            lute = await here.start("waiting", order="lute")
            await here.company.requests.stop("waiting", lute, "enough")
            await here.tell(PAID, order=of("lute"), amount=160)
            assert await here.status(lute) == "TERMINATED"
            await asyncio.sleep(3700)
            ledger = here.company.ledgers["shop"]
            assert not await ledger.work(("", ""), 100)
            assert await ledger.next_due() == 0

    run(main())


def test_an_engine_without_a_bus_refuses_it():
    async def main() -> None:
        async with running_engine("memory:", services=[shop()], clock=VirtualClock()) as engine:
            with pytest.raises(DefinitionError, match="'paid' waits for an event"):
                await engine.register([waiting()])

    run(main())


def test_a_scope_of_the_other_style_waits_and_tells_as_well():
    told = "shop.parcel.sent.v1"
    scope = {
        "name": "inner",
        "style": "choreographed",
        "inputParameters": ["order"],
        "tasks": [
            *msgspec.to_builtins(waiting())["tasks"],
            {
                "name": "tell",
                "taskReferenceName": "tell",
                "type": "EVENT",
                "sink": f"event:{told}",
                "inputParameters": {"order": "${look.output.result}"},
            },
        ],
        "outputParameters": {"amount": "${paid.output.amount}"},
    }
    outer = {
        "name": "outer",
        "inputParameters": ["order"],
        "tasks": [
            {
                "name": "inner",
                "taskReferenceName": "inner",
                "type": "SUB_WORKFLOW",
                "inputParameters": {"order": "${workflow.input.order}"},
                "subWorkflowParam": {"name": "inner", "workflowDefinition": scope},
            },
            {
                "name": "sent",
                "taskReferenceName": "sent",
                "type": "WAIT",
                "inputParameters": {
                    "event": told,
                    "match": {"order": "${workflow.input.order}"},
                },
            },
        ],
        "outputParameters": {"paid": "${inner.output.amount}", "sent": "${sent.output.order}"},
    }

    async def main() -> None:
        definition = msgspec.convert(outer, Workflow)
        async with house("orchestrated", [shop()], [definition]) as here:
            lute = await here.start("outer", order="lute")
            await here.tell(PAID, order=of("lute"), amount=160)
            await asyncio.sleep(5)
            assert await here.output(lute) == {"paid": 160, "sent": "lute"}

    run(main())
