"""Loops without a conductor: what may fail in a later iteration, and what an iteration knows."""

from __future__ import annotations

from typing import Any

from pavane.core.check.projectable import check
from pavane.core.model.workflow import Step
from tests.unit.core.build import fork, loop, of_type, switch, terminate
from tests.unit.core.check.projectable.dance import bare, dance, does, found, look, pivot, sure

ITEMS = "${workflow.input.items}"


def sets(ref: str, value: Any, name: str = "x") -> Step:
    return of_type("SET_VARIABLE", ref, {name: value})


def test_loops_are_danced():
    assert found(does("a"), loop("l", does("b"), items=ITEMS), does("c")) == []
    again = loop("l", does("b", inputs={"n": "${l.output.iteration}"}), loop_condition="b.output.n")
    assert found(again, does("c", inputs={"n": "${b.output.n}"})) == []
    inner = loop("in", does("c", inputs={"n": "${l.output.loopItem}"}), items="${b.output}")
    assert found(loop("l", does("b"), inner, items=ITEMS)) == []


def test_a_pivot_that_can_fail_runs_once():
    (text,) = found(loop("l", pivot(), items=ITEMS))
    assert text == (
        "Step 'pay': the pivot 'pay' can fail, and it runs again in a later iteration of 'l', when "
        "there is no way back any more; put it behind the loop, or let its task be tried until it "
        'succeeds (`retries="forever"`).'
    )
    forever = pivot(policy={"retriable": True})
    assert found(loop("l", forever, items=ITEMS)) == []
    assert found(loop("l", does("a"), items=ITEMS), pivot()) == []


def test_what_stands_before_a_pivot_stands_behind_the_one_before():
    forever = pivot(policy={"retriable": True})
    (text,) = found(loop("l", does("a"), forever, items=ITEMS))
    assert text.startswith(
        "Step 'a': it can fail, and stands in a later iteration of 'l' than the pivot 'pay', when "
        "there is no way back any more;"
    )
    assert found(loop("l", sure("a"), forever, items=ITEMS)) == []
    in_scope = loop("l", loop("in", forever, items=ITEMS), does("a"), items=ITEMS)
    assert any("behind the pivot 'pay'" in text for text in found(in_scope))


def test_an_effect_may_have_to_be_undone_because_of_a_later_iteration():
    (text,) = found(loop("l", look("may"), bare("acts", policy={"retriable": True}), items=ITEMS))
    assert "it has an effect and no undo" in text
    assert "in a later iteration of 'l' than it 'may' can fail" in text
    assert found(look("may"), loop("l", sure("acts"), items=ITEMS)) == []


def test_a_pivot_in_a_list_that_may_be_empty_is_no_sure_one():
    forever = pivot(policy={"retriable": True})
    effect = bare("acts")
    texts = found(does("a"), loop("l", forever, items=ITEMS), effect)
    assert any(text.startswith("Step 'acts': it can fail") for text in texts)


def test_iterations_know_their_own():
    own = does("a", inputs={"n": "${l.output}"})
    (text,) = found(loop("l", own, items=ITEMS))
    assert text == (
        "Step 'a': inputParameters.n reads what earlier iterations of 'l' gave, inside that loop, "
        "where a role knows its own iteration; hand on in a variable what is needed."
    )
    (text,) = found(loop("l", does("a", inputs={"n": "${l.output.1.a.n}"}), items=ITEMS))
    assert "what earlier iterations of 'l' gave" in text
    for path in ("l.output", "l.output.1.a.n", "l.output.loopItem.n"):
        later = does("b", inputs={"n": f"${{{path}}}"})
        assert found(loop("l", does("a"), items=ITEMS), later) == []
    (text,) = found(loop("l", does("a"), items=ITEMS), does("b", inputs={"n": "${l.input}"}))
    assert "reads l.input, which only a conductor knows; read l.output." in text


def test_a_condition_reads_what_messages_carry():
    def until(condition: str, *body: Step) -> list[str]:
        return found(loop("l", *body, loop_condition=condition))

    chosen = switch("c", "${a.output.n}", x=does("b"))
    assert until("c is None or c.output.selectedCase != 'x'", does("a"), chosen) == []
    (text,) = until("a is not None", does("a"))
    assert "loopCondition reads the whole of 'a', which only a conductor knows" in text
    (text,) = until("a.status == 'COMPLETED'", does("a"))
    assert "reads a.status" in text
    (text,) = until("workflow.status == 'RUNNING'", does("a"))
    assert "reads workflow.status" in text


def test_variables_are_handed_on():
    reads = does("a", inputs={"n": "${workflow.variables.x}"})
    assert found(sets("s", 0), loop("l", reads, sets("t", "${a.output.n}"), items=ITEMS)) == []
    later = does("b", inputs={"n": "${workflow.variables.x}"})
    assert found(loop("l", does("a"), sets("t", "${a.output.n}"), items=ITEMS), later) == []


def test_but_not_out_of_a_branch():
    reads = does("a", inputs={"n": "${workflow.variables.x}"})
    branches = fork("f", [does("b"), sets("t", "${b.output.n}")], [does("c")])
    (text,) = found(loop("l", reads, branches, items=ITEMS))
    assert text == (
        "Step 'a': inputParameters.n reads the variable 'x', which 't' sets in a parallel branch "
        "in the loop 'l', and the next iteration cannot know it: a variable does not come out of a "
        "branch; set it behind the JOIN, or before it is read."
    )
    assert found(loop("l", sets("s", 0), reads, branches, items=ITEMS)) == []
    in_branch = [sets("s", 0), loop("in", reads, sets("t", 1), items=ITEMS)]
    assert found(fork("f", in_branch, [does("c")])) == []
    parted = fork("f", [does("b"), sets("t", 1)], [does("c")])
    (text,) = found(loop("l", parted, loop_condition="workflow.variables.x > 1"))
    assert "loopCondition reads the variable 'x', which 't' sets in a branch of 'f'" in text


def test_an_end_may_stand_in_a_loop():
    ends = switch("c", "${a.output.n}", x=terminate("t", "COMPLETED"))
    assert found(loop("l", does("a"), ends, items=ITEMS), does("b")) == []
    definition = dance(fork("f", [loop("l", does("a"), ends, items=ITEMS)], [does("b")]))
    (text,) = check(definition)
    assert "ends the run well while other branches of 'f' are at work" in text
