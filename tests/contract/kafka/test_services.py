"""Services over Kafka, with the events of programs that know nothing of Pavane."""

import asyncio
import uuid
from pathlib import Path

import pytest

from pavane import Event, Service
from pavane.adapters.kafka.bus import KafkaBus
from pavane.adapters.kafka.wire import UNREADABLE
from pavane.bootstrap import dancing_services, mixed_services
from pavane.doors.executions.danced import Danced
from pavane.doors.executions.dead_letters import DeadLetters, Wanted
from pavane.ports.bus import role_topic
from tests.acceptance.events.test_starting import BY_ORDER, Parcels, lute, packing
from tests.contract.kafka.clients import produce, until

pytestmark = pytest.mark.anyio

bank = Service("bank")
heard: list[str] = []


class OrderPaid(Event, type="shop.order.paid.v1", key="order"):
    order: str


class OrderBooked(Event, type="shop.booking.made.v1"):
    order: str


@bank.on(OrderPaid)
async def book(event: OrderPaid) -> OrderBooked:
    heard.append(event.order)
    return OrderBooked(order=event.order)


async def test_what_is_no_event_is_set_aside_and_the_next_one_is_handled(
    kafka_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    url = f"{kafka_url}?session=1s&partitions=1&prefix={uuid.uuid4().hex[:12]}-"
    plain = {
        "ce_specversion": "1.0",
        "ce_id": "p-1",
        "ce_source": "/elsewhere",
        "ce_type": "shop.order.paid.v1",
        "content-type": "application/json",
    }
    async with dancing_services(url, services=[bank], workflows=[]) as company:
        assert isinstance(company.bus, KafkaBus)
        produce(
            company.bus,
            "shop.order.v1",
            (b"7", b"\x00 no event", {}),
            (b"7", b'{"order":"7"}', plain),
        )
        produce(company.bus, role_topic("bank"), (None, b"nothing to a role", {"a": "b"}))
        await until(lambda: heard == ["7"])
        await company.publish(OrderPaid(order="8"))
        await until(lambda: heard == ["7", "8"])
        ledger = company.ledgers["bank"]
        async with asyncio.timeout(20):
            while len(aside := await ledger.aside()) < 2:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.05)
        assert {each.kind for each in aside} == {"quarantined"}
        assert {each.event.data for each in aside} == {b"\x00 no event", b"nothing to a role"}
        assert all("specversion" in each.reason for each in aside)
        lag = {"bank": {role_topic("bank"): 0, "shop.order.v1": 0}}
        async with asyncio.timeout(20):
            while await company.bus.lag() != lag:  # noqa: ASYNC110  the same
                await asyncio.sleep(0.05)
        # A person takes one up again: it is set aside again, and stays seen.
        await company.participants["bank"].redrive(aside[0].id)
        assert {each.id for each in await ledger.aside()} == {each.id for each in aside}
        await company.participants["bank"].discard(aside[0].id, "junk")
        assert [each.id for each in await ledger.aside()] == [aside[1].id]
    assert (tmp_path / ".pavane" / "bank.db").exists()


async def test_a_conductor_sets_aside_what_is_no_event_and_starts_by_the_next(
    kafka_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    parcels = Parcels()
    url = f"{kafka_url}?session=1s&partitions=1&prefix={uuid.uuid4().hex[:12]}-"
    mixed = mixed_services(
        "memory:", url, services=[parcels.service], workflows=[packing(BY_ORDER)]
    )
    async with mixed as (_, company):
        assert isinstance(company.bus, KafkaBus)
        produce(company.bus, "shop.order.v1", (b"lute", b"no event", {}))
        await company.publish(lute(), id="web-1")
        await until(lambda: parcels.packed == ["lute"])
        letters = DeadLetters(Danced(company), company)
        async with asyncio.timeout(20):
            while not (found := (await letters.find(Wanted()))[0]):  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.05)
        (letter,) = found
        assert (letter.service, letter.kind) == ("_pavane.conductor", "quarantined")
        assert letter.type == UNREADABLE
        assert "specversion" in letter.reason
