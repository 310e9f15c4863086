"""Where a finding is written, as far as the definition says so."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import Finding, check_workflow, find
from pavane.core.model.workflow import Step
from tests.unit.core.build import around, task, workflow


def at(where: Any) -> dict[str, Any]:
    return {"pavane": {"at": where}}


def bad(ref: str, where: Any) -> Step:
    return task(ref, inputs={"x": "${nope.output}"}, metadata=at(where))


def test_a_finding_has_the_place_of_its_step():
    found = find(workflow(task("a"), bad("b", "shop.py:12"), metadata=at("shop.py:8")))
    assert [each.at for each in found] == ["shop.py:12"]
    assert found[0].text.startswith("Step 'b': inputParameters.x reads 'nope'")


def test_what_is_about_no_step_has_the_place_of_the_workflow():
    found = find(workflow(task("a"), name="", metadata=at("shop.py:8")))
    assert found == [Finding("The workflow has no name; give it one.", "shop.py:8")]
    assert [each.at for each in find(workflow(metadata=at("shop.py:8")))] == ["shop.py:8"]
    odd = workflow(task("a"), timeout_seconds=-1, metadata=at("shop.py:8"))
    assert [each.at for each in find(odd)] == ["shop.py:8"]


def test_steps_of_scopes_have_theirs_and_scopes_that_of_their_step():
    inner = workflow(bad("b", "shop.py:14"), timeout_seconds=-1, name="inner")
    found = find(workflow(around("s", inner, metadata=at("shop.py:13"))))
    assert {(each.at, each.text[:24]) for each in found} == {
        ("shop.py:14", "In scope 's': Step 'b': "),
        ("shop.py:13", "In scope 's': The workfl"),
    }


def test_choreographed_parts_have_places_and_orchestrated_ones_no_more_findings():
    step = task("a", permissive=True, service="shop", metadata=at("shop.py:3"))
    assert find(workflow(step)) == []
    found = find(workflow(step, style="choreographed"))
    (mine,) = [each for each in found if "`permissive`" in each.text]
    assert mine.at == "shop.py:3"


@pytest.mark.parametrize("metadata", [{}, {"pavane": 1}, {"pavane": {}}, at(7), at(None)])
def test_a_definition_that_says_nothing(metadata: dict[str, Any]):
    step = task("b", inputs={"x": "${nope.output}"}, metadata=metadata)
    (found,) = find(workflow(step, metadata=metadata))
    assert found.at == ""
    assert check_workflow(workflow(step)) == [found.text]
