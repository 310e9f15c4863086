"""Each known way to be wrong about places that nodes share is caught by the tests of the engine."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from pavane.engine.admission import Admission
from pavane.engine.limits import Limits
from pavane.engine.shared_places import SharedPlaces
from pavane.errors import PavaneError
from tests.unit.engine import test_shared_limits as shared

Patch = pytest.MonkeyPatch


def each_node_counts_for_itself(patch: Patch) -> None:
    """The store is not asked to see to the bounds of tasks."""
    patch.setattr(Limits, "bounds", lambda self, places: [])


def each_node_counts_executions_for_itself(patch: Patch) -> None:
    """The store is not asked to see to the bounds of workflows."""
    patch.setattr(Admission, "bounds", lambda self, execution_ids: [])


def nobody_looks_what_others_have(patch: Patch) -> None:
    """What a node has counted once it believes for ever."""

    async def look(self: SharedPlaces, queues: Any) -> None:
        pass

    patch.setattr(SharedPlaces, "look", look)


MUTANTS: list[tuple[Callable[[Patch], None], Callable[..., None], tuple[Any, ...]]] = [
    (each_node_counts_for_itself, shared.test_never_more_than_may_and_never_long_fewer, ("few", 3)),
    (each_node_counts_for_itself, shared.test_never_more_begin_than_the_rate_lets, ()),
    (
        each_node_counts_executions_for_itself,
        shared.test_never_more_than_may_and_never_long_fewer,
        ("line", 3),
    ),
    (nobody_looks_what_others_have, shared.test_a_death_loses_no_place, ("line",)),
    (
        nobody_looks_what_others_have,
        shared.test_nobody_is_refused_where_there_is_a_place_at_another_node,
        (),
    ),
]


@pytest.mark.parametrize(
    ("mutant", "test", "given"), MUTANTS, ids=[f"{m.__name__}-{t.__name__}" for m, t, _ in MUTANTS]
)
def test_a_mutant_is_caught(
    mutant: Callable[[Patch], None],
    test: Callable[..., None],
    given: tuple[Any, ...],
    monkeypatch: Patch,
):
    mutant(monkeypatch)
    seed = (1,) if "seed" in inspect.signature(test).parameters else ()
    with pytest.raises((AssertionError, PavaneError)):
        test(*given, *seed)
