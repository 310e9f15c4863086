"""One role, durably: what is set aside, what survives a crash, what trouble does not lose."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.message import Message
from pavane.errors import Fail, NotFoundError
from pavane.ports.bus import role_topic
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service
from tests.unit.participant.company import (
    calls,
    each_b,
    forget_definitions,
    pair,
    run,
    stage,
    two,
)


def test_a_token_of_an_unknown_definition_is_parked_and_taken_up_when_it_is_known():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            right = await on.boot("right", choreographies=[])
            id = await on.start()
            await asyncio.sleep(1)
            assert calls == ["a"]
            (parked,) = await on.ledgers["right"].aside("parked")
            assert parked.execution == id
            assert "is unknown here" in parked.reason
            (held,) = on.observer.frontier(id)
            assert (held.role, held.step) == ("right", "b")
            assert "its token is parked: definition" in held.why
            await right.register([on.score])
            view = await on.observer.wait(id, 5)
            assert view.status == "COMPLETED"
            assert calls == ["a", "b"]
            assert await on.ledgers["right"].aside() == []

    run(scene())


def test_the_token_of_an_item_of_an_unknown_definition_is_told_without_a_step():
    """Its name for people stands in the definition."""

    async def scene() -> None:
        async with stage(each_b(), *pair()) as on:
            await on.boot("left")
            right = await on.boot("right", choreographies=[])
            id = await on.start()
            await asyncio.sleep(1)
            steps = {step.ref for step in on.observer.execution(id).steps}
            assert steps == {"a", "each", "each-join"}
            held = [each for each in on.observer.frontier(id) if each.role == "right"]
            assert [each.step for each in held] == ["", ""]
            assert all("pavane.token.v1 is parked: definition" in each.why for each in held)
            await right.register([on.score])
            view = await on.observer.wait(id, 5)
            assert view.status == "COMPLETED"
            steps = {step.ref for step in on.observer.execution(id).steps}
            assert steps == {"a", "each", "each-join", "_b_0", "_b_1"}
            assert calls == ["a", "b", "b"]
            assert on.observer.frontier(id) == []

    run(scene())


def test_what_cannot_be_read_is_quarantined_with_its_bytes():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("right")
            odd = CloudEvent("id-1", "somewhere", "odd", data=b"\xff\x00")
            await on.bus.publish([Outgoing(role_topic("right"), "", odd)])
            await asyncio.sleep(1)
            (kept,) = await on.ledgers["right"].aside("quarantined")
            assert (kept.id, kept.event) == ("id-1", odd)
            assert "has no attribute 'procname'" in kept.reason
            assert on.bus.counters.done == on.bus.counters.deliveries == 2, (
                "acknowledged, as its note"
            )
            with pytest.raises(NotFoundError, match="no message 'id-2'"):
                await on.parts["right"].redrive("id-2")

    run(scene())


class Breaks(Dancer):
    """Cannot take in a token for b."""

    def on_token(self, message: Message) -> None:
        if message.node == "b":
            raise RuntimeError("a bug in the product")
        super().on_token(message)


def test_a_token_that_cannot_be_taken_in_is_dead_and_that_is_its_steps_failure():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            await on.boot("right", dancer=Breaks)
            id = await on.start()
            view = await on.observer.wait(id, 5)
            assert view.status == "COMPENSATED"
            assert view.failed_ref == "b"
            assert calls == ["a", "un-a"]
            (dead,) = await on.ledgers["right"].aside("dead")
            assert dead.reason == "RuntimeError: a bug in the product"
            # Redriven after its failure was declared, it changes nothing any more.
            await on.kill("right")
            right = await on.boot("right")
            await right.redrive(dead.id)
            await asyncio.sleep(1)
            assert calls == ["a", "un-a"]
            assert await on.ledgers["right"].aside() == []

    run(scene())


def test_an_attempt_that_was_in_the_hands_of_a_dead_process_is_made_again():
    async def scene() -> None:
        left, right = pair()
        attempts: list[int] = []
        keys: set[str] = set()

        async def slow(ctx: TaskContext) -> None:
            attempts.append(ctx.attempt)
            keys.add(ctx.idempotency_key)
            await asyncio.sleep(10 if len(attempts) == 1 else 0)

        right.task(name="slow")(slow)
        async with stage(two(name="slow"), left, right) as on:
            await on.boot("left")
            await on.boot("right")
            id = await on.start()
            await asyncio.sleep(1)
            await on.kill("right")
            await on.boot("right")
            view = await on.observer.wait(id, 5)
            assert view.status == "COMPLETED"
            assert attempts == [1, 1], "the same attempt, with the same key"
            assert len(keys) == 1

    run(scene())


def test_a_ledger_without_room_loses_nothing():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            on.ledgers["right"].full = True
            id = await on.start()
            await asyncio.sleep(30)
            assert calls == ["a"]
            assert on.observer.execution(id).status == "RUNNING"
            on.ledgers["right"].full = False
            assert (await on.observer.wait(id, 30)).status == "COMPLETED"
            assert calls == ["a", "b"]

    run(scene())


def test_a_bus_that_is_down_for_a_while_loses_nothing():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            id = await on.start()
            on.bus.down = True
            await asyncio.sleep(60)
            on.bus.down = False
            assert (await on.observer.wait(id, 60)).status == "COMPLETED"
            assert calls == ["a", "b"]

    run(scene())


def test_the_same_start_and_doubled_messages_change_nothing():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            await on.boot("left")
            await on.boot("right")
            assert len({await on.start(), await on.start(), await on.start()}) == 1
            id = await on.start()
            await on.observer.wait(id, 5)
            records = await on.ledgers["left"].log_after(0, 100)
            again = [each.out for each in records if each.out.topic.startswith("_pavane.role")]
            await on.bus.publish(again * 3)
            await asyncio.sleep(5)
            assert calls == ["a", "b"]
            assert on.observer.execution(id).status == "COMPLETED"

    run(scene())


def beating(beat_s: float) -> tuple[Workflow, Service, Service]:
    left, right = pair()

    async def long(ctx: TaskContext) -> None:
        for _ in range(10):
            await asyncio.sleep(beat_s)
            await ctx.heartbeat()

    right.task(name="long")(long)
    policy = TaskDefinition(name="long", retry_count=0, response_timeout_seconds=4)
    return two(name="long", policy=policy), left, right


@pytest.mark.parametrize(("beat_s", "status"), [(3, "COMPLETED"), (5, "COMPENSATED")])
def test_signs_of_life_keep_an_attempt_alive(beat_s: float, status: str):
    async def scene() -> None:
        definition, left, right = beating(beat_s)
        async with stage(definition, left, right) as on:
            await on.boot("left")
            await on.boot("right")
            view = await on.observer.wait(await on.start(), 300)
            assert view.status == status
            if status == "COMPENSATED":
                assert (view.cause, view.reason) == ("TIMED_OUT", "b: response timeout")

    run(scene())


def test_an_attempt_that_nobody_has_taken_yet_is_not_perhaps_done():
    """The service is busy when the order is cancelled: there is nothing to undo in it."""

    async def scene() -> None:
        left, right = pair()
        undone: list[str] = []

        async def busy() -> None:
            await asyncio.sleep(100)

        async def un_busy() -> None:
            undone.append("busy")

        one = Service("right", concurrency=1)
        one.task(name="busy")(busy)
        one.task(name="un-b")(un_busy)
        del right
        async with stage(two(name="busy", undo=True), left, one) as on:
            await on.boot("left")
            await on.boot("right")
            first = await on.start("1")
            await asyncio.sleep(1)
            second = await on.start("2")
            await asyncio.sleep(1)
            await on.requests.stop(on.score.name, second, "changed my mind")
            view = await on.observer.wait(second, 5)
            assert (view.status, view.cause) == ("COMPENSATED", "TERMINATED")
            assert calls == ["a", "a", "un-a"]
            assert undone == []
            await on.requests.stop(on.score.name, first)
            await on.observer.wait(first, 50)
            assert undone == ["busy"], "this one had begun"

    run(scene())


def test_what_is_left_of_a_definition_that_is_gone_waits_for_it():
    """A ledger from before definitions were kept: its timers do no harm, and are not lost."""

    async def scene() -> None:
        left, right = pair()

        async def flaky(ctx: TaskContext) -> None:
            if ctx.attempt < 3:
                raise ConnectionError("not yet")

        right.task(name="flaky")(flaky)
        policy = TaskDefinition(name="flaky", retry_count=3, retry_delay_seconds=60)
        async with stage(two(name="flaky", policy=policy), left, right) as on:
            await on.boot("left")
            await on.boot("right")
            id = await on.start()
            await asyncio.sleep(10)
            await on.kill("right")
            await forget_definitions(on.ledgers["right"])
            part = await on.boot("right", choreographies=[])
            await asyncio.sleep(200)
            assert on.observer.execution(id).status == "RUNNING"
            await part.register([on.score])
            assert (await on.observer.wait(id, 200)).status == "COMPLETED"

    run(scene())


def test_a_task_that_fails_for_good_is_not_tried_again():
    async def scene() -> None:
        left, right = pair()

        async def no() -> None:
            calls.append("no")
            raise Fail("never")

        right.task(name="no")(no)
        policy = TaskDefinition(name="no", retry_count=3)
        async with stage(two(name="no", policy=policy), left, right) as on:
            await on.boot("left")
            await on.boot("right")
            view = await on.observer.wait(await on.start(), 5)
            assert (view.status, view.reason) == ("COMPENSATED", "b: never")
            assert calls == ["a", "no", "un-a"]

    run(scene())


def timed(take_s: float, **policy: Any) -> tuple[Workflow, Service, Service]:
    """B takes its time and then fails, or works."""
    left, right = pair()

    async def long(ctx: TaskContext) -> None:
        calls.append(f"b{ctx.attempt}")
        if not take_s:
            raise ConnectionError("no")
        for _ in range(int(take_s)):  # its own deadline is the worker's matter; this is the role's
            await asyncio.sleep(1)

    right.task(name="long")(long)
    told = TaskDefinition(name="long", **policy)
    return two(name="long", policy=told), left, right


def test_time_that_is_up_for_all_attempts_together():
    async def scene() -> None:
        definition, left, right = timed(
            0, retry_count=9, retry_delay_seconds=10, total_timeout_seconds=25
        )
        async with stage(definition, left, right) as on:
            await on.boot("left")
            await on.boot("right")
            began = on.clock.now()
            view = await on.observer.wait(await on.start(), 300)
            assert (view.status, view.cause) == ("COMPENSATED", "TIMED_OUT")
            assert view.reason == "b: total timeout"
            assert calls == ["a", "b1", "b2", "b3", "un-a"]
            assert 25_000 <= on.clock.now() - began < 26_000, "not at the next attempt's time"

    run(scene())


def test_a_limit_that_is_only_noted_ends_nothing():
    async def scene() -> None:
        definition, left, right = timed(
            5, retry_count=0, total_timeout_seconds=2, timeout_policy="ALERT_ONLY"
        )
        async with stage(definition, left, right) as on:
            await on.boot("left")
            await on.boot("right")
            assert (await on.observer.wait(await on.start(), 300)).status == "COMPLETED"
            assert calls == ["a", "b1"]

    run(scene())
