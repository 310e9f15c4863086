"""Each known way in which a participant can be wrong is seen in a scene of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.local import Rang
from pavane.errors import ResultTimeoutError
from pavane.participant.participant import Participant
from pavane.participant.roles.item import Item
from pavane.ports.ledger import Entry
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service
from tests.mutants import participants as wrong
from tests.unit.participant.company import Stage, calls, pair, run, stage, two

Scene = Callable[[Stage], Awaitable[None]]


@pytest.fixture(autouse=True)
def quiet() -> Generator[None]:
    """Mutants complain a lot."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def completed(on: Stage, id: str, *expected: str) -> None:
    view = await on.observer.wait(id, 60)
    assert view.status == "COMPLETED"
    assert Counter(calls) == Counter(expected)


async def dies_before_its_commit(on: Stage) -> None:
    """The ledger has no room, and the process dies before it has any."""
    await on.boot("left")
    await on.boot("right")
    on.ledgers["right"].full = True
    id = await on.start()
    await asyncio.sleep(5)
    await on.kill("right")
    await on.boot("right")
    await completed(on, id, "a", "b")


async def dies_between_commit_and_send(on: Stage) -> None:
    await on.boot("left")
    await on.boot("right")
    id = await on.start()
    await asyncio.sleep(0.7)
    await on.kill("left")
    await on.boot("left")
    await completed(on, id, "a", "b")


async def gets_a_token_that_breaks_it(on: Stage) -> None:
    await on.boot("left")
    await on.boot("right", dancer=_Breaks)
    view = await on.observer.wait(await on.start(), 60)
    assert view.status == "COMPENSATED"


class _Breaks(Dancer):
    def on_token(self, message: Any) -> None:
        if message.node == "b":
            raise RuntimeError("a bug in the product")
        super().on_token(message)


async def dies_with_an_attempt_in_its_hands(on: Stage) -> None:
    await on.boot("left")
    await on.boot("right")
    id = await on.start()
    await asyncio.sleep(4.5)
    await on.kill("right")
    on.services["right"] = pair()[1]
    calls.append("a")
    await on.boot("right")
    await completed(on, id, "a", "b")


async def another_process_writes_meanwhile(on: Stage) -> None:
    """What it knows is out of date: a freeze came to another process of the same service."""
    await on.boot("left")
    await on.boot("right")
    id = await on.start()
    await asyncio.sleep(1)
    ledger: Any = on.ledgers["left"]
    loaded = await ledger.load({id: []})
    other = Entry(execution=id, revision=loaded[id].revision, at=on.clock.now())
    assert await ledger.commit([other]) == set()
    await completed(on, id, "a", "b")


SLOW = TaskDefinition(
    name="b",
    retry_count=3,
    retry_delay_seconds=0,
    timeout_seconds=4,
    timeout_policy="RETRY",
)


def stubborn() -> tuple[Service, Service]:
    """B ignores for a while that it was stopped; its second attempt fails for a reason."""
    left, right = pair()

    async def b(ctx: TaskContext) -> int:
        calls.append(f"b{ctx.attempt}")
        if ctx.attempt > 1:
            await asyncio.sleep(3)
            return ctx.attempt
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            await asyncio.sleep(2)
        return ctx.attempt

    right = Service("right")
    right.task(name="b")(b)
    return left, right


async def hears_late_of_an_earlier_attempt(on: Stage) -> None:
    await on.boot("left")
    await on.boot("right")
    id = await on.start()
    await on.observer.wait(id, 60)
    step = next(s for s in on.observer.execution(id).steps if s.ref == "b")
    assert (step.status, step.attempts, bytes(step.output)) == ("COMPLETED", 2, b'{"result":2}')


FLAKY = TaskDefinition(name="b", retry_count=3, retry_delay_seconds=5)


def flaky() -> tuple[Service, Service]:
    left, right = pair()

    async def b(ctx: TaskContext) -> None:
        calls.append(f"b{ctx.attempt}")
        if ctx.attempt == 1:
            raise ConnectionError("not yet")
        await asyncio.sleep(20)

    right = Service("right")
    right.task(name="b")(b)
    return left, right


async def rings_again(on: Stage) -> None:
    """The process dies between the commit of a ring and the end of what it began."""
    await on.boot("left")
    part = await on.boot("right")
    id = await on.start()
    await asyncio.sleep(7)
    todos = await on.ledgers["right"].due(on.clock.now() + 10**9, 10)
    for todo in todos:
        if "retry" in todo.name:
            part._ring(todo)
    part._submit(Item(id, on.score.hash, Rang("retry", "b", ())))
    await on.observer.wait(id, 60)
    assert calls == ["a", "b1", "b2"]


CASES: list[tuple[str, Scene, type[Participant], type[Dancer], Any, Any]] = [
    ("early acknowledge", dies_before_its_commit, wrong.EarlyAcknowledge, Dancer, pair, two),
    ("lost record", dies_between_commit_and_send, wrong.RecordLostOnCrash, Dancer, pair, two),
    ("dead letter", gets_a_token_that_breaks_it, wrong.DeadLetterIgnored, Dancer, pair, two),
    ("lost attempt", dies_with_an_attempt_in_its_hands, wrong.LostIgnored, Dancer, None, two),
    ("version", another_process_writes_meanwhile, wrong.VersionNotChecked, Dancer, None, two),
    (
        "attempt",
        hears_late_of_an_earlier_attempt,
        Participant,
        wrong.AttemptNotFenced,
        stubborn,
        lambda: two(policy=SLOW),
    ),
    (
        "timer",
        rings_again,
        Participant,
        wrong.TimerFiresTwice,
        flaky,
        lambda: two(policy=FLAKY),
    ),
]


def slow_pair() -> tuple[Service, Service]:
    """A and b take a while, so that something can happen meanwhile."""
    left, right = pair()
    calls.clear()
    left, right = Service("left"), Service("right")

    async def a() -> None:
        calls.append("a")
        await asyncio.sleep(3)

    async def un_a() -> None: ...

    async def b() -> None:
        await asyncio.sleep(3)
        calls.append("b")

    left.task(name="a")(a)
    left.task(name="un-a")(un_a)
    right.task(name="b")(b)
    return left, right


def play(scene: Scene, kind: type[Participant], dancer: type[Dancer], made: Any, flow: Any) -> None:
    async def main() -> None:
        async with stage(flow(), *(made or slow_pair)()) as on:
            on.kind, on.dancer = kind, dancer
            await scene(on)

    run(main())


@pytest.mark.parametrize(
    ("name", "scene", "kind", "dancer", "made", "flow"), CASES, ids=[case[0] for case in CASES]
)
def test_a_wrong_participant_is_caught(
    name: str, scene: Scene, kind: Any, dancer: Any, made: Any, flow: Any
):
    del name
    play(scene, Participant, Dancer, made, flow)
    with pytest.raises((AssertionError, ResultTimeoutError)):
        play(scene, kind, dancer, made, flow)
