"""HTTP: a task of that name, with the retries of its own definition."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.fact import Reported
from pavane.core.model.task_definition import TaskDefinition
from tests.unit.core.build import of_type, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World

REQUEST = {"http_request": {"uri": "https://example.org/", "method": "GET"}}


def start(inputs: dict[str, Any] | None = None, **fields: Any) -> Execution:
    step = of_type("HTTP", "ask", inputs or REQUEST, **fields)
    definition = TaskDefinition(retry_count=0, retry_delay_seconds=1)
    return World(tasks={"ask": definition}).start(workflow(step, task("b")))


def test_it_waits_in_the_queue_of_its_type():
    run = start()
    row = run.row("ask")
    assert (row.type, row.name, row.status) == ("SIMPLE", "HTTP", "SCHEDULED")
    run.tell(Reported("ask", 0, "COMPLETED", b'{"response":{"statusCode":200}}'))
    assert run.open == {"b"}


def test_it_is_tried_again_only_as_often_as_it_says():
    run = start(retry_count=1)
    run.tell(Reported("ask", 0, "FAILED"))
    assert (run.row("ask").attempt, run.row("ask").name) == (1, "HTTP")
    run.tell(Reported("ask", 1, "FAILED"))
    assert run.status == "FAILED"
    again = start()
    again.tell(Reported("ask", 0, "FAILED"))
    assert again.status == "FAILED"


def test_that_somebody_else_completes_it_is_told_with_the_input():
    import msgspec

    told = msgspec.json.decode(start(async_complete=True).row("ask").input)
    assert told == {"asyncComplete": True, **REQUEST}
    assert msgspec.json.decode(start().row("ask").input) == REQUEST


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({}, "needs a `uri`"),
        ({"http_request": {"method": "GET"}}, "needs a `uri`"),
        ({"http_request": {"uri": "http://x"}}, "needs a `method`"),
        ({"http_request": 3}, "needs an object in `http_request`"),
        ({"uri": "http://x"}, "needs a `method`"),
    ],
)
def test_a_request_that_cannot_be_is_refused(inputs: dict[str, Any], why: str):
    assert why in " ".join(check_workflow(workflow(of_type("HTTP", "ask", inputs))))


@pytest.mark.parametrize(
    "inputs", [REQUEST, {"uri": "http://x", "method": "GET"}, {"http_request": "${workflow.input}"}]
)
def test_these_are_fine(inputs: dict[str, Any]):
    assert check_workflow(workflow(of_type("HTTP", "ask", inputs))) == []
