"""SET_VARIABLE: each input becomes a variable of the execution."""

from __future__ import annotations

from tests.unit.core.build import of_type, task, workflow
from tests.unit.core.world import World


def test_variables_begin_as_the_definition_says_and_change():
    setting = of_type("SET_VARIABLE", "v", {"n": "${= workflow.variables.n + 1 }", "s": [1]})
    run = World().start(
        workflow(
            setting,
            task("a", inputs={"n": "${workflow.variables.n}", "s": "${workflow.variables.s}"}),
            variables={"n": 1},
        )
    )
    assert run.input("a") == {"n": 2, "s": [1]}
    assert (run.value("var:n"), run.value("var:s")) == (2, [1])


def test_each_variable_is_a_row_of_its_own():
    run = World().start(workflow(of_type("SET_VARIABLE", "v", {"a": 1, "b": 2}), task("z")))
    assert (run.value("var:a"), run.value("var:b"), run.row("v").output) == (1, 2, b"{}")


def test_a_variable_that_was_never_set_reads_as_null():
    run = World().start(workflow(task("a", inputs={"x": "${workflow.variables.x}"})))
    assert run.input("a") == {"x": None}
