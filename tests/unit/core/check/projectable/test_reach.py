"""Guards and inputs read what lies in their past, and not in a branch beside them."""

from __future__ import annotations

from typing import Any

from pavane.core.model.workflow import Undo
from tests.unit.core.build import fork, noop, of_type, switch
from tests.unit.core.check.projectable.dance import does, found


def sets(ref: str, **values: Any):
    return of_type("SET_VARIABLE", ref, values)


def test_a_guard_on_a_parallel_branch():
    guarded = [switch("c", "${a.output.x}", yes=does("b")), noop("n")]
    assert found(fork("f", does("a"), guarded)) == [
        "Step 'c': its guard (inputParameters.on) reads 'a', in a parallel branch, which may or "
        "may not have run by then; read it behind the JOIN, or put the two one behind the other."
    ]
    assert found(fork("f", [does("a"), *guarded], does("d"))) == []
    assert found(fork("f", does("a"), does("d")), *guarded) == []


def test_an_input_on_a_parallel_branch():
    (text,) = found(fork("f", does("a"), does("b", inputs={"x": "${a.output.x}"})))
    assert text.startswith("Step 'b': inputParameters.x reads 'a', in a parallel branch")


def test_a_step_in_another_case_is_no_matter_of_ours():
    choice = switch("c", "${workflow.input.x}", one=does("a"), two=does("b"))
    assert found(choice, does("d", inputs={"x": "${a.output.x}"})) == []


def test_a_join_read_too_early():
    (text,) = found(fork("f", does("a", inputs={"x": "${f-join.output}"}), does("b")))
    assert "reads 'f-join' before all of its branches have come together" in text
    assert found(fork("f", does("a"), does("b")), does("c", inputs={"x": "${f-join.output}"})) == []


def test_a_variable_of_a_parallel_branch():
    reader = does("b", inputs={"x": "${workflow.variables.v}"})
    (text,) = found(fork("f", [sets("s", v=1), does("a")], reader))
    assert text.startswith("Step 'b': inputParameters.x reads the variable 'v', which 's' sets in")
    assert "in a parallel branch, perhaps before and perhaps after" in text
    assert found(sets("s", v=1), fork("f", does("a"), reader)) == []
    assert found(fork("f", [sets("s", w=1), does("a")], reader)) == []


def test_a_variable_does_not_come_out_of_a_branch():
    branch = [sets("s", v=1), does("a")]
    (text,) = found(fork("f", branch, does("b")), does("c", inputs={"x": "${workflow.variables}"}))
    assert "reads the variable 'v', which 's' sets in a branch of 'f', and a variable does" in text
    texts = found(fork("f", branch, does("b")), output_parameters={"x": "${workflow.variables.v}"})
    assert len(texts) == 1
    assert texts[0].startswith("The workflow's output: outputParameters.x reads the variable 'v'")
    inside = [sets("s", v=1), does("a", inputs={"x": "${workflow.variables.v}"})]
    assert found(fork("f", inside, does("b"))) == []
    later = fork("f", branch, does("b"))
    assert found(does("c", inputs={"x": "${workflow.variables.v}"}), later) == []


def test_an_undo_that_reads_the_future():
    undo = Undo(name="u", input_parameters={"x": "${a.output.x}", "y": "${b.output.x}"})
    (text,) = found(does("a", undo=undo), does("b"))
    assert text.startswith("Step 'a': undo.inputParameters.y reads 'b', which runs later")
