"""What is allowed, and yet worth knowing."""

from __future__ import annotations

from pavane.core.check.projectable import notes
from tests.unit.core.build import fork, workflow
from tests.unit.core.check.projectable.dance import dance, does, part, pivot


def test_where_a_way_back_ends():
    assert list(notes(dance(does("a"), pivot("pay")))) == [
        "Step 'pay': once this pivot is passed, an operator's cancel comes too late, because there "
        "is no way back."
    ]
    limits = {"timeout_seconds": 60, "timeout_policy": "TIME_OUT_WF"}
    inner = part("s", pivot("pay"))
    assert list(notes(dance(inner, **limits))) == [
        "Step 's': once the pivot in it is passed, an operator's cancel or the deadline of 60 s "
        "comes too late, because there is no way back.",
        "In scope 's': Step 'pay': once this pivot is passed, an operator's cancel comes too late, "
        "because there is no way back.",
    ]


def test_what_runs_beside_undos():
    (note,) = notes(dance(fork("f", does("a"), does("b"), join_count=1), does("c")))
    assert note.startswith("Step 'f-join': it goes on when 1 of 2 branches have succeeded")


def test_nothing_to_say():
    assert list(notes(dance(does("a"), fork("f", does("b"), does("c"))))) == []
    assert list(notes(workflow(does("a"), pivot("pay")))) == []
