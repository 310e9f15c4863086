"""Scopes in loops that may fail, in both styles: what an iteration gave up, the next may do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import structs

from pavane.core.model.workflow import Step, Undo
from pavane.errors import Fail
from pavane.testing import Play
from tests.unit.core.build import fan, fork, loop, once, scope, switch, terminate
from tests.unit.sdk.test_dancing_choices import dance, does, reads
from tests.unit.sdk.test_dancing_fans import both

ITEM = "${l.output.loopItem}"
ORDERS = ["bad", "good", "bad", "good"]
MARKS = Undo(name="un-t")


def may_fail(ref: str, *steps: Step | list[Step], optional: bool = True) -> Step:
    """A scope that fails behind its steps where the item of the loop is bad."""
    wrong = switch(
        "w", "${workflow.input.item}", bad=terminate("t", "FAILED", terminationReason="bad")
    )
    made = scope(ref, *steps, wrong, optional=optional)
    return structs.replace(made, input_parameters={"item": ITEM})


def given(played: Play, ref: str) -> Any:
    [step] = [each for each in played.steps if each.ref == ref]
    return msgspec.json.decode(step.input)


def status(played: Play) -> dict[str, str]:
    return {step.ref: step.status for step in played.steps}


INNER: dict[str, list[Step]] = {
    "one": [does("b")],
    "branches": fork("f", does("b"), does("c")),
    "items": fan("e", [1, 2], service="carl", task_definition=once(), undo=MARKS),
    "scope": [scope("deep", does("b"), does("c"))],
    "loop": [loop("k", does("b"), items=[1, 2])],
}


@pytest.mark.parametrize("inner", INNER)
def test_what_failed_in_one_iteration_is_begun_again_in_the_next(inner: str):
    after = reads("z", how="${s.status}", got="${s.output}")
    looped = loop("l", does("a"), may_fail("s", *INNER[inner]), after, items=ORDERS)
    flow = dance(looped, reads("y", last="${s.status}", got="${l.output.1}"))
    played = both(flow, {})
    assert played.status == "COMPLETED"
    ends = [status(played)[f"s__{i}"] for i in range(1, 5)]
    assert ends == ["COMPLETED_WITH_ERRORS", "COMPLETED"] * 2
    assert [given(played, f"z__{i}")["how"] for i in range(1, 5)] == ends
    assert given(played, "y")["last"] == "COMPLETED"
    assert {each.partition("/")[0] for each in played.effects if "/" in each} == {"s__2", "s__4"}


@pytest.mark.parametrize("inner", INNER)
def test_only_what_stands_is_taken_back(inner: str):
    looped = loop("l", does("a"), may_fail("s", *INNER[inner]), items=ORDERS)
    played = both(dance(looped, does("y")), {}, {"y": Fail("no")})
    assert (played.status, played.effects) == ("COMPENSATED", [])
    undone = [name for name, how in status(played).items() if how == "UNDONE"]
    assert {"s__2", "s__4", "a__1"} <= set(undone)
    assert not {"s__1", "s__3"} & set(undone)


def test_while_the_scope_has_failed():
    again = "s.status == 'COMPLETED_WITH_ERRORS'"
    body = [does("a"), may_fail("s", does("b"))]
    flow = dance(loop("l", *body, items=ORDERS, loop_condition=again), reads("y", n="${l.output}"))
    played = both(flow, {})
    assert [ref for ref in status(played) if ref.startswith("s__")] == ["s__1", "s__2"]


def test_a_scope_in_it_that_may_not_fail_takes_back_those_around_it():
    deep = loop("l", may_fail("s", does("b"), optional=False), does("a"), items=["good", "bad"])
    body = scope("outer", does("c"), deep, optional=True)
    played = both(dance(loop("k", body, items=[1, 2]), reads("y", how="${outer.status}")), {})
    assert (played.status, played.effects) == ("COMPLETED", ["y"])
    assert given(played, "y") == {"how": "COMPLETED_WITH_ERRORS"}
