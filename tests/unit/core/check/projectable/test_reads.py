"""Expressions read what messages carry, and nothing that only a conductor knows."""

from __future__ import annotations

import pytest

from pavane.core.check.projectable import check
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import workflow
from tests.unit.core.check.projectable.dance import does, found


@pytest.mark.parametrize(
    "text",
    [
        "${a.output}",
        "${a.output.x.y}",
        "${a.input.order}",
        "${workflow.input.order}",
        "${workflow.variables.v}",
        "${workflow.workflowId}",
        "${workflow.workflowType} ${workflow.version} ${workflow.correlationId}",
        "${= a.output.n + workflow.input.m }",
        "plain",
    ],
)
def test_what_every_role_may_read(text: str):
    assert found(does("a"), does("b", inputs={"x": text})) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("${a.status}", "a.status"),
        ("${a.taskId}", "a.taskId"),
        ("${a}", "the whole of 'a'"),
        ("${workflow.status}", "workflow.status"),
        ("${workflow.createTime}", "workflow.createTime"),
        ("${workflow}", "the whole `workflow`"),
        ("${= a.retryCount + 1 }", "a.retryCount"),
    ],
)
def test_what_only_a_conductor_knows(text: str, shown: str):
    (found_text,) = found(does("a"), does("b", inputs={"x": text}))
    assert found_text.startswith(
        f"Step 'b': inputParameters.x reads {shown}, which only a conductor knows; "
    )


def test_the_way_out():
    (text,) = found(does("a"), does("b", inputs={"x": "${a.status}"}))
    assert text.endswith("read a.output.")
    (text,) = found(does("b", inputs={"x": "${workflow.startTime}"}))
    assert "every role knows input, variables, workflowId" in text


def test_a_path_that_is_known_only_at_run_time():
    (text,) = found(does("a"), does("b", inputs={"x": "${a.output.${workflow.input.key}}"}))
    assert text == (
        "Step 'b': inputParameters.x has an expression inside an expression, so nobody knows "
        "before the run what it reads and who must send it; write the path out."
    )


def test_undos_outputs_and_templates_are_looked_at_too():
    undo = Undo(name="u", input_parameters={"x": "${a.status}"})
    (text,) = found(does("a", undo=undo))
    assert text.startswith("Step 'a': undo.inputParameters.x reads a.status")
    (text,) = found(does("a"), output_parameters={"x": "${a.endTime}"})
    assert text.startswith("The workflow's output: outputParameters.x reads a.endTime")
    tasks = {"a": TaskDefinition(service="shop", input_template={"x": "${workflow.status}"})}
    named = workflow(Step(name="a", task_reference_name="a"), style="choreographed")
    (text,) = check(named, tasks)
    assert text.startswith("Step 'a': inputTemplate.x reads workflow.status")
