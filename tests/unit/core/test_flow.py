"""Branches, joins and choices: who begins when, and who waits for whom."""

from __future__ import annotations

import msgspec

from pavane.core.decide.decider import decide
from pavane.core.decide.draft import Rows
from pavane.core.decide.plan import compile_plan
from pavane.core.model.fact import Started
from pavane.core.model.rows import Header
from pavane.core.model.workflow import Workflow, content_hash
from tests.unit.core.build import fork, noop, of_type, switch, task, terminate, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(*steps, **given) -> Execution:
    return World().start(workflow(*steps), **given)


def test_optional_steps_are_passed_over():
    run = start(task("a", optional=True), task("b", inputs={"s": "${a.status}"}))
    run.fail("a")
    assert (run.row("a").status, run.input("b")) == (
        "COMPLETED_WITH_ERRORS",
        {"s": "COMPLETED_WITH_ERRORS"},
    )
    run.complete("b")
    assert run.status == "COMPLETED"


def test_an_optional_step_that_was_interrupted_is_passed_over():
    run = start(task("a", optional=True), task("b"))
    run.report("a", "CANCELED")
    assert (run.row("a").status, run.open) == ("COMPLETED_WITH_ERRORS", {"b"})


def test_an_optional_step_whose_input_cannot_be_evaluated_is_passed_over():
    run = start(
        task("z"), task("a", optional=True, inputs={"x": "${= z.output.k / 0 }"}), task("b")
    )
    run.complete("z", k=1)
    assert (run.row("a").status, run.open) == ("COMPLETED_WITH_ERRORS", {"b"})


def test_an_optional_switch_that_cannot_be_evaluated_is_passed_over_and_back():
    choice = msgspec.structs.replace(
        switch("c", "${= z.output.k / 0 }", x=task("x")), optional=True
    )
    run = start(task("z", undo=True), choice, task("b"))
    run.complete("z", k=1)
    run.fail("b")
    run.complete("undo:z")
    assert run.status == "COMPENSATED"


def test_permissive_steps_let_the_flow_go_on_and_fail_the_run_at_its_end():
    run = start(task("a", permissive=True, undo=True), task("b", undo=True))
    run.fail("a", "bad day")
    assert (run.status, run.open) == ("RUNNING", {"b"})
    run.complete("b")
    assert (run.status, run.header.cause) == ("COMPENSATING", "FAILED")
    assert "bad day" in run.header.reason
    run.complete("undo:b")
    assert run.status == "COMPENSATED"


def test_a_deep_fork_in_a_switch_in_a_fork():
    inner = switch("c", "${workflow.input.k}", fork("g", task("x"), task("y")), none=[])
    run = start(*fork("f", [inner, noop("n")], task("b")), task("z"), k="some")
    assert run.open == {"f-join", "g-join", "x", "y", "b"}
    run.complete("b", "y")
    assert not run.begun("n")
    run.complete("x")
    assert run.open == {"z"}


def test_an_empty_case_in_a_branch():
    inner = switch("c", "none", task("d"), none=[])
    run = start(*fork("f", [inner, noop("n")], task("b")), task("z"))
    run.complete("b")
    assert (run.open, run.begun("d")) == ({"z"}, False)


def test_variables_are_read_where_they_were_set():
    run = World().start(
        workflow(
            of_type("SET_VARIABLE", "v", {"k": "${workflow.input.k}"}),
            task("a", inputs={"k": "${workflow.variables.k}", "all": "${workflow.variables}"}),
            variables={"k": 0, "other": "x"},
        ),
        k=7,
    )
    assert run.input("a") == {"k": 7, "all": {"k": 7, "other": "x"}}


def test_a_join_is_read_as_what_it_joined():
    last = task(
        "z", inputs={"one": "${f-join.output.a.x}", "all": "${f-join.output}", "b": "${b.output.x}"}
    )
    run = start(*fork("f", task("a"), task("b"), task("c")), last)
    run.complete("a", x=1)
    run.complete("b", x=2)
    run.complete("c")
    assert run.input("z") == {"one": 1, "all": {"a": {"x": 1}, "b": {"x": 2}}, "b": 2}


def test_a_computed_value_reads_the_run():
    last = task("z", inputs={"sum": "${= a.output.x + workflow.input.y }"})
    run = start(task("a"), last, y=2)
    run.complete("a", x=3)
    assert run.input("z") == {"sum": 5}


def test_the_template_of_the_workflow_fills_what_the_input_lacks():
    definition = workflow(
        task("a", inputs={"all": "${workflow.input}"}), input_template={"x": 1, "y": 2}
    )
    run = World().start(definition, y=3)
    assert run.input("a") == {"all": {"x": 1, "y": 3}}


def test_a_failure_workflow_is_started():
    deal = workflow(task("d", inputs={"all": "${workflow.input}"}), name="deal")
    world = World(deal)
    run = world.start(workflow(task("a"), failure_workflow="deal"), order=7)
    run.fail("a", "no")
    other = Execution(world, run.output["conductor.failure_workflow"])
    assert other.input("d")["all"] == {
        "order": 7,
        "workflowId": run.id,
        "reason": run.header.reason,
        "failureStatus": "FAILED",
        "failureTaskId": "a",
    }


def test_a_failure_workflow_is_started_once_everything_is_undone():
    world = World(workflow(task("d"), name="deal"))
    run = world.start(workflow(task("a", undo=True), task("b"), failure_workflow="deal"))
    run.complete("a")
    run.fail("b")
    assert len(world.executions) == 1
    run.complete("undo:a")
    assert len(world.executions) == 2


def test_a_terminate_step_that_fails_still_gives_its_output():
    run = start(terminate("t", "FAILED", workflowOutput={"x": 1}))
    assert (run.status, run.output) == ("FAILED", {"x": 1})


def test_one_decision_begins_at_most_a_page_of_branches():
    plan = compile_plan(workflow(*fork("f", *([task(f"b{i:05}")] for i in range(10_000)))), {})
    header = Header(id="x", workflow="w", version=1, definition=plan.hash)
    decision = decide(plan, Rows(header=header), Started(), 5)
    assert len(decision.new_tasks) == 102  # type: ignore[union-attr] a start never needs rows


def test_the_content_hash_leaves_out_what_people_say_about_it():
    one = workflow(task("a"), description="first", owner_email="ada@example.org")
    other = workflow(task("a"), description="second", metadata={"k": 1})
    assert content_hash(one) == content_hash(other)
    renamed = workflow(task("a", inputs={"description": "data"}))
    assert content_hash(one) != content_hash(renamed)


def test_a_definition_travels_as_conductors_json():
    body = msgspec.json.encode(workflow(switch("c", "x", task("d"), x=task("x"))))
    assert b'"taskReferenceName":"c"' in body
    assert b'"decisionCases"' in body
    assert content_hash(msgspec.json.decode(body, type=Workflow)) == content_hash(
        workflow(switch("c", "x", task("d"), x=task("x")))
    )
