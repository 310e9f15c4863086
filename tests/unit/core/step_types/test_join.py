"""JOIN: waits for the branches that it names."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from pavane.core.decide.step_types import STEP_TYPES
from tests.unit.core.build import fork, of_type, task, workflow
from tests.unit.core.world import World


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_it_completes_with_the_last_arrival_in_any_order(order: tuple[str, ...]):
    run = World().start(workflow(*fork("f", *(task(ref) for ref in "abc")), task("z")))
    run.complete(*order[:2])
    assert (run.row("f-join").count, run.begun("z")) == (2, False)
    run.complete(order[2])
    assert (run.row("f-join").status, run.open) == ("COMPLETED", {"z"})


def test_it_waits_only_for_what_it_names():
    run = World().start(workflow(*fork("f", task("a"), task("b"), join_on=["a"]), task("z")))
    run.complete("a")
    assert run.open == {"b", "z"}
    run.complete("z")
    assert run.status == "RUNNING"
    run.complete("b")
    assert run.status == "COMPLETED"


def test_with_nothing_to_wait_for_it_completes_at_once():
    run = World().start(workflow(*fork("f", task("a"), join_on=[]), task("z")))
    assert run.open == {"a", "z"}
    run.complete("z", "a")
    assert run.status == "COMPLETED"


def test_it_may_wait_for_a_step_in_the_middle_of_a_branch():
    run = World().start(workflow(*fork("f", [task("a"), task("a2")], join_on=["a"]), task("z")))
    run.complete("a")
    assert run.open == {"a2", "z"}


def test_its_output_is_what_it_joined_when_it_is_the_last_step():
    run = World().start(workflow(*fork("f", task("a"), task("b"), task("c"))))
    run.complete("a", x=1)
    run.complete("c")
    run.complete("b", x=2)
    assert run.output == {"a": {"x": 1}, "b": {"x": 2}}
    assert run.row("f-join").output == b""  # a view: nothing is stored twice


def test_an_optional_step_that_failed_colours_it():
    run = World().start(workflow(*fork("f", task("a", optional=True), task("b")), task("z")))
    run.fail("a", "rain")
    run.complete("b")
    assert run.row("f-join").status == "COMPLETED_WITH_ERRORS"
    assert "rain" in run.row("f-join").reason
    run.complete("z")
    assert run.status == "COMPLETED"


def test_a_permissive_step_that_failed_fails_it_when_all_have_arrived():
    run = World().start(workflow(*fork("f", task("a", permissive=True), task("b")), task("z")))
    run.fail("a", "rain")
    assert (run.status, run.row("f-join").status) == ("RUNNING", "IN_PROGRESS")
    run.complete("b")
    assert (run.status, run.row("f-join").status, run.begun("z")) == ("FAILED", "FAILED", False)
    assert "rain" in run.header.reason


def test_an_optional_join_lets_a_permissive_failure_pass_to_the_end():
    steps = fork("f", task("a", permissive=True), task("b"), optional=True)
    run = World().start(workflow(*steps, task("z")))
    run.fail("a")
    run.complete("b", "z")
    assert (run.status, run.header.failed_ref) == ("FAILED", "a")


def test_its_input_names_what_it_waits_for():
    run = World().start(workflow(*fork("f", task("a"), task("b"))))
    assert msgspec.json.decode(run.row("f-join").input) == {"joinOn": ["a", "b"]}


def test_it_may_go_on_when_some_are_done():
    run = World().start(workflow(*fork("f", task("a"), task("b"), join_count=1), task("z")))
    run.complete("b")
    assert (run.row("f-join").count, run.open) == (1, {"z"})


@pytest.mark.parametrize("number", [0, -1, 101])
def test_it_counts_from_one_to_a_page(number: int):
    kind = STEP_TYPES["JOIN"]
    assert list(kind.findings(of_type("JOIN", "j", join_on=["a"], join_count=1))) == []
    found = list(kind.findings(of_type("JOIN", "j", join_on=["a"], join_count=number)))
    assert found == [f"a JOIN has joinCount {number}; write a number from 1 to 100"]
