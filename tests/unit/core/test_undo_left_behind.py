"""The way back where a JOIN has left a branch behind: two ways lead to the step it waited for."""

from __future__ import annotations

import pytest

from pavane.core.model.workflow import Step
from tests.unit.core.build import fork, switch, task
from tests.unit.core.test_undo import start, undo_all


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize("first", ["late", "z"])
def test_what_a_join_did_not_wait_for_does_not_lead_the_way_back_past_it(chosen: bool, first: str):
    """The JOIN goes on from `mid`, and so does the branch: two ways lead back to `a`."""
    late = task("late", undo=True)
    mid = [switch("mid", "1", (), **{"1": late})] if chosen else [task("mid", undo=True), late]
    joined = fork("f", [task("a", undo=True), *mid], task("b"), join_on=["mid", "b"])
    run = start(*joined, task("x", undo=True), task("z"))
    run.complete("a", "b", *(() if chosen else ("mid",)))
    run.complete("x")
    run.take("late")
    run.fail_for_good("z")
    if first == "late":
        run.complete("late")
    else:
        run.fail_for_good("late")
    seen: list[str] = []
    while offered := sorted(ref for ref in run.offered if ref.startswith("undo:")):
        assert not {"undo:a", "undo:mid"} & set(offered) or "undo:x" not in offered
        # What comes late is undone first, where it can be: its token is there before the JOIN's.
        one = "undo:late" if "undo:late" in offered else offered[-1]
        run.complete(one)
        seen.append(one)
    done = ["late"] if first == "late" else []
    rest = ["x", "a"] if chosen else ["x", "mid", "a"]
    assert (run.status, run.undone) == ("COMPENSATED", [*done, *rest])


def test_the_way_back_from_a_branch_that_a_join_left_behind():
    """Nothing has begun behind the JOIN: its own token comes from the end of the workflow."""
    late = task("late", undo=True)
    branch = [task("a", undo=True), switch("mid", "1", (), **{"1": late})]
    run = start(*fork("f", branch, task("b", undo=True), join_on=["mid", "b"]))
    run.complete("a", "b")
    run.fail_for_good("late")
    undo_all(run)
    assert (run.status, sorted(run.undone)) == ("COMPENSATED", ["a", "b"])


def test_the_way_back_past_many_joined_choices_goes_page_by_page():
    def branch(number: int) -> list[Step]:
        late = task(f"late{number}")
        return [task(f"a{number}", undo=True), switch(f"s{number}", "1", (), **{"1": late})]

    numbers = range(250)
    joined = fork("f", *map(branch, numbers), join_on=[f"s{number}" for number in numbers])
    run = start(*joined, task("x", undo=True), task("z"))
    run.world.pass_time(1)
    run.complete(*(f"a{number}" for number in numbers))
    run.complete("x")
    run.fail_for_good("z")
    run.world.pass_time(1)
    assert run.offered == {"undo:x"}
    run.complete("undo:x")
    run.world.pass_time(1)
    undo_all(run, limit=300)
    assert (run.status, len(run.undone)) == ("COMPENSATED", 251)
    assert run.undone[0] == "x"
