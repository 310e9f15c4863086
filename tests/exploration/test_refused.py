"""Why the checker refuses some definitions: exploration shows what would become of them."""

from __future__ import annotations

import pytest

from pavane.core.check.explore import HUMAN, explore, search, world
from tests.exploration.writing import Scenario, each, fork, loop, play, scope, some

REFUSED = [
    (play("P! → B f, a risk behind the pivot", 0, "A, P !, B f"), HUMAN),
    (play("fork (P!, B f), a risk beside it", 0, "A", fork("P !", "B f")), HUMAN),
    (play("T(P!) → B f, a risk behind the scope", 0, "A", scope("T", "P !"), "B f"), HUMAN),
    (
        play(
            "fork (T(B ⏱), P!), a deadline beside it",
            0,
            fork(scope("T", "B", deadline=True), "P !"),
        ),
        HUMAN,
    ),
    (play("loop of 2 of (A f, P!), a later iteration", 0, loop(2, "A f, P !")), HUMAN),
    (play("for-each 2 of (A f, P!), another item", 0, each((2,), "A f, P !")), HUMAN),
    (play("any (A P!, B), a pivot in a branch", 0, some("A, P !", "B")), search.STUCK),
    (
        play("any (P! f, B) → C, a pivot alone in a branch", 0, some("P ! f", "B"), "C"),
        world.PIVOT_UNDONE,
    ),
]


@pytest.mark.parametrize(("refused", "kind"), REFUSED, ids=[each.name for each, _ in REFUSED])
def test_what_would_become_of_it(refused: Scenario, kind: str) -> None:
    violation = explore(refused.together, alarms=False).violation
    assert violation is not None
    assert violation.kind == kind, "\n".join(violation.trace.lines())
