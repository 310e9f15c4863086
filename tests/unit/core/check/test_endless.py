"""Workflows that start themselves."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from tests.unit.core.build import Steps, flat, fork, scope, sub, switch, task, terminate, workflow


@pytest.mark.parametrize(
    "steps",
    [
        [task("a"), sub("again", "test")],
        [sub("again", "test", version=1)],
        [*fork("f", task("a"), sub("again", "test"))],
        [scope("s", task("a"), scope("t", sub("again", "test")))],
    ],
)
def test_a_graph_that_cannot_end(steps: list[Steps]):
    found = check_workflow(workflow(*flat(steps)))
    assert found == [
        "Step 'again': it starts 'test' itself, whatever happens, so no execution could end; "
        "put it into a SWITCH."
    ]


@pytest.mark.parametrize(
    "steps",
    [
        [switch("c", "${workflow.input.more}", true=sub("again", "test"))],
        [sub("other", "other")],
        [sub("newer", "test", version=2)],
        [terminate("t", "COMPLETED"), sub("again", "test")],
        [scope("s", switch("c", "${workflow.input.more}", true=sub("again", "test")))],
    ],
)
def test_graphs_that_may_end(steps: list[Steps]):
    assert check_workflow(workflow(*flat(steps))) == []
