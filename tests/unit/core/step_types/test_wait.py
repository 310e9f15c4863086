"""WAIT: for a time, until a time, or for somebody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.decide.step_types.wait import duration_ms, until_at
from pavane.core.model.task_definition import TaskDefinition
from tests.unit.core.build import of_type, once, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(inputs: dict[str, Any], policy: TaskDefinition | None = None, **given: Any) -> Execution:
    return World().start(
        workflow(of_type("WAIT", "w", inputs, task_definition=policy), task("z")), **given
    )


def test_a_duration_begins_when_the_step_does():
    run = start({"duration": "${workflow.input.how_long}"}, how_long="1 minutes 30 seconds")
    assert run.row("w").status == "IN_PROGRESS"
    run.world.pass_time(89.9)
    assert run.open == {"w"}
    run.world.pass_time(0.1)
    assert (run.row("w").status, run.open) == ("COMPLETED", {"z"})


def test_until_a_time():
    run = start({"until": "2023-11-14 22:14"})  # the world begins at 22:13:20
    run.world.pass_time(39)
    assert run.open == {"w"}
    run.world.pass_time(1)
    assert run.open == {"z"}


def test_a_time_in_the_past_fires_at_once():
    run = start({"until": "2001-01-01"})
    run.world.pass_time(0)
    assert run.open == {"z"}


def test_without_a_time_it_waits_for_somebody():
    run = start({})
    assert run.world.alarms() == []
    run.world.pass_time(86_400)
    assert run.open == {"w"}
    run.signal("w", approved=True)
    assert (run.open, run.row("w").output) == ({"z"}, b'{"approved":true}')


def test_somebody_may_end_a_timed_wait_early():
    run = start({"duration": "1 d"})
    run.signal("w")
    assert run.open == {"z"}
    assert run.world.alarms() == []


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"duration": "${workflow.input.x}", "until": "${workflow.input.x}"}, "both"),
        ({"duration": "${workflow.input.x}"}, "soon"),
        ({"until": "${workflow.input.x}"}, "soon"),
    ],
)
def test_what_cannot_be_read_fails_for_good(inputs: dict[str, Any], word: str):
    run = start(inputs, x="soon")
    assert (run.status, run.row("w").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert word in run.header.reason


def test_a_wait_for_somebody_may_take_too_long():
    run = start({}, once(timeout_seconds=60))
    run.world.pass_time(60)
    assert (run.row("w").status, run.status) == ("TIMED_OUT", "TIMED_OUT")


def test_a_timeout_that_is_only_noted_does_not_end_the_wait():
    run = start({"duration": "90s"}, once(timeout_seconds=60, timeout_policy="ALERT_ONLY"))
    run.world.pass_time(60)
    assert (run.logged("timeout"), run.open) == (["w"], {"w"})
    run.world.pass_time(30)
    assert run.open == {"z"}


def test_a_wait_is_never_tried_again_by_policy():
    run = start({}, once(timeout_seconds=60, timeout_policy="RETRY", retry_count=3))
    run.world.pass_time(60)
    assert (run.attempts("w"), run.status) == (["TIMED_OUT"], "TIMED_OUT")


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2 days 4 hours", 187_200_000),
        ("1d 1h 1m 1s", 90_061_000),
        ("30 mins", 1_800_000),
        ("1.5s", 1_500),
        ("0 seconds", 0),
        (" 10 HRS ", 36_000_000),
    ],
)
def test_durations(text: str, ms: int):
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "soon", "5", "1s 2m", "-1s", "PT5S", "99999999999 days"])
def test_texts_that_are_no_duration(text: str):
    with pytest.raises(ValueError, match=r"duration|hundred"):
        duration_ms(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-12-24", "2026-12-24T00:00+00:00"),
        ("2026-12-24 18:00", "2026-12-24T18:00+00:00"),
        ("2026-12-24 18:00 GMT", "2026-12-24T18:00+00:00"),
        ("2026-12-24 18:00:30+02:00", "2026-12-24T18:00:30+02:00"),
        ("2026-12-24T18:00Z", "2026-12-24T18:00+00:00"),
        ("2026-12-24 18:00 GMT-0530", "2026-12-24T18:00-05:30"),
    ],
)
def test_times(text: str, at: str):
    assert until_at(text) == datetime.fromisoformat(at).astimezone(UTC).timestamp() * 1000


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-13-01", "2026-12-24 25:00", "2026-12-24 18:00 XYZ"]
)
def test_texts_that_are_no_time(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ, the kind is what counts
        until_at(text)


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"duration": "1s", "until": "2026-12-24"}, "both"),
        ({"duration": "soon"}, "duration"),
        ({"until": "soon"}, "until"),
        ({"event": "order.paid", "match": {"id": 1}}, "version"),
    ],
)
def test_findings(inputs: dict[str, Any], word: str):
    found = list(STEP_TYPES["WAIT"].findings(of_type("WAIT", "w", inputs)))
    assert len(found) == 1
    assert word in found[0]


@pytest.mark.parametrize("inputs", [{}, {"duration": "5s"}, {"duration": "${workflow.input.d}"}])
def test_no_findings(inputs: dict[str, Any]):
    assert list(STEP_TYPES["WAIT"].findings(of_type("WAIT", "w", inputs))) == []
