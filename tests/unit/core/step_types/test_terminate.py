"""TERMINATE: end the run here, well or badly."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.step_types import STEP_TYPES
from tests.unit.core.build import fork, of_type, scope, task, terminate, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(*steps: Any, **given: Any) -> Execution:
    return World().start(workflow(*steps), **given)


def test_it_completes_the_run_with_its_own_output():
    step = terminate("t", "COMPLETED", workflowOutput={"x": "${a.output.x}"})
    run = World().start(workflow(task("a"), step, task("z"), output_parameters={"x": "unused"}))
    run.complete("a", x=5)
    assert (run.status, run.output, run.begun("z")) == ("COMPLETED", {"x": 5}, False)


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_it_ends_the_run_badly(status: str):
    run = start(terminate("t", status, terminationReason="because"), task("z"))
    assert (run.status, run.header.cause, run.header.reason) == (status, status, "because")
    assert not run.begun("z")


def test_without_a_reason_it_says_which_step_it_was():
    run = start(terminate("t", "FAILED"))
    assert run.header.reason == f"Workflow is FAILED by TERMINATE task: {run.row('t').id}"


def test_an_output_that_is_no_object_is_wrapped():
    run = start(terminate("t", "COMPLETED", workflowOutput=[1, 2]))
    assert run.output == {"output": [1, 2]}


def test_in_a_branch_it_cancels_the_others():
    run = start(*fork("f", [task("a"), terminate("t", "COMPLETED")], task("b")), task("z"))
    run.take("b")
    run.complete("a")
    assert (run.status, run.row("b").status, run.row("f-join").status) == (
        "COMPLETED",
        "CANCELED",
        "CANCELED",
    )
    assert run.world.interrupted == [(run.id, "b", "w")]
    assert run.ready() == []


def test_it_stops_children_and_has_them_undone():
    run = start(*fork("f", [task("a"), terminate("t", "COMPLETED")], scope("s", task("x"))))
    child = run.child("s")
    run.complete("a")
    assert (run.status, child.status) == ("COMPLETED", "TERMINATED")


def test_its_status_may_be_computed():
    step = terminate("t", "${workflow.input.status}")
    assert start(step, status="TERMINATED").status == "TERMINATED"
    run = start(step, status="HAPPY")
    assert (run.status, run.row("t").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "HAPPY" in run.header.reason


def test_findings():
    kind = STEP_TYPES["TERMINATE"]
    assert list(kind.findings(terminate("t", "COMPLETED"))) == []
    assert list(kind.findings(terminate("t", "${workflow.input.status}"))) == []
    assert "terminationStatus" in next(iter(kind.findings(of_type("TERMINATE", "t"))))
    optional = of_type("TERMINATE", "t", {"terminationStatus": "FAILED"}, optional=True)
    assert "optional" in next(iter(kind.findings(optional)))
