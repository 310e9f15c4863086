"""What becomes of a call of a handler, whatever its function does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from pavane.errors import Fail, UsageError
from pavane.ports.handlers import Facts, Handled
from pavane.sdk.event import outgoing
from pavane.sdk.handlers import ServiceHandlers
from pavane.sdk.handling import EventContext, publish
from pavane.sdk.service import Service
from pavane.testing.simulation.loop import run
from tests.unit.sdk.events import (
    Changed,
    Elsewhere,
    Ordered,
    Paid,
    Told,
    call,
    ended,
    facts,
)


def test_what_is_published_comes_before_what_is_returned() -> None:
    shop = Service("shop")

    @shop.on(Ordered, emits=[Told])
    async def pay(event: Ordered) -> list[Paid | None]:
        publish(Told())
        return [Paid(order=event.order), None]

    handled = run(call(shop))
    assert [(out.topic, out.key, out.event.type) for out in handled.emitted] == [
        ("shop.mail.v1", "", "shop.mail.sent.v1"),
        ("shop.payment.v1", "A", "shop.payment.processed.v1"),
    ]
    assert all((out.event.id, out.event.source) == ("", "") for out in handled.emitted)


def test_publish_works_in_threads_and_child_tasks() -> None:
    shop = Service("shop")

    @shop.on(Ordered, emits=[Told])
    def in_thread(ctx: EventContext, event: Ordered) -> Paid:
        publish(Told())
        own = threading.Thread(target=ctx.publish, args=[Told()])
        own.start()
        own.join()
        return Paid(order="thread")

    @shop.on(Changed, emits=[Told])
    async def in_tasks(event: Changed) -> None:
        async def tell() -> None:
            publish(Told())

        async with asyncio.TaskGroup() as group:
            group.create_task(tell())
        await asyncio.to_thread(publish, Told())

    threads: list[int] = []

    @shop.on(Told)
    def where(event: Told) -> None:
        threads.append(threading.get_ident())

    for event, count in ((Ordered(order="A"), 3), (Changed(order="A"), 2), (Told(), 0)):
        handled = asyncio.run(call(shop, event))
        assert (handled.ending, len(handled.emitted)) == ("done", count)
    assert threads != [threading.get_ident()]


def test_publish_outside_of_a_handler_says_what_to_use() -> None:
    with pytest.raises(UsageError, match=r"outside of any event handler.*Client.publish or a bus"):
        publish(Told())
    with pytest.raises(UsageError, match="outside of any event handler"):
        EventContext.outside("shop", "pay").publish(Told())


def test_what_was_left_behind_publishes_nothing() -> None:
    shop = Service("shop")
    late: list[BaseException] = []
    tasks: list[asyncio.Task[None]] = []

    async def tell() -> None:
        await asyncio.sleep(1)
        try:
            publish(Told())
        except UsageError as error:
            late.append(error)

    @shop.on(Ordered, emits=[Told])
    async def hurry(event: Ordered) -> None:
        tasks.append(asyncio.create_task(tell()))

    async def main() -> Handled:
        handled = await call(shop)
        await asyncio.wait(tasks)
        return handled

    assert run(main()) == Handled("done")
    assert "hurry has ended" in str(late[0])


def _undeclared(mode: Any) -> Service:
    shop = Service("shop")

    @shop.on(Ordered, undeclared=mode)
    async def pay(event: Ordered) -> Paid:
        with contextlib.suppress(UsageError):  # who swallows it does not get away with it
            publish(Told())
        return Paid(order="A")

    return shop


def test_what_is_not_declared_is_denied() -> None:
    ending, emitted, reason = ended(_undeclared("deny"))
    assert (ending, emitted) == ("final", [])
    assert reason == (
        "pay emitted shop.mail.sent.v1, which it does not declare. "
        "Name it in its return annotation, or in emits=[…]."
    )


def test_what_is_not_declared_is_noted_where_that_is_enough() -> None:
    ending, emitted, reason = ended(_undeclared("warn"))
    assert (ending, emitted) == ("done", ["shop.mail.sent.v1", "shop.payment.processed.v1"])
    assert reason == "pay emitted shop.mail.sent.v1, which it does not declare."


def broken(how: str) -> Service:
    shop = Service("shop")

    @shop.on(Ordered, timeout="2s", emits=[Told])
    async def pay(event: Ordered) -> Paid | None:
        publish(Told())
        match how:
            case "fail":
                raise Fail("card declined", "Use another.")
            case "exit":
                raise SystemExit(3)
            case "cancel":
                raise asyncio.CancelledError
            case "hang":
                await asyncio.Event().wait()
            case "cling":
                loop = asyncio.get_running_loop()
                while loop.time() < 50:
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(10)
            case "text":
                return "paid"  # type: ignore[return-value]  # the fault under test
            case "wrong":
                return Paid(order=3)  # type: ignore[arg-type]  # the fault under test
            case _:
                raise ValueError("out of paper")
        return None

    return shop


@pytest.mark.parametrize(
    ("how", "ending", "reason"),
    [
        ("fail", "final", "card declined Use another."),
        ("exit", "failed", "SystemExit: 3"),
        ("cancel", "failed", "the handler cancelled itself"),
        ("hang", "failed", "TimeoutError: no end after 2 s"),
        ("cling", "failed", "TimeoutError: no end after 2 s"),
        ("text", "final", "pay emitted a str, which is no event. Emit instances of Event types"),
        ("wrong", "final", "shop.payment.processed.v1: order: expected str, got int."),
        ("raise", "failed", "ValueError: out of paper"),
    ],
)
def test_a_failure_emits_nothing_and_is_never_raised(how: str, ending: str, reason: str) -> None:
    assert ended(broken(how))[:2] == (ending, [])
    assert ended(broken(how))[2].startswith(reason)


def test_data_that_does_not_fit_is_quarantined() -> None:
    shop = Service("shop")

    @shop.on(Elsewhere)
    async def pay(event: Elsewhere) -> None:
        raise AssertionError("called")

    async def main() -> Handled:
        handlers = ServiceHandlers(shop)
        (listener,) = handlers.listening("shop.order.created.v1")
        odd = outgoing(Ordered(order="A"), id="m", source="test").event
        bad = type(odd)(id="m", source="test", type=odd.type, data=b'{"order":[]}')
        return await handlers.call(listener, Facts(bad, "m", "", "m/pay"))

    handled = run(main())
    assert (handled.ending, handled.emitted) == ("quarantined", [])
    assert handled.reason == "shop.order.created.v1: order: expected str, got array."


def test_a_cancellation_from_outside_is_passed_on_when_the_function_has_ended() -> None:
    shop = Service("shop")
    ends: list[str] = []

    @shop.on(Ordered)
    async def wait(event: Ordered) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")

    async def main() -> None:
        calling = asyncio.create_task(call(shop))
        await asyncio.sleep(1)
        calling.cancel()
        await calling

    with pytest.raises(asyncio.CancelledError):
        run(main())
    assert ends == ["ended"]


def test_ctrl_c_ends_the_program() -> None:
    shop = Service("shop")

    @shop.on(Ordered)
    async def press(event: Ordered) -> None:
        raise KeyboardInterrupt

    @shop.on(Changed)
    def press_in_thread(event: Changed) -> None:
        raise KeyboardInterrupt

    for event in (Ordered(order="A"), Changed(order="A")):
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(call(shop, event))


def test_a_sync_function_that_hangs_times_out_in_its_thread() -> None:
    shop = Service("shop")
    release = threading.Event()

    @shop.on(Ordered, timeout=0.05)
    def hang(event: Ordered) -> None:
        release.wait(30)

    began = time.monotonic()
    handled = asyncio.run(call(shop))
    release.set()
    assert (handled.ending, handled.reason) == ("failed", "TimeoutError: no end after 0.05 s")
    assert time.monotonic() - began < 5


def test_the_context_tells_what_the_message_is() -> None:
    shop = Service("shop")
    seen: list[EventContext] = []

    @shop.on(Ordered)
    async def look(ctx: EventContext, event: Ordered) -> None:
        seen.append(ctx)

    async def main() -> None:
        handlers = ServiceHandlers(shop)
        (listener,) = handlers.listening("shop.order.created.v1")
        at = 1_767_225_600_000
        await handlers.call(listener, facts(Ordered(order="A"), attempt=3, deadline_at=at))

    run(main())
    (ctx,) = seen
    assert (ctx.service, ctx.handler, ctx.attempt) == ("shop", "look", 3)
    assert (ctx.message_id, ctx.correlation_id, ctx.causation_id) == ("m-1", "flow", "m-0")
    assert ctx.idempotency_key == "m-1/handler"
    assert ctx.deadline == datetime(2026, 1, 1, tzinfo=UTC)
