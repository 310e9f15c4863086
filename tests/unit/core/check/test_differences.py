"""What is different between two versions, in words, and what the words promise."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from pavane.core.check.differences import differences
from pavane.core.model import status
from pavane.core.model.workflow import Undo, Workflow
from pavane.errors import ConflictError
from tests.unit.core.build import (
    Steps,
    fork,
    loop,
    noop,
    of_type,
    once,
    scope,
    sub,
    switch,
    task,
    workflow,
)
from tests.unit.core.drawn import Author, Fate
from tests.unit.core.test_random_moves import edit
from tests.unit.core.witness import Witness

GONE = "cannot be moved any more"


def said(old: Steps, new: Steps, **fields: object) -> list[str]:
    before, after = workflow(old, name="w"), workflow(new, name="w", **fields)
    return [f"{x.kind} {x.step}: {x.what} | {x.meaning}" for x in differences(before, after)]


def one(old: Steps, new: Steps, **fields: object) -> str:
    found = said(old, new, **fields)
    assert len(found) == 1, found
    return found[0]


def test_what_is_the_same_is_not_told():
    before = workflow(task("a"), name="w", version=1, description="old")
    assert differences(before, workflow(task("a"), name="w", version=1)) == []


def test_a_step_that_is_new():
    assert one([task("a"), task("b")], [task("a"), task("x"), task("b")]) == (
        "added x: task is new, behind `a` | Executions that have begun `b` cannot be moved any "
        "more. The others do it when they come to it."
    )
    assert one([task("a")], [task("a"), task("x")]) == (
        "added x: task is new, behind `a` | Executions do it when they come to it."
    )
    assert one([task("a")], [of_type("WAIT", "x"), task("a")]).startswith(
        "added x: WAIT is new, first of all | Executions that have begun `a` cannot"
    )


def test_a_step_that_is_new_in_something():
    k = [task("a")]
    found = one(
        [switch("c", "k", k=k), task("z")], [switch("c", "k", k=[*k, task("x")]), task("z")]
    )
    assert "begun `z` through the case 'k' of `c` cannot be moved" in found
    found = one([loop("l", *k, items=[1])], [loop("l", *k, task("x"), items=[1])])
    assert f"Executions that have ended an iteration of `l` {GONE}" in found
    longer = said(fork("f", task("a"), task("b")), fork("f", [task("a"), task("x")], task("b")))
    assert f"Executions in which this branch of `f` has ended {GONE}" in longer[0]
    assert longer[1] == (
        "changed f-join: waits for x, b, waited for a, b | Executions in which it or any of `a`, "
        f"`x` has ended {GONE}."
    )


def test_what_comes_or_goes_with_its_steps_is_told_once():
    inner = switch("c", "k", [task("y")], k=[task("x")])
    assert one([task("a")], [task("a"), inner]).startswith("added c: SWITCH is new, behind `a`")
    assert one([inner, task("a")], [task("a")]) == (
        f"removed c: SWITCH is gone | Executions in which it has begun {GONE}. The others go "
        "past it."
    )


def test_a_branch_that_is_new():
    found = said(fork("f", task("a")), fork("f", task("a"), task("x")))
    assert found[0].startswith("added x: task is new, first in the branch of 'x' of `f` | Exec")
    assert f"Executions in which `f` has begun {GONE}" in found[0]
    assert f"has 2 branches, had 1 | Executions in which it has begun {GONE}" in found[1]


def test_steps_that_stand_elsewhere():
    found = one([task("a"), task("b"), task("c")], [task("b"), task("c"), task("a")])
    assert found.startswith("changed a: stands behind `c`, stood first of all | Executions in")
    into = said([task("a"), switch("c", "k", k=noop("n"))], [switch("c", "k", k=task("a"))])
    assert any(x.startswith("changed a: stands first in the case 'k' of `c`") for x in into)
    assert any(x.startswith("removed n: NOOP is gone") for x in into)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            task("a", inputs={"x": 1, "y": 2}),
            task("a", inputs={"x": 3, "z": "${workflow.input.z}"}),
            "input: `x` is 3, was 1; `y` is gone; `z` is new: ${workflow.input.z} | Executions "
            "that have passed it keep the old result; an attempt under way keeps its input, and "
            "another attempt gets the new one.",
        ),
        (
            task("a"),
            task("a", policy=once(retry_count=5)),
            "retries and time limits: `retryCount` is 5, was 0 | It counts from the next",
        ),
        (task("a"), task("a", undo="u"), "is undone by `u`, and was not | Executions that have "),
        (task("a", undo="u"), task("a"), "is undone no more, was by `u` | Executions that have"),
        (
            task("a", undo="u"),
            task("a", undo=Undo(name="v", input_parameters={"i": 1}, task_definition=once())),
            "undo: by `v`, was by `u`; input `i` is new: 1 | Executions that have passed it undo",
        ),
        (task("a"), task("a", pivot=True), f"is a pivot | Executions in which it has begun {GONE}"),
        (task("a"), task("a", optional=True), "may be missing | It counts for what has not failed"),
        (task("a"), task("a", permissive=True), "lets the others go on when it fails | Executions"),
        (
            task("a"),
            of_type("WAIT", "a"),
            "is a WAIT, was a SIMPLE | Executions in which it has b",
        ),
        (switch("c", "k"), switch("c", "j"), "input: `on` is j, was k | Executions that have chos"),
        (switch("c", "k"), switch("c", "k", k=[]), "has a new case 'k' | Executions whose value"),
        (
            loop("l", noop("n"), loop_condition="l.output.iteration < 3"),
            loop("l", noop("n"), loop_condition="l.output.iteration < 2"),
            "goes on while l.output.iteration < 2, did while l.output.iteration < 3 | Executions",
        ),
        (sub("s", "v", 1), sub("s", "v"), "starts `v`, the newest, started `v`, version 1 | One"),
        (sub("s", "v"), sub("s", "u"), "starts `u`, started `v` | Executions in which it has b"),
        (
            scope("s", task("a")),
            scope("s", task("b")),
            "starts what is written in place, started what is written in place | One that is open",
        ),
        (task("a"), task("a", start_delay=5), "`start_delay` is 5, was 0 | It counts where the st"),
    ],
)
def test_a_step_that_changed(old: Steps, new: Steps, words: str):
    assert words in one(old, new)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"output_parameters": {"x": 1}}, "output: `x` is new: 1 | Executions that have not ended"),
        ({"variables": {"x": 1}}, "variables at the start: `x` is new: 1 | A variable that is new"),
        ({"input_template": {"x": 1}}, "input defaults: `x` is new: 1 | A default that is new is "),
        ({"timeout_seconds": 60}, "time limit: 60 s (ALERT_ONLY), was 0 s (ALERT_ONLY) | It is co"),
        ({"failure_workflow": "f"}, 'failure workflow: f, was "" | Executions that fail start the'),
        ({"style": "choreographed"}, "is choreographed, was orchestrated | It counts for executio"),
        ({"input_parameters": ["x"]}, '`input_parameters` is ["x"], was [] | It counts for execut'),
    ],
)
def test_the_whole_that_changed(fields: dict[str, object], words: str):
    assert words in one(task("a"), task("a"), **fields)


def test_without_a_conductor_no_execution_is_moved():
    old, new = (workflow(task(x), name="w", style="choreographed") for x in "ab")
    assert "end by the version that they began with" in differences(old, new)[0].meaning


# --- what the words promise ---------------------------------------------------------------------


def test_where_nothing_is_said_against_it_every_execution_can_be_moved():
    """And what was refused is told, under the name of a step that the refusal names, or beside."""
    seen: Counter[str] = Counter()
    for seed in range(700):
        before = Author(seed).workflow()
        made = edit(seed, before)
        if made is None:
            continue
        changes = differences(before, made.workflow)
        assert changes, f"seed {seed}"
        against = [x for x in changes if "cannot be moved" in x.meaning]
        world = Witness()
        root = world.start(before)
        fate = Fate(seed, world, root)
        for _ in range(random.Random(f"progress {seed}").randrange(25)):
            fate.something()
        if root.status not in (status.RUNNING, status.PAUSED) or root.header.phase:
            continue
        try:
            root.move(made.workflow)
            seen["moved against it"] += bool(against)
            seen["moved"] += not against
        except ConflictError as error:
            if not against:
                raise AssertionError(f"seed {seed}: {changes}") from error
            seen["refused"] += 1
    assert seen["moved"] > 15 and seen["moved against it"] > 50 and seen["refused"] > 60, seen


def both(old: Workflow, new: Workflow) -> tuple[int, int]:
    return len(differences(old, new)), len(differences(new, old))


def test_drawn_definitions_differ_both_ways_or_not_at_all():
    for seed in range(200):
        made = edit(seed, before := Author(seed).workflow())
        assert both(before, before) == (0, 0)
        if made is not None:
            there, back = both(before, made.workflow)
            assert there and back, f"seed {seed}"
