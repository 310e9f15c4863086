"""NOOP: a place in the graph."""

from __future__ import annotations

from tests.unit.core.build import noop, task, workflow
from tests.unit.core.world import World


def test_it_is_over_as_soon_as_it_begins():
    run = World().start(workflow(noop("n"), task("a")))
    assert (run.row("n").status, run.open) == ("COMPLETED", {"a"})


def test_a_run_of_nothing_else_ends_in_one_decision():
    run = World().start(workflow(noop("n"), noop("m")))
    assert (run.status, run.output, run.header.revision) == ("COMPLETED", {}, 1)
