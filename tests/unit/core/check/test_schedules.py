"""Schedules that can be kept, and those that nobody can."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.schedule import Scheduled
from tests.unit.core.build import task, workflow


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Scheduled("0 9 * * *"), "Its schedule '0 9 * * *' has 5 fields"),
        (Scheduled(), "Its schedule '' is empty"),
        (Scheduled("10m", "Nowhere"), "the time zone 'Nowhere', which is not known here"),
    ],
)
def test_times_that_cannot_be_worked_out(schedule: Scheduled, words: str):
    (found,) = check_workflow(workflow(task("a"), schedule=schedule))
    assert words in found


def test_nobody_looks_at_the_clock():
    danced = workflow(task("a", service="s"), schedule=Scheduled("1h"), style="choreographed")
    assert [each for each in check_workflow(danced) if "nobody looks at the clock" in each]


def test_times_that_can_be_kept():
    for schedule in (Scheduled("0 0 9 * * *", "Europe/Zurich"), Scheduled("1h30m")):
        assert check_workflow(workflow(task("a"), schedule=schedule)) == []
