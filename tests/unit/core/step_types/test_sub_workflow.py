"""SUB_WORKFLOW: a step that is an execution. (The way back across scopes: ../test_scopes.py.)"""

from __future__ import annotations

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import content_hash
from tests.unit.core.build import around, of_type, scope, sub, task, workflow
from tests.unit.core.world import World


def test_the_child_is_there_in_the_decision_that_begins_the_step():
    inner = workflow(task("a"), name="inner")
    run = World().start(workflow(around("s", inner, inputs={"x": 1})))
    child = run.child("s")
    assert (run.row("s").status, child.open) == ("IN_PROGRESS", {"a"})
    assert child.header.definition == content_hash(inner)
    assert child.header.parent_ref == "s#0"
    assert child.value("input") == {"x": 1}


def test_a_version_is_asked_for_by_number():
    inner = workflow(task("a"), name="inner")
    run = World(inner).start(workflow(sub("s", "inner", version=1)))
    run.child("s").complete("a", n=2)
    assert (run.status, run.output) == ("COMPLETED", {"n": 2})


def test_its_child_has_the_same_id_however_often_it_is_decided():
    definition = workflow(scope("s", task("a")))
    ids = {World().start(definition).row("s").child_id for _ in range(3)}
    assert len(ids) == 1


def test_two_scopes_side_by_side_have_ids_of_their_own():
    run = World().start(workflow(scope("s", task("a")), scope("t", task("a"))))
    run.child("s").complete("a")
    assert run.child("s").id != run.child("t").id


def test_it_needs_a_name_or_a_definition():
    kind = STEP_TYPES["SUB_WORKFLOW"]
    assert list(kind.findings(scope("s", task("a")))) == []
    assert list(kind.findings(sub("s", "inner"))) == []
    assert "subWorkflowParam" in next(iter(kind.findings(of_type("SUB_WORKFLOW", "s"))))
