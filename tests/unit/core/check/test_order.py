"""Expressions that read what cannot have run yet."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import Steps, flat, fork, scope, switch, task, workflow


def reads(ref: str, other: str) -> Step:
    return task(ref, inputs={"x": f"${{{other}.output.x}}"})


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([reads("a", "b"), task("b")], "inputParameters.x reads 'b', which runs later"),
        ([switch("c", "k", x=reads("a", "z")), task("z")], "reads 'z', which runs later"),
        ([*fork("f", reads("a", "z"), task("b")), task("z")], "reads 'z', which runs later"),
        (
            [switch("c", "k", x=reads("a", "b"), y=task("b"))],
            "reads 'b', which runs only in case 'y' of the same SWITCH",
        ),
        ([switch("c", "k", reads("a", "b"), y=[task("b")])], "only in case 'y'"),
        ([switch("c", "${x.output.k}", k=task("x"))], "reads 'x', which is inside it"),
        ([*fork("f", [reads("a", "b"), task("b")], task("c"))], "reads 'b', which runs later"),
    ],
)
def test_what_can_never_have_run(steps: list[Steps], words: str):
    found = check_workflow(workflow(*steps))
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    "steps",
    [
        [task("b"), reads("a", "b")],
        [*fork("f", reads("a", "b"), task("b"))],  # it may have run by then
        [*fork("f", [task("a")], [task("b")]), reads("z", "a")],
        [*fork("f", [reads("a", "f-join")], [task("b")])],  # a view of what has arrived
        [*fork("f", [reads("a", "z")], [task("b")], join_on=["b"]), task("z")],  # nobody waits
        [switch("c", "k", x=task("x"), y=task("y")), reads("z", "x")],
        [switch("c", "k", x=reads("a", "c"))],
        [reads("a", "a")],  # an earlier attempt
        [task("a", undo=Undo(name="u", input_parameters={"x": "${b.output.x}"})), task("b")],
    ],
)
def test_what_may_have_run(steps: list[Steps]):
    assert check_workflow(workflow(*flat(steps))) == []


def test_in_a_scope_too():
    found = check_workflow(workflow(scope("s", reads("a", "b"), task("b"))))
    assert found == [
        "In scope 's': Step 'a': inputParameters.x reads 'b', which runs later; "
        "read it in a step behind it."
    ]
