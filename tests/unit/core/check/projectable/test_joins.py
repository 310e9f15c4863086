"""A join waits for each of its branches to its end."""

from __future__ import annotations

from tests.unit.core.build import fork, noop, switch
from tests.unit.core.check.projectable.dance import does, found
from tests.unit.core.step_types.test_decision import decision


def test_a_join_that_leaves_a_branch_behind():
    assert found(fork("f", does("a"), does("b"), join_on=["a"])) == [
        "Step 'f-join': it does not wait for 'b', so the flow would go on while that branch of 'f' "
        "is at work; add 'b' to `joinOn`."
    ]
    assert len(found(fork("f", does("a"), does("b"), join_on=[]))) == 2


def test_a_join_on_the_middle_of_a_branch():
    texts = found(fork("f", [does("a"), does("b")], join_on=["a"]))
    assert [text.partition(",")[0] for text in texts] == [
        "Step 'f-join': it does not wait for 'b'",
        "Step 'f-join': it waits for 'a'",
    ]


def test_a_join_on_a_choice_does_not_wait_for_what_it_chose():
    choice = switch("c", "${workflow.input.x}", x=does("x"))
    (text,) = found(fork("f", choice, does("b")))
    assert text.startswith("Step 'f-join': it waits for the SWITCH 'c', which is over as soon")
    assert found(fork("f", [choice, noop("n")], does("b"))) == []


def test_a_join_on_a_decision():
    choice = decision("c", "${workflow.input.x}", [], x=[does("x")])
    (text,) = found(fork("f", choice, does("b")))
    assert text.startswith("Step 'f-join': it waits for the DECISION 'c', which is over as soon")


def test_joins_that_pass():
    inner = fork("g", does("x"), does("y"))
    assert found(fork("f", [does("a"), *inner], does("b"))) == []
