"""A failure may leave open whether the work was done, and may ask for a pause before the next."""

from __future__ import annotations

import pytest

from pavane.core.model.fact import Reported
from pavane.core.model.workflow import Undo
from tests.unit.core.build import once, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(retries: int = 0) -> Execution:
    policy = once(retry_count=retries, retry_delay_seconds=2)
    return World().start(workflow(task("a", undo=True, policy=policy), task("b")))


@pytest.mark.parametrize("status", ["FAILED", "FAILED_WITH_TERMINAL_ERROR"])
def test_what_is_perhaps_done_is_undone_without_a_result(status: str):
    run = start()
    run.tell(Reported("a", 0, status, perhaps_done=True))
    assert run.status == "COMPENSATING"
    assert run.open == {"undo:a"}
    run.tell(Reported("undo:a", 0, "COMPLETED"))
    assert (run.status, run.header.cause) == ("COMPENSATED", "FAILED")


@pytest.mark.parametrize("status", ["FAILED", "FAILED_WITH_TERMINAL_ERROR"])
def test_what_is_surely_not_done_is_not(status: str):
    run = start()
    run.tell(Reported("a", 0, status))
    assert run.status == "FAILED"


def test_it_stays_so_whatever_the_next_attempt_comes_to():
    run = start(retries=1)
    run.tell(Reported("a", 0, "FAILED", perhaps_done=True))
    run.world.pass_time(3)
    run.tell(Reported("a", 1, "FAILED_WITH_TERMINAL_ERROR"))
    assert run.status == "COMPENSATING"


def test_an_attempt_that_succeeds_counts_once():
    run = start(retries=1)
    run.tell(Reported("a", 0, "FAILED", perhaps_done=True))
    run.world.pass_time(3)
    run.tell(Reported("a", 1, "COMPLETED"))
    run.tell(Reported("b", 0, "FAILED_WITH_TERMINAL_ERROR"))
    assert run.open == {"undo:a"}
    run.tell(Reported("undo:a", 0, "COMPLETED"))
    assert run.status == "COMPENSATED"


@pytest.mark.parametrize(("asked_s", "waits_ms"), [(0, 2000), (1, 2000), (7.5, 7500)])
def test_the_next_attempt_waits_for_the_longer_of_both(asked_s: float, waits_ms: int):
    run = start(retries=1)
    run.tell(Reported("a", 0, "FAILED", callback_after_s=asked_s))
    row = run.row("a")
    assert (row.attempt, row.visible_at - row.scheduled_at) == (1, waits_ms)


def test_the_next_undo_waits_as_well():
    undo = Undo(name="un-a", task_definition=once(retry_count=1, retry_delay_seconds=2))
    run = World().start(workflow(task("a", undo=undo), task("b")))
    run.tell(Reported("a", 0, "COMPLETED"))
    run.tell(Reported("b", 0, "FAILED_WITH_TERMINAL_ERROR"))
    run.tell(Reported("undo:a", 0, "FAILED", callback_after_s=9))
    row = run.row("undo:a")
    assert (row.attempt, row.visible_at - row.scheduled_at) == (1, 9000)
