"""`pavane.testing.play`: a workflow of the user's, in either style, with scripted results."""

from __future__ import annotations

import pytest

from pavane import Fail, Service, gather, scope, workflow
from pavane.errors import InputError, UsageError
from pavane.testing import HANG, Faults, Play, after, in_turn, play
from pavane.testing.playing import CRASH_POINTS

STYLES = ("orchestrated", "choreographed")
stock, bank, post = Service("stock"), Service("bank"), Service("post")


@stock.task
async def release(item: str, reserved: int | None) -> None: ...


@stock.task(undo=release, timeout="10s")
async def reserve(item: str) -> int: ...


@bank.task
async def refund(item: str) -> None: ...


@bank.task(undo=refund, retries=2)
async def charge(item: str, number: int) -> str: ...


@post.task
async def recall(item: str) -> None: ...


@post.task(undo=recall)
async def ship(item: str) -> None: ...


@post.task(read_only=True)
async def weigh(item: str) -> int: ...


@workflow
async def sell(item: str) -> str:
    async with scope("picking"):
        number = await reserve(item)
        await weigh(item)
    paid, _ = await gather(charge(item, number), ship(item))
    await weigh(item)
    return paid


GOOD = {reserve: 7, charge: "C-1", weigh: 3}


def played(style: str, results: dict[object, object] | None = None, **more: object) -> Play:
    given = GOOD | (results or {})
    return play(sell, {"item": "lute"}, style=style, results=given, **more)  # type: ignore[arg-type]  # one of two


@pytest.mark.parametrize("style", STYLES)
def test_a_run_that_completes(style: str):
    done = played(style)
    assert (done.status, done.output) == ("COMPLETED", "C-1")
    assert sorted(done.effects) == ["charge", "picking/reserve", "ship"]  # weighing is none
    assert bool(done.messages) == (style == "choreographed")


@pytest.mark.parametrize("style", STYLES)
def test_a_failure_behind_it_all_is_undone(style: str):
    back = played(style, {"weigh_2": Fail("no scales")})
    assert (back.status, back.cause, back.effects) == ("COMPENSATED", "FAILED", [])
    assert {step.ref: step.undo for step in back.steps}["charge"] == "COMPLETED"
    assert "no scales" in back.reason


@pytest.mark.parametrize("style", STYLES)
def test_attempts_in_turn_late_and_never(style: str):
    answers = {charge: in_turn(ConnectionError("busy"), after(3, "C-2")), reserve: after(2, 9)}
    done = played(style, answers)
    assert (done.status, done.output) == ("COMPLETED", "C-2")
    assert {step.ref: step.attempts for step in done.steps}["charge"] == 2
    assert played(style, {reserve: HANG}).cause == "TIMED_OUT"


@pytest.mark.parametrize("style", STYLES)
def test_an_operator_cancels(style: str):
    back = played(style, {ship: after(60)}, faults=Faults(cancel_after_s=5))
    assert (back.cause, back.effects) == ("TERMINATED", [])


@pytest.mark.parametrize("point", CRASH_POINTS)
@pytest.mark.parametrize("service", ["stock", "bank", "post"])
def test_a_crash_changes_nothing(service: str, point: str):
    faults = Faults(crash={service: point}, duplicate=0.3, reorder=0.3, drop=0.1)
    done = played("choreographed", faults=faults, seed=3)
    assert (done.status, done.output) == ("COMPLETED", "C-1")
    assert sorted(done.effects) == ["charge", "picking/reserve", "ship"]


def test_the_same_seed_gives_the_same_run():
    faults = Faults(duplicate=0.5, reorder=0.5, drop=0.3, skew_s={"bank": -3})
    assert played("choreographed", faults=faults) == played("choreographed", faults=faults)


def test_what_is_lacking_or_wrong_is_said():
    with pytest.raises(UsageError, match="charge"):
        play(sell, {"item": "lute"}, results={reserve: 7, weigh: 3})
    with pytest.raises(UsageError, match="nowhere"):
        played("choreographed", faults=Faults(crash={"bank": "nowhere"}))
    with pytest.raises(UsageError, match="neither a task"):
        play(sell, {"item": "lute"}, results={3: 4})
    with pytest.raises(InputError, match="item"):
        play(sell, {}, results=GOOD)


def test_a_result_that_the_task_does_not_promise_is_an_error():
    failed = played("orchestrated", {reserve: "seven"})
    assert (failed.status, failed.cause) == ("FAILED", "FAILED")
    assert "expected int, got str" in failed.reason
