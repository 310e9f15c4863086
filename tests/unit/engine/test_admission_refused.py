"""Executions that run at once: one more is refused, whoever starts it; and steps that wait."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pavane.core.model.schedule import Beat, Schedule
from pavane.core.model.workflow import Step
from pavane.errors import AlreadyExistsError, LimitReachedError
from tests.unit.engine.admitting import (
    GIVEN,
    at_once,
    at_work,
    begun,
    ends,
    how_many,
    limited,
    play,
    start,
    view,
)


def starts(name: str, **more: Any) -> Step:
    request = {"name": name, "input": GIVEN, **more}
    return Step(
        name="start",
        task_reference_name="start",
        type="START_WORKFLOW",
        input_parameters={"startWorkflow": request},
    )


# --- reject -------------------------------------------------------------------------------------


def test_one_too_many_is_refused_and_leaves_nothing() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            answers = await asyncio.gather(
                *(start(engine, "reject", n, key=f"k{n}") for n in range(5)),
                return_exceptions=True,
            )
            refused = [each for each in answers if isinstance(each, LimitReachedError)]
            assert len(refused) == 3 and await how_many(engine, "reject") == 2
            assert refused[0].message == "2 of reject run already, and no more may at once."
            ids = [each for each in answers if isinstance(each, str)]
            assert await start(engine, "reject", 0, key="k0") == ids[0], "that one is there"
            with pytest.raises(AlreadyExistsError):
                await start(engine, "reject", 0, key="k0", if_exists="fail")
            assert await ends(engine, *ids) == ["COMPLETED"] * 2
            again = await start(engine, "reject", 4, key="k4")
            assert again not in ids, "its key was not used"
            assert await ends(engine, again) == ["COMPLETED"]

    play(scene)
    assert max(at_once) == 2


def test_a_key_changes_hands_only_with_a_place() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            old = await start(engine, "reject", 0, key="k")
            await ends(engine, old)
            others = [await start(engine, "reject", n) for n in range(2)]
            with pytest.raises(LimitReachedError):
                await start(engine, "reject", 9, key="k", if_exists="fail_if_running")
            assert await start(engine, "reject", 9, key="k") == old, "it has its key still"
            await ends(engine, *others)
            new = await start(engine, "reject", 9, key="k", if_exists="fail_if_running")
            assert new != old and await ends(engine, new) == ["COMPLETED"]

    play(scene)
    assert max(at_once) == 2


def test_a_retry_is_refused_where_there_is_no_place() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            failed = await start(engine, "reject", "fails")
            await ends(engine, failed)
            others = [await start(engine, "reject", n) for n in range(2)]
            with pytest.raises(LimitReachedError):
                await engine.retry(failed)
            assert (await view(engine, failed)).status == "FAILED"
            await ends(engine, *others)
            await engine.retry(failed)
            assert (await view(engine, failed)).status == "RUNNING"

    play(scene)


# --- started by others --------------------------------------------------------------------------


def sub(name: str) -> Step:
    param = msgspec.json.decode(
        b'{"name":"sub","taskReferenceName":"sub","type":"SUB_WORKFLOW",'
        b'"subWorkflowParam":{"name":"%s"}}' % name.encode(),
        type=Step,
    )
    return msgspec.structs.replace(param, input_parameters=GIVEN)


def test_a_sub_workflow_waits_and_its_step_with_it() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            await engine.register([limited("outer", None, sub("keyed"))])
            ids = [await start(engine, "outer", n) for n in range(3)]
            step = (await view(engine, ids[2])).steps[0]
            assert step.status == "IN_PROGRESS"
            assert (await view(engine, step.child_id)).waits
            assert await ends(engine, *ids) == ["COMPLETED"] * 3

    play(scene)
    assert begun == [(n, n) for n in range(3)]


def test_a_sub_workflow_that_is_refused_fails_its_step() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            await engine.register([limited("outer", None, sub("reject"))])
            ids = [await start(engine, "outer", n) for n in range(3)]
            assert await ends(engine, *ids) == ["COMPLETED", "COMPLETED", "FAILED"]
            assert "2 of reject run already" in (await view(engine, ids[2])).reason
            assert await how_many(engine, "reject") == 2

    play(scene)


@pytest.mark.parametrize("strategy", ["", "RETURN_EXISTING", "FAIL_ON_RUNNING"])
def test_a_step_that_starts_a_workflow_fails_where_it_is_refused(strategy: str) -> None:
    more = {"idempotencyKey": "k-${workflow.input.n}", "idempotencyStrategy": strategy}

    async def scene() -> None:
        async with at_work() as engine:
            starting = limited("starting", None, starts("reject", **(more if strategy else {})))
            await engine.register([starting])
            if strategy == "FAIL_ON_RUNNING":  # the keys were used, and are to change hands
                used = [await start(engine, "starting", n) for n in range(2)]
                await ends(engine, *used)
                await asyncio.sleep(2)
            ids = await asyncio.gather(*(start(engine, "starting", n) for n in range(3)))
            told = await ends(engine, *ids)
            assert sorted(told) == ["COMPLETED", "COMPLETED", "FAILED"]
            refused = await view(engine, ids[told.index("FAILED")])
            assert "2 of reject run already" in refused.reason
            await asyncio.sleep(2)
            before = 2 if strategy == "FAIL_ON_RUNNING" else 0
            assert await how_many(engine, "reject") == 2 + before

    play(scene)
    assert max(at_once) == 2


def test_a_step_finds_nobody_whose_start_was_refused() -> None:
    """In one batch, a start with a key is refused, and a step starts with that key."""

    async def scene() -> None:
        async with at_work() as engine:
            starting = limited("starting", None, starts("reject", idempotencyKey="same"))
            await engine.register([starting])
            others = [await start(engine, "reject", n) for n in range(2)]
            tried = await asyncio.gather(
                start(engine, "starting", 7),
                *(start(engine, "reject", 8, key="same") for _ in range(3)),
                return_exceptions=True,
            )
            assert [type(each) for each in tried[1:]] == [LimitReachedError] * 3
            assert isinstance(tried[0], str)
            assert await ends(engine, tried[0]) == ["FAILED"]
            await ends(engine, *others)
            assert await how_many(engine, "reject") == 2

    play(scene)


def test_a_schedule_that_is_refused_says_so_and_goes_on() -> None:
    async def scene() -> None:
        async with at_work() as engine:
            beats = (Beat("1s"),)
            await engine.schedules.put(Schedule(name="often", workflow="reject", beats=beats))
            await asyncio.sleep(0.5)
            others = [await start(engine, "reject", n) for n in range(2)]
            await asyncio.sleep(0.6)
            found = engine.schedules.find("often")
            assert "2 of reject run already" in found.last_error and not found.last_id
            await ends(engine, *others)
            await asyncio.sleep(1)
            found = engine.schedules.find("often")
            assert found.last_id and not found.last_error

    play(scene)


def test_a_failure_workflow_that_is_refused_leaves_the_failure_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        async with at_work() as engine:
            await engine.register([limited("failing", None, failure_workflow="reject")])
            others = [await start(engine, "reject", n) for n in range(2)]
            await asyncio.sleep(0.5)
            failed = await start(engine, "failing", "fails")
            await ends(engine, *others)
            others = [await start(engine, "reject", n) for n in range(2)]
            assert await ends(engine, failed) == ["FAILED"]
            assert await how_many(engine, "reject") == 4

    play(scene)
    assert "is not started: 2 of reject run already" in caplog.text
