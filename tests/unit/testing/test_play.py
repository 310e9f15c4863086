"""`pavane.testing.play`: a workflow of the user's, in either style, with scripted results."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from pavane import (
    Event,
    Fail,
    Service,
    gather,
    person,
    publish,
    scope,
    sleep,
    wait_for,
    workflow,
)
from pavane.core.check import read_workflow
from pavane.errors import InputError, UsageError
from pavane.testing import HANG, Faults, Play, after, in_turn, play
from pavane.testing.playing import CALLS_MAX, CRASH_POINTS

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


@pytest.mark.parametrize("style", STYLES)
def test_a_definition_is_played_as_it_stands(style: Literal["orchestrated", "choreographed"]):
    pick = {"name": "pick", "service": "stock", "undo": {"name": "put_back"}}
    pay = {"name": "pay", "service": "bank", "inputParameters": {"n": "${one.output.n}"}}
    tasks = [{**pick, "taskReferenceName": "one"}, {**pay, "taskReferenceName": "two"}]
    read = read_workflow(json.dumps({"name": "w", "tasks": tasks}).encode())
    done = play(read, {"k": 1}, style=style, results={"pick": {"n": 2}, "two": {"paid": 3}})
    assert (done.status, done.output) == ("COMPLETED", {"paid": 3})
    assert done.effects == ["one", "two"]
    failed = play(read, style=style, results={"one": {"n": 2}, "pay": Fail("no")})
    assert (failed.status, failed.effects) == ("COMPENSATED", [])
    assert {step.ref for step in failed.steps} == {"one", "two", "undo:one"}


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


class Paid(Event, type="test.invoice.paid.v1"):
    item: str
    amount: int


class Sent(Event, type="test.parcel.sent.v1"):
    item: str


@workflow
async def lend(item: str) -> str:
    """Somebody agrees, a month passes, the rent is paid."""
    number = await reserve(item)
    answer = await person("agree", to="keeper", deadline="2d", item=item)
    if answer is None:
        return "nobody agreed"
    await sleep("30d")
    paid = await wait_for(
        Paid, where=lambda event: event.item == item and event.amount > 3, timeout="10d"
    )
    if paid is None:
        raise Fail("not paid")
    await publish(Sent(item=item))
    return f"{number}, {answer['by']}, {paid.amount}"


def lent(style: str, **results: object) -> Play:
    return play(lend, {"item": "lute"}, style=style, results={reserve: 7, **results})  # type: ignore[arg-type]  # one of two


@pytest.mark.parametrize("style", STYLES)
def test_people_answer_and_events_come(style: str):
    answers = {"agree": after(86_400, {"by": "anna"}), "wait_for_paid": Paid(item="lute", amount=9)}
    done = lent(style, **answers)
    assert (done.status, done.output) == ("COMPLETED", "7, anna, 9")
    assert {step.ref: step.status for step in done.steps}["publish_sent"] == "COMPLETED"
    assert lent(style, agree=after(3 * 86_400, {"by": "anna"})).output == "nobody agreed"
    refused = lent(style, agree=Fail("not to him"))
    assert (refused.status, refused.reason) == ("COMPENSATED", "agree: not to him")
    assert refused.effects == []
    late = lent(
        style, agree={"by": "anna"}, wait_for_paid=after(11 * 86_400, Paid(item="lute", amount=9))
    )
    assert (late.status, late.reason) == ("COMPENSATED", "not paid")


@pytest.mark.parametrize("style", STYLES)
def test_an_answer_that_does_not_fit_is_an_error(style: str):
    with pytest.raises(UsageError, match="item = 'drum', and the step waits for one with 'lute'"):
        lent(style, agree={"by": "anna"}, wait_for_paid=Paid(item="drum", amount=9))
    with pytest.raises(UsageError, match="`where` does not let pass"):
        lent(style, agree={"by": "anna"}, wait_for_paid=Paid(item="lute", amount=3))
    with pytest.raises(UsageError, match="'agree' is 3"):
        lent(style, agree=3)
    with pytest.raises(UsageError, match=r"no task 'agre' to answer for\. Did you mean 'agree'"):
        lent(style, agre={})


@workflow
async def remind(item: str) -> int:
    """Asks again each day, three times at most."""
    asked = 0
    while asked < 3:
        asked += 1
        answer = await person("agree", deadline="1d", asked=asked)
        if answer is not None:
            break
    return asked


def test_each_time_somebody_is_asked_has_its_own_answer():
    def asked(answer: object) -> object:
        return play(remind, {"item": "lute"}, results={"agree": answer}).output

    assert asked(in_turn(HANG, {"yes": True})) == 2
    assert asked(in_turn({"yes": True})) == 1
    assert asked(HANG) == 3
    assert play(remind, {"item": "lute"}, results={"agree__3": {"yes": True}}).output == 3


@bank.task(retries="forever")
async def ring(item: str) -> int: ...


@workflow
async def insist(item: str) -> int:
    return await ring(item)


@pytest.mark.parametrize("style", STYLES)
def test_what_would_never_end_is_given_up(style: str):
    busy = {ring: ConnectionError("busy")}
    left = play(insist, {"item": "lute"}, style=style, results=busy, limit="1h")  # type: ignore[arg-type]  # one of two
    assert left.status == "RUNNING"
    assert 350 < left.steps[0].attempts < 400  # every 10 s, in the end
    left = play(insist, {"item": "lute"}, style=style, results=busy)  # type: ignore[arg-type]  # one of two
    assert left.status == "RUNNING"
    assert CALLS_MAX <= left.steps[0].attempts < CALLS_MAX + 100
