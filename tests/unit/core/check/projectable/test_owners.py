"""Every step has an owner, and so has its undo: the same."""

from __future__ import annotations

from pavane.core.check.projectable import check
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import noop, switch, workflow
from tests.unit.core.check.projectable.dance import does, each, found, part


def nobody(ref: str):
    return does(ref, "", undo=False)


def test_a_step_without_an_owner():
    assert found(does("reserve", "inventory"), nobody("charge")) == [
        "Step 'charge': no service owns the task 'charge', so in a choreography nobody would do "
        "it; write `service` on it, such as 'inventory', which does 'reserve'."
    ]
    assert found(nobody("charge"))[0].endswith(
        "write `service` on it, or in the definition of its task."
    )


def test_the_task_of_a_for_each_without_an_owner():
    (text,) = found(does("reserve", "inventory"), each("e", "", undo=False, read_only=True))
    assert text.startswith("Step 'e': no service owns the task 't', so in a choreography nobody")
    (text,) = found(nobody("charge"), each("e", "post", retriable=True, undo=False))
    assert text.endswith("such as 'post', which does 'e'.")


def test_the_owner_of_its_undo_is_suggested():
    step = does("charge", "", undo=Undo(name="refund", service="payment"))
    (text,) = found(does("reserve", "inventory"), step)
    assert text.endswith("write `service`: 'payment', which owns its undo.")


def test_a_step_in_a_case_that_nobody_would_see():
    choice = switch("kind", "${workflow.input.kind}", big=[nobody("charge")])
    (text,) = found(does("reserve", "inventory"), choice)
    assert "the task 'charge' in case 'big' of 'kind'" in text


def test_the_owner_in_the_definition_of_the_task_is_enough():
    tasks = {"charge": TaskDefinition(name="charge", service="payment")}
    by_name = workflow(Step(name="charge", task_reference_name="a"), style="choreographed")
    assert list(check(by_name, tasks)) == []
    assert len(list(check(by_name))) == 1


def test_an_undo_of_another_owner():
    step = does("charge", "payment", undo=Undo(name="refund", service="bank"))
    assert found(step) == [
        "Step 'charge': its undo 'refund' is a task of bank, but what it needs to know stays with "
        "payment, who did the work; offer a task of payment that undoes it."
    ]
    assert found(does("charge", "payment", undo=Undo(name="refund"))) == []


def test_a_dance_without_dancers():
    assert found(noop("n")) == [
        "No service takes part in it, so nobody could play it; add a step that a service does, or "
        "name a `home`."
    ]
    assert found(noop("n"), home="shop") == []
    assert found(part("s", does("a"))) == []
    inner = part("s", noop("n"), style="choreographed")
    assert list(check(workflow(does("a"), inner))) == [
        "In scope 's': No service takes part in it, so nobody could play it; add a step that a "
        "service does, or name a `home`."
    ]
