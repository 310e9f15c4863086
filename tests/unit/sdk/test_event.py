"""Event types: their names and topics, and how they travel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import new_class
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pavane.core.model.event import CloudEvent
from pavane.errors import DefinitionError, InputError, TooLargeError
from pavane.sdk.event import (
    Event,
    decoder,
    emission,
    outgoing,
    read_event,
    topic_of,
    type_of,
)


class Colour(Enum):
    RED = "red"


@dataclass
class Line:
    sku: str
    price: Decimal


class OrderCreated(Event, type="shop.order.created.v1"):
    order_id: str
    total: Decimal
    lines: tuple[Line, ...] = ()


class OrderShipped(Event, type="com.acme.shop.order-line.shipped_late.v12", key="order"):
    order: UUID
    at: datetime
    day: date
    colour: Colour | None = None


class ShopEvent(Event, abstract=True):
    shop: str


class ShopOpened(ShopEvent, type="shop.shop.opened.v1", key="shop"):
    door: int = 1


class ShopClosed(ShopEvent, type="shop.shop.closed.v1", rename="camel"):
    closed_by: str


def declare(name: str = "Something", **keywords: Any) -> type:
    """A class statement with these keywords."""
    return new_class(name, (Event,), keywords)


def as_received(kind: type[Event], data: bytes, **attributes: Any) -> CloudEvent:
    return CloudEvent(id="1", source="test", type=type_of(kind), data=data, **attributes)


@pytest.mark.parametrize(
    ("kind", "type", "topic"),
    [
        (OrderCreated, "shop.order.created.v1", "shop.order.v1"),
        (
            OrderShipped,
            "com.acme.shop.order-line.shipped_late.v12",
            "com.acme.shop.order-line.v12",
        ),
        (ShopOpened, "shop.shop.opened.v1", "shop.shop.v1"),
    ],
)
def test_the_topic_is_the_thing_and_its_version(kind: type[Event], type: str, topic: str) -> None:
    assert (type_of(kind), topic_of(kind)) == (type, topic)


@pytest.mark.parametrize(
    ("type", "wrong"),
    [
        ("shop.order.created", "does not end in a version"),
        ("shop.order.created.v0", "does not end in a version"),
        ("shop.order.created.1", "does not end in a version"),
        ("", "does not end in a version"),
        ("created.v1", "too few parts"),
        ("v1", "too few parts"),
        ("shop..created.v1", "has an empty part"),
        ("Shop.order.created.v1", "has the part 'Shop'"),
        ("shop.order created.v1", "has the part 'order created'"),
        ("_pavane.order.created.v1", "has the part '_pavane'"),
        (f"shop.{'x' * 200}.created.v1", "has more than 200 characters"),
    ],
)
def test_a_bad_type_is_refused_in_words(type: str, wrong: str) -> None:
    with pytest.raises(DefinitionError, match=wrong) as refusal:
        declare(type=type)
    assert "Something" in str(refusal.value)
    assert "shop.order.created.v1" in str(refusal.value)


def test_a_type_is_required() -> None:
    with pytest.raises(DefinitionError, match=r"Something has no type.*abstract=True"):
        declare()
    with pytest.raises(DefinitionError, match="ShopEvent is abstract"):
        topic_of(ShopEvent)
    with pytest.raises(DefinitionError, match="Event is abstract"):
        type_of(Event)


def test_two_events_of_one_place_do_not_share_a_type() -> None:
    class PaymentDone(Event, type="test.payment.done.v1"):
        pass

    with pytest.raises(DefinitionError, match=r"PaymentDone and PaymentFailed have the same type"):

        class PaymentFailed(Event, type="test.payment.done.v1"):
            pass


def test_an_event_may_be_declared_again_and_elsewhere() -> None:
    def once() -> type[Event]:
        class PaymentSeen(Event, type="test.payment.seen.v1"):
            pass

        return PaymentSeen

    class Seen(Event, type="test.payment.seen.v1"):
        pass

    assert type_of(once()) == type_of(once()) == type_of(Seen)


def test_a_key_must_be_a_field() -> None:
    with pytest.raises(DefinitionError, match=r"key='order' is no field of it. Its fields are"):
        declare(type="test.thing.keyed.v1", key="order")


def test_fields_are_given_by_keyword_and_do_not_change() -> None:
    event = OrderCreated(order_id="A", total=Decimal(1))
    with pytest.raises(TypeError):
        OrderCreated("A", Decimal(1))  # type: ignore[misc]  # the refusal under test
    with pytest.raises(AttributeError):
        event.order_id = "B"  # type: ignore[misc]  # the refusal under test
    assert event == OrderCreated(order_id="A", total=Decimal(1))


def test_all_types_of_contracts_travel() -> None:
    shipped = OrderShipped(
        order=UUID(int=7),
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        day=date(2026, 1, 2),
        colour=Colour.RED,
    )
    created = OrderCreated(order_id="A", total=Decimal("1.10"), lines=(Line("x", Decimal("0.3")),))
    for event in (shipped, created, ShopClosed(shop="a", closed_by="b")):
        sent = emission(event)
        assert read_event(type(event), sent.event) == event
    assert (
        emission(ShopClosed(shop="a", closed_by="b")).event.data == b'{"shop":"a","closedBy":"b"}'
    )
    assert msgspec.json.decode(emission(created).event.data)["total"] == "1.10"


def test_unknown_members_are_ignored_and_absent_ones_have_their_default() -> None:
    received = as_received(OrderCreated, b'{"order_id":"A","total":2,"new":[1]}')
    assert read_event(OrderCreated, received) == OrderCreated(order_id="A", total=Decimal(2))


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b'{"total":1}', "shop.order.created.v1: order_id: is missing"),
        (b'{"order_id":1,"total":1}', "shop.order.created.v1: order_id: expected str, got int"),
        (
            b'{"order_id":"A","total":1,"lines":[{"sku":"x","price":[]}]}',
            r"lines\[0\]\.price: expected decimal, got array",
        ),
        (b"nonsense", "its data is not JSON"),
        (b"", "its data is not JSON"),
        (b'{"order_id":"\xff","total":1}', "is not UTF-8|not JSON"),
        (b"[]", "its data: expected object, got array"),
    ],
)
def test_a_bad_field_is_named(data: bytes, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        read_event(OrderCreated, as_received(OrderCreated, data))


def test_data_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="its data is application/avro"):
        read_event(ShopOpened, as_received(ShopOpened, b"{}", datacontenttype="application/avro"))
    utf8 = "Application/JSON; charset=utf-8"
    received = as_received(ShopOpened, b'{"shop":"a"}', datacontenttype=utf8)
    assert read_event(ShopOpened, received).shop == "a"


def test_what_does_not_hold_what_it_promises_is_not_sent() -> None:
    class Loop(Event, type="test.loop.made.v1"):
        inner: Any

    inner: list[Any] = []
    inner.append(inner)
    with pytest.raises(
        InputError, match=r"shop\.order\.created\.v1: order_id: expected str, got int"
    ):
        emission(OrderCreated(order_id=3, total=Decimal(1)))  # type: ignore[arg-type]  # the fault
    with pytest.raises(InputError, match="cannot be written as JSON"):
        emission(Loop(inner=object()))
    with pytest.raises(TooLargeError, match="nested too deeply"):
        emission(Loop(inner=inner))
    with pytest.raises(TooLargeError, match="more than 5000000"):
        emission(Loop(inner="x" * 5_000_001))


def test_a_field_without_a_json_form_is_refused() -> None:
    class Odd(Event, type="test.odd.made.v1"):
        how: complex

    with pytest.raises(DefinitionError, match="Odd contains complex"):
        decoder(Odd)


def test_an_event_from_outside_begins_a_correlation() -> None:
    out = outgoing(OrderCreated(order_id="A", total=Decimal(1)), id="e-1", source="web", time=5)
    assert (out.topic, out.key) == ("shop.order.v1", "e-1")
    event = out.event
    assert (event.id, event.source, event.type) == ("e-1", "web", "shop.order.created.v1")
    assert (event.time, event.attributes) == (5, {"correlationid": "e-1"})


def test_the_key_is_the_field_that_the_type_names() -> None:
    shipped = OrderShipped(order=UUID(int=7), at=datetime.now(UTC), day=date(2026, 1, 1))
    out = outgoing(shipped, id="e-2", source="web", correlation="flow", causation="e-1")
    assert out.key == "00000000-0000-0000-0000-000000000007"
    assert out.event.attributes == {
        "correlationid": "flow",
        "causationid": "e-1",
        "partitionkey": "00000000-0000-0000-0000-000000000007",
    }
    opened = outgoing(ShopOpened(shop=""), id="e-3", source="web")
    assert opened.key == "e-3"
