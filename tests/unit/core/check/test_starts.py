"""startedBy: which event, and what it may read of it."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.workflow import StartedBy
from tests.unit.core.build import task, workflow

TYPE = "shop.order.created.v1"


def found(event: str = TYPE, **fields: Any) -> list[str]:
    return check_workflow(workflow(task("a"), started_by=StartedBy(event, **fields)))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input": {"order": "${event}", "n": 1}},
        {"key": "${event.order.id}-${event.source}"},
        {"input": {"total": "${= event.price * 2}"}},
    ],
)
def test_what_can_start_it(fields: dict[str, Any]):
    assert found(**fields) == []


@pytest.mark.parametrize(
    ("event", "fields", "word"),
    [
        ("", {}, "names no event"),
        ("shop.order.created", {}, "version"),
        (TYPE, {"input": {"order": "${workflow.input.order}"}}, "reads 'workflow'"),
        (TYPE, {"key": "${order.id}"}, "reads 'order'"),
        (TYPE, {"key": "always"}, "never again"),
        (TYPE, {"input": {"total": "${= event.price *}"}}, "startedBy.input"),
    ],
)
def test_what_cannot(event: str, fields: dict[str, Any], word: str):
    (text,) = found(event, **fields)
    assert word in text
