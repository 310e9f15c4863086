"""HUMAN: waits for a person, and knows what happens when nobody answers."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.decide.step_types.human import PEOPLE
from pavane.core.model.fact import Signalled
from pavane.core.model.task_definition import TaskDefinition
from tests.unit.core.build import of_type, once, switch, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(
    inputs: dict[str, Any] | None = None,
    policy: TaskDefinition | None = None,
    given: dict[str, Any] | None = None,
    **fields: Any,
) -> Execution:
    human = of_type("HUMAN", "h", inputs or {}, task_definition=policy, **fields)
    return World().start(workflow(human, task("z", inputs={"by": "${h.output.by}"})), **given or {})


def test_it_waits_for_as_long_as_it_takes():
    run = start({"to": "finance"})
    assert (run.row("h").status, run.world.alarms()) == ("IN_PROGRESS", [])
    assert run.ready_row("h").queue == PEOPLE
    run.world.pass_time(90 * 86_400)
    assert run.open == {"h"}


def test_the_answer_is_the_output():
    run = start({"deadline": "2 days"})
    run.signal("h", by="anna")
    assert (run.row("h").status, run.open, run.input("z")) == ("COMPLETED", {"z"}, {"by": "anna"})
    assert run.world.alarms() == []


def test_a_refusal_ends_the_run_and_says_why():
    run = start()
    run.tell(Signalled("h", "FAILED", b"{}", "too expensive"))
    assert (run.row("h").status, run.status) == ("FAILED", "FAILED")
    assert run.header.reason == "h: too expensive"


def test_a_refusal_of_what_may_be_missing():
    run = start(optional=True)
    run.signal("h", "FAILED")
    assert (run.row("h").status, run.open) == ("COMPLETED_WITH_ERRORS", {"z"})
    assert run.row("h").reason == "failed by a signal"


def test_nobody_answers_and_the_step_fails():
    run = start({"deadline": "${workflow.input.days} days"}, given={"days": 2})
    run.world.pass_time(2 * 86_400 - 1)
    assert run.open == {"h"}
    run.world.pass_time(1)
    assert (run.row("h").status, run.status) == ("TIMED_OUT", "TIMED_OUT")
    assert run.header.reason == "h: nobody answered before the deadline"


def test_nobody_answers_and_the_flow_goes_on_with_null():
    ways = switch("c", "${h.output}", task("answered"), null=task("nobody"))
    human = of_type("HUMAN", "h", {"deadline": "2 days", "onDeadline": "continue"})
    run = World().start(workflow(human, ways))
    run.world.pass_time(2 * 86_400)
    assert (run.row("h").status, run.open) == ("COMPLETED", {"nobody"})

    run = World().start(workflow(human, ways))
    run.signal("h")
    assert run.open == {"answered"}, "an empty answer is an answer"


def test_a_run_that_ends_without_an_answer_has_an_output_all_the_same():
    run = World().start(
        workflow(of_type("HUMAN", "h", {"deadline": "1s", "onDeadline": "continue"}))
    )
    run.world.pass_time(1)
    assert (run.status, run.output) == ("COMPLETED", {})


def test_an_answer_that_comes_too_late_is_refused():
    run = start({"deadline": "1s", "onDeadline": "continue"})
    run.world.pass_time(1)
    with pytest.raises(Exception, match="waits for no signal"):
        run.signal("h", by="anna")


def test_a_deadline_that_cannot_be_read_fails_for_good():
    run = start({"deadline": "${workflow.input.when}"}, given={"when": "soon"})
    assert (run.row("h").status, run.status) == ("FAILED_WITH_TERMINAL_ERROR", "FAILED")
    assert "its deadline: 'soon'" in run.header.reason


def test_a_deadline_while_the_run_is_paused():
    run = start({"deadline": "5s", "onDeadline": "continue"})
    run.pause()
    run.world.pass_time(5)
    assert (run.row("h").status, run.marks) == ("COMPLETED", {"h": "held"})
    run.resume()
    assert run.open == {"z"}


def test_the_timeout_of_its_task_definition_holds_as_well():
    run = start({"deadline": "2 days"}, once(timeout_seconds=60))
    run.world.pass_time(60)
    assert (run.row("h").status, run.status) == ("TIMED_OUT", "TIMED_OUT")


def test_a_person_asked_anew_after_a_retry():
    run = start({"deadline": "5s"})
    run.world.pass_time(5)
    run.retry()
    assert run.attempts("h") == ["TIMED_OUT", "IN_PROGRESS"]
    run.signal("h", by="anna")
    assert run.open == {"z"}


def test_what_a_person_did_can_be_undone():
    human = task("h", undo=True)
    human = of_type("HUMAN", "h", undo=human.undo)
    run = World().start(workflow(human, task("z")))
    run.signal("h")
    run.fail("z")
    run.complete("undo:h")
    assert (run.status, run.undone) == ("COMPENSATED", ["h"])


def test_it_is_stopped_with_its_run():
    run = start({"deadline": "2 days"})
    run.terminate("changed our minds")
    assert (run.row("h").status, run.status) == ("CANCELED", "TERMINATED")
    assert not [ready for ready in run.ready() if ready.queue]


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"deadline": "soon"}, "unreadable `deadline`"),
        ({"deadline": 5}, "unreadable `deadline`"),
        ({"onDeadline": "continue"}, "no `deadline`"),
        ({"deadline": "1d", "onDeadline": "give up"}, "use `fail` or `continue`"),
        ({"to": ""}, "names nobody"),
        ({"to": []}, "names nobody"),
        ({"to": ["anna", 3]}, "names nobody"),
    ],
)
def test_findings(inputs: dict[str, Any], word: str):
    (found,) = STEP_TYPES["HUMAN"].findings(of_type("HUMAN", "h", inputs))
    assert word in found


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"to": "anna", "deadline": "2 days"},
        {"to": ["anna", "${workflow.input.boss}"]},
        {"deadline": "${workflow.input.d}", "onDeadline": "continue"},
    ],
)
def test_no_findings(inputs: dict[str, Any]):
    assert list(STEP_TYPES["HUMAN"].findings(of_type("HUMAN", "h", inputs))) == []
