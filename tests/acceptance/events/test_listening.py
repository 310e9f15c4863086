"""Who listens to which events, as services on an embedded bus say it themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from pavane.bootstrap import dancing_services, mixed_services
from pavane.bootstrap.choreographed import visiting
from pavane.core.model.workflow import StartedBy, Workflow
from pavane.doors.executions.event_types import NoBusError, event_types
from pavane.doors.wiring import Company
from pavane.observer.event_types import EventTypes
from pavane.sdk.event import Event
from pavane.sdk.service import Service
from tests.acceptance.events.test_waiting import PAID, shop, waiting

pytestmark = pytest.mark.anyio

BEGUN = "shop.visit.begun.v1"


def started_by_event() -> Workflow:
    begins = StartedBy(event=BEGUN, input={"order": "${event.order}"})
    return structs.replace(waiting(), started_by=begins)


async def until(company: Company, fits: Callable[[EventTypes], bool]) -> dict[str, list[str]]:
    """Who listens once it is so, by type."""
    async with asyncio.timeout(10):
        while not fits(found := await event_types(company)):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)
    return {
        each.type: [f"{one.service}: {by}" for one in each.listeners for by in one.by]
        for each in found.event_types
    }


async def test_steps_that_wait_and_workflows_that_are_started_listen(tmp_path: Path):
    async with dancing_services(
        f"embedded:{tmp_path}", services=[shop()], workflows=[started_by_event()]
    ) as company:
        found = await until(company, lambda found: len(found.event_types) == 2)
    assert found == {
        PAID: ["shop: step paid of waiting"],
        BEGUN: ["shop: starts waiting"],
    }


async def test_so_they_do_where_they_are_conducted(tmp_path: Path):
    url = f"embedded:{tmp_path}"
    async with mixed_services(
        "memory:", url, services=[shop()], workflows=[started_by_event()]
    ) as (_, company):
        found = await until(company, lambda found: len(found.event_types) == 2)
    assert found == {
        PAID: ["_pavane.conductor: a step of waiting"],
        BEGUN: ["_pavane.conductor: starts waiting"],
    }


class Begun(Event, type=BEGUN):
    order: str


async def test_a_service_that_listens_no_more_says_so(tmp_path: Path):
    url, service = f"embedded:{tmp_path}", Service("desk")

    @service.on(Begun)
    async def greet(event: Begun) -> None:
        del event

    async with dancing_services(url, services=[service]) as company:
        found = await until(company, lambda found: bool(found.event_types))
        assert found == {BEGUN: ["desk: handler greet"]}
        await company.publish(Begun(order="7"), source="door")
        await until(company, lambda found: found.event_types[0].count == 1)
    async with dancing_services(url, services=[Service("desk")]) as company:
        await until(company, lambda found: bool(found.event_types) and found.event_types[0].unheard)
    async with visiting(url) as visitor:
        (one,) = (await event_types(visitor, unheard=True)).event_types
        assert [(each.source, each.count) for each in one.publishers] == [("door", 1)]


async def test_a_bus_in_memory_cannot_tell():
    async with dancing_services("memory:", services=[shop()]) as company:
        with pytest.raises(NoBusError, match="keeps no events"):
            await event_types(company)
