"""Handlers: what their annotations and options say, and how they are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pytest

from pavane.errors import DefinitionError
from pavane.sdk.event import Event
from pavane.sdk.handlers import ServiceHandlers
from pavane.sdk.handling import EventContext
from pavane.sdk.service import Service
from pavane.testing.simulation.loop import run
from tests.unit.sdk.events import (
    Changed,
    Declined,
    Elsewhere,
    Ordered,
    Paid,
    Told,
)


def test_the_annotations_say_what_it_takes_and_emits() -> None:
    shop = Service("shop")

    @shop.on(Ordered)
    async def one(event: Ordered) -> Paid | Declined: ...

    @shop.on
    def union(ctx: EventContext, event: Ordered | Changed) -> list[Paid | Declined] | None: ...

    @shop.on(Ordered, Changed, emits=[Told])
    async def several(event: Event) -> tuple[Paid, ...]: ...

    @shop.on(retries=0, name="other", ordered=False)
    async def named(event: Changed) -> Annotated[Sequence[Paid], "seldom"]: ...

    @shop.on(Changed)
    def silent(event, ignored=3): ...

    readings = [handler.reading for handler in shop.handlers]
    assert [set(reading.takes.values()) for reading in readings] == [
        {Ordered},
        {Ordered, Changed},
        {Ordered, Changed},
        {Changed},
        {Changed},
    ]
    assert [reading.emits for reading in readings] == [
        {Paid, Declined},
        {Paid, Declined},
        {Paid, Told},
        {Paid},
        set(),
    ]
    assert [reading.wants_context for reading in readings] == [False, True, False, False, False]
    assert [reading.is_async for reading in readings] == [True, False, True, True, False]

    handlers = ServiceHandlers(shop)
    assert handlers.topics == ("shop.order.v1",)
    listening = handlers.listening("shop.order.changed.v1")
    assert [listener.name for listener in listening] == ["union", "several", "other", "silent"]
    assert [listener.ordered for listener in listening] == [True, True, False, True]
    assert handlers.listening("shop.payment.processed.v1") == ()
    assert handlers.find("other") is listening[2]
    assert handlers.find("named") is None
    assert repr(one) == "<handler shop.one>"


def test_the_policy_is_that_of_tasks() -> None:
    shop = Service("shop")

    @shop.on(Ordered)
    async def plain(event: Ordered) -> None: ...

    @shop.on(Ordered, retries="forever", retry_delay="1s", retry_logic="fixed", timeout="2s")
    async def stubborn(event: Ordered) -> None: ...

    first, second = (handler.listener.policy for handler in shop.handlers)
    assert (first.retry_count, first.logic) == (3, "EXPONENTIAL_BACKOFF")
    assert (first.delay_ms, first.delay_max_ms, first.timeout_ms) == (200, 10_000, 0)
    assert (second.retry_count, second.delay_ms, second.timeout_ms) == (2**31 - 1, 1000, 2000)


def refused(define: Any, text: str) -> None:
    shop = Service("shop")

    def whole() -> None:
        define(shop)
        ServiceHandlers(shop)

    with pytest.raises(DefinitionError, match=text) as refusal:
        whole()
    if refusal.value.findings:
        assert len(refusal.value.findings) == 1


def _returns_text(shop: Service) -> None:
    async def reply(event: Ordered) -> str: ...

    shop.on(Ordered)(reply)  # type: ignore[type-var]  # the fault under test


def _takes_text(shop: Service) -> None:
    async def listen(event: str) -> None: ...

    shop.on(listen)  # type: ignore[type-var]  # the fault under test


def _takes_two(shop: Service) -> None:
    async def listen(event: Ordered, other: Changed) -> None: ...

    shop.on(Ordered)(listen)  # type: ignore[type-var]  # the fault under test


def _disagrees(shop: Service) -> None:
    async def listen(event: Changed) -> None: ...

    shop.on(Ordered)(listen)  # type: ignore[type-var]  # the fault under test


def _says_nothing(shop: Service) -> None:
    @shop.on
    def listen(event): ...


def _generates(shop: Service) -> None:
    async def listen(event: Ordered) -> Any:
        yield Paid(order="A")

    shop.on(Ordered)(listen)


def _has_no_version(shop: Service) -> None:
    @shop.on
    async def listen(event: Event) -> None: ...


def _twice(shop: Service) -> None:
    @shop.on(Ordered, name="same")
    async def first(event: Ordered) -> None: ...

    @shop.on(Changed, name="same")
    async def second(event: Changed) -> None: ...


def _two_classes(shop: Service) -> None:
    @shop.on(Ordered)
    async def first(event: Ordered) -> None: ...

    @shop.on(Elsewhere)
    async def second(event: Elsewhere) -> None: ...


def _negative(shop: Service) -> None:
    @shop.on(Ordered, retries=-1)
    async def listen(event: Ordered) -> None: ...


def _not_a_mode(shop: Service) -> None:
    @shop.on(Ordered, undeclared="ignore")  # type: ignore[call-overload]  # the fault under test
    async def listen(event: Ordered) -> None: ...


@pytest.mark.parametrize(
    ("define", "text"),
    [
        (_returns_text, r"reply \(test_handler.py:\d+\) returns str, which is no event"),
        (_takes_text, r"listen \(.*\) takes str, which is no event"),
        (_takes_two, r"takes \(.*other.*\), which a message cannot fill"),
        (_disagrees, "is called with Ordered, but is annotated to take Changed"),
        (_says_nothing, "does not say which events it takes"),
        (_generates, "is a generator"),
        (_has_no_version, "Event is abstract"),
        (_twice, "has the name of first"),
        (_two_classes, "have the same type 'shop.order.created.v1'"),
        (_negative, r"listen \(.*\): retries=-1 is negative"),
        (_not_a_mode, "undeclared='ignore' is not known"),
    ],
)
def test_what_cannot_be_a_handler_is_refused_in_words(define: Any, text: str) -> None:
    refused(define, text)


def test_an_unknown_option_is_refused() -> None:
    shop = Service("shop")
    with pytest.raises(TypeError, match="retires"):

        @shop.on(Ordered, retires=3)  # type: ignore[call-overload]  # the fault under test
        async def listen(event: Ordered) -> None: ...


def test_all_findings_come_at_once() -> None:
    shop = Service("shop")
    _returns_text(shop)
    _disagrees(shop)
    with pytest.raises(DefinitionError, match=r"2 finding\(s\) in the handlers of shop") as refusal:
        ServiceHandlers(shop)
    assert len(refusal.value.findings) == 2


def test_a_handler_is_still_a_function() -> None:
    shop = Service("shop")

    @shop.on(Ordered)
    def pay(ctx: EventContext, event: Ordered) -> Paid:
        """Take the money."""
        assert (ctx.message_id, ctx.handler, ctx.attempt, ctx.deadline) == ("", "pay", 1, None)
        return Paid(order=event.order)

    assert run(pay(Ordered(order="A"))) == Paid(order="A")
    assert (pay.name, pay.__doc__) == ("pay", "Take the money.")
