"""A report counts only from the worker that has the attempt, where the worker says who it is."""

import pytest

from pavane.core.model.fact import Heartbeat, Reported, Returned
from pavane.core.model.work import NAMELESS
from tests.unit.core.build import task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


@pytest.fixture
def run() -> Execution:
    """A task that went back to its queue from `first`, and that `second` has now."""
    run = World().start(workflow(task("a")))
    run.take("a", "first")
    assert run.tell(Returned("a", 0))
    assert run.take("a", "second")
    return run


@pytest.mark.parametrize("outcome", ["COMPLETED", "FAILED", "IN_PROGRESS", "CANCELED"])
def test_an_earlier_holder_changes_nothing(run: Execution, outcome: str):
    revision = run.header.revision
    assert not run.tell(Reported("a", 0, outcome, worker="first"))
    assert (run.row("a").status, run.row("a").worker) == ("IN_PROGRESS", "second")
    assert run.header.revision == revision
    assert run.tell(Reported("a", 0, "COMPLETED", worker="second"))
    assert run.status == "COMPLETED"


def test_an_earlier_holder_does_not_keep_the_lease_alive(run: Execution):
    assert not run.tell(Heartbeat("a", 0, "first"))
    assert run.tell(Heartbeat("a", 0, "second"))


def test_who_does_not_say_its_name_is_believed(run: Execution):
    assert run.tell(Heartbeat("a", 0))
    assert run.tell(Reported("a", 0, "COMPLETED"))
    assert run.status == "COMPLETED"


def test_for_a_nameless_holder_anybody_may_report():
    run = World().start(workflow(task("a")))
    run.take("a", NAMELESS)
    assert run.tell(Reported("a", 0, "COMPLETED", worker="somebody"))
    assert run.status == "COMPLETED"


def test_where_nobody_has_it_the_one_that_had_it_may_still_bring_its_result():
    run = World().start(workflow(task("a")))
    run.take("a", "first")
    assert run.tell(Reported("a", 0, "IN_PROGRESS", callback_after_s=60, worker="first"))
    assert not run.tell(Reported("a", 0, "IN_PROGRESS", worker="first")), "said twice"
    assert run.tell(Reported("a", 0, "COMPLETED", worker="somebody told by first"))
    assert run.status == "COMPLETED"
