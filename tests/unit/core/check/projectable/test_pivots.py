"""Behind a pivot, and beside it, nothing may fail."""

from __future__ import annotations

from pavane.core.model.status import COMPLETED as DONE
from tests.unit.core.build import fork, noop, switch, terminate
from tests.unit.core.check.projectable.dance import (
    caught,
    does,
    each,
    found,
    look,
    part,
    pivot,
    sure,
)
from tests.unit.core.step_types.test_exclusive_join import meet


def test_a_step_behind_the_pivot_that_can_fail():
    assert found(does("a"), pivot("pay"), does("ship")) == [
        "Step 'ship': it can fail, and stands behind the pivot 'pay', when there is no way back "
        'any more; let its task be tried until it succeeds (`retries="forever"`), or move it in '
        "front of the pivot."
    ]
    assert found(does("a"), pivot("pay"), sure("ship")) == []
    assert found(does("a"), pivot("pay"), look("ship", optional=True)) == []


def test_a_step_beside_the_pivot():
    (text,) = found(fork("f", pivot("pay"), does("b")))
    assert text.startswith("Step 'b': it can fail, and stands beside the pivot 'pay'")
    assert (
        found(fork("f", does("a"), does("b")), pivot("pay"), fork("g", sure("c"), sure("d"))) == []
    )


def test_a_for_each_and_the_pivot():
    (text,) = found(pivot("pay"), each("e"))
    assert text.startswith("Step 'e': it can fail, and stands behind the pivot 'pay'")
    (text,) = found(fork("f", pivot("pay"), each("e")))
    assert text.startswith("Step 'e': it can fail, and stands beside the pivot 'pay'")
    assert found(each("e"), pivot("pay"), each("g", retriable=True)) == []


def test_every_finding():
    assert len(found(pivot("pay"), does("a"), does("b"), terminate("t", "FAILED"))) == 3


def test_ends_and_scopes_behind_the_pivot():
    (text,) = found(pivot("pay"), terminate("t", "FAILED"))
    assert text.endswith("decide it in front of the pivot.")
    (text,) = found(pivot("pay"), part("s", does("x")))
    assert text.startswith("Step 's': it can fail, because in it 'x' can fail, and stands behind")
    assert found(pivot("pay"), part("s", sure("x"))) == []
    assert found(pivot("pay"), caught("s", does("x"))) == []
    assert found(pivot("pay"), terminate("t", "COMPLETED")) == []


def test_where_ways_meet_behind_the_pivot():
    """It fails where none has run; which one has is known before, or it is not."""
    other = switch("v", "${workflow.input.v}", [noop("n")], here=sure("b"))
    ways = switch("w", "${workflow.input.w}", [other], left=sure("a"), done=terminate("t", DONE))
    for names in (["a", "b", "n"], ["a", "v"], ["w"], ["b", "pay"]):
        assert found(pivot("pay"), ways, meet("m", *names)) == []
    for names in (["a", "b"], ["b", "n"], ["t", "a"]):
        (text,) = found(pivot("pay"), ways, meet("m", *names))
        assert text == (
            "Step 'm': it fails where none of the steps that it names has run, and stands behind "
            "the pivot 'pay', when there is no way back any more; name one that always runs "
            "(a NOOP will do), or move it in front of the pivot."
        )
        assert found(pivot("pay"), ways, meet("m", *names, default=("pay",))) == []
        assert found(pivot("pay"), ways, meet("m", *names, optional=True)) == []


def test_the_same_around_a_scope_with_a_pivot():
    (text,) = found(part("s", does("a"), pivot("pay")), does("b"))
    assert text.startswith("Step 'b': it can fail, and stands behind the pivot in 's'")
    texts = found(part("o", fork("f", part("s", pivot("pay")), does("b"))), does("c"))
    assert len(texts) == 2
    assert texts[0].startswith("Step 'c': it can fail, and stands behind the pivot in 'o'")
    assert texts[1].startswith("In scope 'o': Step 'b': it can fail, and stands beside")
    assert found(does("z"), part("s", does("a"), pivot("pay")), sure("b")) == []


def test_ways_that_never_meet():
    assert found(switch("c", "${workflow.input.x}", yes=pivot("pay"), no=does("a"))) == []
    ended = [pivot("pay"), terminate("t", "COMPLETED")]
    assert found(switch("c", "${workflow.input.x}", yes=ended), does("a")) == []


def test_more_than_one_pivot():
    (text,) = found(pivot("one"), pivot("two"))
    assert text.startswith("Step 'two': the pivot 'two' stands behind the pivot 'one'")
    (text,) = found(fork("f", pivot("one"), pivot("two")))
    assert text.startswith("Step 'two': the pivot 'two' stands beside the pivot 'one'")
    assert found(switch("c", "${workflow.input.x}", a=pivot("one"), b=pivot("two"))) == []
    (text,) = found(part("s", pivot("one")), part("t", pivot("two")))
    assert text.startswith("Step 't': the pivot in 't' stands behind the pivot in 's'")


def test_a_pivot_in_a_branch_that_may_lose():
    texts = found(fork("f", pivot("pay"), [noop("n"), sure("b", optional=True)], join_count=1))
    assert any("stands in a branch of 'f' that may lose" in text for text in texts)
    either = fork("f", does("a"), does("b"), join_count=1)
    assert found(either, pivot("pay")) == []


def test_a_pivot_that_an_orchestrated_scope_would_pass_without_asking():
    (text,) = found(does("a"), part("s", pivot("pay"), style="orchestrated"))
    assert text.startswith("Step 's': a pivot in an orchestrated scope cannot ask")
