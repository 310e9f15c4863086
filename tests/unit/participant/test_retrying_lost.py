"""What never began has no input: a person's retry works it out anew, or is refused in words."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any, Literal

import pytest
from msgspec import structs

from pavane.core.model.journal import StepNote
from pavane.core.model.workflow import Workflow
from pavane.core.projection import message as m
from pavane.core.projection.choreography import Node
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import StepRow
from pavane.errors import ConflictError, Fail
from pavane.observer.steps import newest
from pavane.participant.participant import Participant
from pavane.ports.bus import Delivery
from pavane.sdk.client import Client
from pavane.sdk.service import Service
from tests.unit.core.build import task, workflow
from tests.unit.participant.company import Stage, run, stage

TOLD = "not settled, because the output of a never came. Redrive its message"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


class Torn(Participant):
    """Gets the token of b with data that cannot be read, as from a broker that tore it."""

    def _hear(self, delivery: Delivery, *more: Any, **others: Any) -> None:
        event = delivery.event
        kind, node = event.attributes.get("prockind"), event.attributes.get("procstep")
        if (kind, node) == (m.TOKEN, "b") and not more:
            delivery = structs.replace(delivery, event=structs.replace(event, data=b"\xff"))
        super()._hear(delivery, *more, **others)


class Blind(Dancer):
    """Calls with the input that the row has, and it has none: what was so once."""

    def _try_again(self, node: Node, at: At, row: StepRow) -> None:
        again = row.attempt + 1
        self.attempt(node, at, structs.replace(row, attempt=again, round=again))
        self.settled(node, at)


class Stumbles(Dancer):
    """Breaks at the token of b, as long as nobody has mended it."""

    mended = False

    def on_token(self, message: Message) -> None:
        if message.node == "b" and not self.mended:
            raise RuntimeError("a bug")
        super().on_token(message)


given: list[Any] = []


def company() -> tuple[Service, Service]:
    """`left` does the pivot a, `right` does `first` and b."""
    given.clear()
    left, right = Service("left"), Service("right")

    @left.task(name="a")
    async def a() -> dict[str, int]:
        return {"x": 7}

    @right.task(name="first")
    async def first(x: int) -> dict[str, int]:
        return {"x": x + 1}

    @right.task(name="b")
    async def b(x: int | None = None) -> dict[str, object]:
        given.append(x)
        return {"given": x}

    del a, first, b
    return left, right


def flow(reads: str) -> Workflow:
    """`first`, then the pivot, then b, whose input reads this."""
    return workflow(
        task("first", service="right", inputs={"x": "${workflow.input.x}"}),
        task("a", service="left", pivot=True),
        task("b", service="right", inputs={"x": reads}),
        style="choreographed",
    )


async def started(on: Stage) -> tuple[Client, str]:
    id = await on.requests.start(on.score.name, b'{"x":1}', key="k")
    await asyncio.sleep(1)
    return Client.among(on.requests, on.observer, random.Random(1)), id


async def lost(on: Stage) -> tuple[Client, str]:
    """An execution behind its pivot, the token of b given up."""
    await on.boot("left")
    on.kind = Torn
    right = await on.boot("right")
    client, id = await started(on)
    (torn,) = await on.ledgers["right"].aside("quarantined")
    await right.discard(torn.id, "torn")
    await asyncio.sleep(1)
    view = on.observer.execution(id)
    assert (view.status, [each.ref for each in view.attention]) == ("NEEDS_ATTENTION", ["b"])
    return client, id


def newest_of(on: Stage, id: str) -> StepNote:
    """What was told last of b."""
    told = newest(on.observer.picture.instances[id])
    return next(each.note for ref, each in told if ref == "b")


@pytest.mark.parametrize("dancer", [Dancer, Blind])
def test_a_retry_of_what_never_came_is_refused_and_nothing_is_called(dancer: type[Dancer]):
    async def scene() -> None:
        async with stage(flow("${a.output.x}"), *company()) as on:
            on.dancer = dancer
            client, id = await lost(on)
            run = client.execution(id)
            if dancer is Blind:
                await run.resolve("b", "retry")
                await asyncio.sleep(1)
                assert "not JSON" in newest_of(on, id).reason  # it was called, with nothing at all
                return
            for _ in range(2):  # the second time as well
                with pytest.raises(ConflictError, match="the output of a never came") as refusal:
                    await run.resolve("b", "retry")
                assert "Redrive its message" in refusal.value.remedy
                assert "`done` or `abandon`" in refusal.value.remedy
            view = on.observer.execution(id)
            assert (view.status, given) == ("NEEDS_ATTENTION", [])
            assert view.attention[0].reason.startswith(TOLD)
            # The way out in the words of the refusal.
            await run.resolve("b", "done", {"given": 7})
            await asyncio.sleep(1)
            view = on.observer.execution(id)
            assert (view.status, bytes(view.output), given) == ("COMPLETED", b'{"given":7}', [])

    run(scene())


@pytest.mark.parametrize("reads", ["${first.output.x}", "${workflow.input.x}"])
def test_a_retry_works_out_the_input_where_all_that_it_reads_is_at_hand(reads: str):
    async def scene() -> None:
        async with stage(flow(reads), *company()) as on:
            client, id = await lost(on)
            await client.execution(id).resolve("b", "retry")
            await asyncio.sleep(1)
            view = on.observer.execution(id)
            assert view.status == "COMPLETED"
            assert given == [2 if "first" in reads else 1]
            step = newest_of(on, id)
            assert (step.attempt, step.status) == (1, "COMPLETED")

    run(scene())


def test_a_token_that_died_brings_its_data_when_it_is_redriven():
    """Its failure was declared when it died, so it begins nothing by itself; a retry does."""

    async def scene() -> None:
        async with stage(flow("${a.output.x}"), *company()) as on:
            await on.boot("left")
            on.dancer = Stumbles
            right = await on.boot("right")
            client, id = await started(on)
            run = client.execution(id)
            with pytest.raises(ConflictError, match="the output of a never came"):
                await run.resolve("b", "retry")
            (dead,) = await on.ledgers["right"].aside("dead")
            Stumbles.mended = True
            try:
                await right.redrive(dead.id)
                await asyncio.sleep(1)
                assert (on.observer.execution(id).status, given) == ("NEEDS_ATTENTION", [])
                await run.resolve("b", "retry")
                await asyncio.sleep(1)
                assert on.observer.execution(id).status == "COMPLETED"
                assert given == [7]
            finally:
                Stumbles.mended = False

    run(scene())


def test_an_input_that_cannot_be_worked_out_is_not_tried_with_nothing():
    async def scene() -> None:
        async with stage(flow("${= 1 / (first.output.x - 2)}"), *company()) as on:
            await on.boot("left")
            await on.boot("right")
            client, id = await started(on)
            assert on.observer.execution(id).status == "NEEDS_ATTENTION"
            with pytest.raises(ConflictError, match="not settled, because") as refusal:
                await client.execution(id).resolve("b", "retry")
            assert refusal.value.remedy == "Settle it with `done` or `abandon`."
            assert given == []

    run(scene())


@pytest.mark.parametrize("action", ["retry", "done"])
def test_what_perhaps_happened_behind_the_pivot_is_settled(action: Literal["retry", "done"]):
    """Its process died at it, and then it failed: nobody knows, but a person who says so."""

    async def scene() -> None:
        left, right = company()
        tries: list[int] = []

        @right.task(name="last")
        async def last() -> dict[str, int]:
            tries.append(1)
            if len(tries) == 1:
                await asyncio.sleep(10_000)
            if len(tries) == 2:
                raise Fail("out of paper")
            return {"n": 1}

        del last
        ends = task("last", service="right")
        whole = workflow(task("a", service="left", pivot=True), ends, style="choreographed")
        async with stage(whole, left, right) as on:
            await on.boot("left")
            await on.boot("right")
            client, id = await started(on)
            await on.kill("right")
            await on.boot("right")
            await asyncio.sleep(100)
            assert (on.observer.execution(id).status, len(tries)) == ("NEEDS_ATTENTION", 2)
            await client.execution(id).resolve("last", action, {"n": 2})
            await asyncio.sleep(1)
            view = on.observer.execution(id)
            assert view.status == "COMPLETED"
            assert bytes(view.output) == (b'{"n":1}' if action == "retry" else b'{"n":2}')

    run(scene())
