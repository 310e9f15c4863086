"""Each known way to be wrong about places of executions is caught by the tests of the engine."""

from __future__ import annotations

import gc
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pavane.core.decide import admission, draft, stopping
from pavane.core.model import status
from pavane.core.model.command import Close
from pavane.core.model.rows import OWN
from pavane.engine import children
from pavane.engine.admission import Admission
from pavane.engine.batch import Batch
from pavane.engine.gate import Gate
from pavane.errors import PavaneError
from pavane.testing.simulation import loop
from tests.unit.engine import test_admission as waiting
from tests.unit.engine import test_admission_deaths as deaths
from tests.unit.engine import test_admission_refused as refused

Patch = pytest.MonkeyPatch


def nobody_is_counted(patch: Patch) -> None:
    """There is always a place."""

    def promise(self: Admission, execution_id: str, *_: Any, **more: Any) -> bool:
        return True

    patch.setattr(Admission, "promise", promise)


def whoever_comes_passes_who_waits(patch: Patch) -> None:
    """A place that is free goes to whoever asks first."""
    original = Admission.promise

    def promise(self: Admission, execution_id: str, lane: str, most: int, *, first: bool) -> bool:
        return original(self, execution_id, lane, most, first=True)

    patch.setattr(Admission, "promise", promise)


def places_are_never_free_again(patch: Patch) -> None:
    """The end of an execution leaves its row."""
    original = draft.Draft.become

    def become(self: draft.Draft, new_status: str) -> None:
        original(self, new_status)
        self.commands = [each for each in self.commands if each != Close(OWN)]

    patch.setattr(draft.Draft, "become", become)


def a_pause_frees(patch: Patch) -> None:
    """Who is paused gives its place away."""
    original = draft.Draft.become

    def become(self: draft.Draft, new_status: str) -> None:
        original(self, new_status)
        if new_status == status.PAUSED:
            self.do(Close(OWN))

    patch.setattr(draft.Draft, "become", become)


def an_undo_frees(patch: Patch) -> None:
    """Who is undone gives its place away when that begins."""
    original = stopping.abort

    def abort(given: draft.Draft, failure: draft.Failure) -> None:
        original(given, failure)
        if given.header.status == status.COMPENSATING:
            given.do(Close(OWN))

    patch.setattr(stopping, "abort", abort)


def held_forgotten(patch: Patch) -> None:
    """Who has a place is not counted at the start."""
    original = Admission.resume
    patch.setattr(Admission, "resume", lambda self, held, queues: original(self, (), queues))


def waiters_forgotten(patch: Patch) -> None:
    """Who waits is not looked for at the start."""
    original = Admission.resume
    patch.setattr(Admission, "resume", lambda self, held, queues: original(self, held, ()))


def promises_kept(patch: Patch) -> None:
    """What was promised to a batch that was not written stays taken."""
    patch.setattr(Gate, "give_back", lambda self: None)


def the_key_of_a_refused_one_is_taken(patch: Patch) -> None:
    """A start that was refused counts as the one that has the key."""

    def refuse(self: Batch, request: Any, error: Any) -> None:
        request.error = error
        if request.header is not None:
            self.work.pop(request.header.id, None)
            self._following.extend(children.refused(request, error))

    patch.setattr(Batch, "_refuse", refuse)


def a_refused_start_is_not_told(patch: Patch) -> None:
    """The step that wanted it hears nothing."""
    patch.setattr(children, "refused", lambda request, error: [])


def a_retry_needs_no_place(patch: Patch) -> None:
    """What is tried again goes on at once."""

    def enter(given: draft.Draft, since: int = 0) -> None:
        if given.header.seq:
            admission.hold(given)
            admission.set_off(given)
        else:
            original(given, since)

    original = admission.enter
    patch.setattr(admission, "enter", enter)


def turns_by_chance(patch: Patch) -> None:
    """Those who came within a moment have their turn in any order."""
    patch.setattr(Admission, "turn", lambda self, now: now)


CAUGHT_BY: list[tuple[Callable[[Patch], None], Callable[..., None]]] = [
    (a_pause_frees, waiting.test_a_paused_one_keeps_its_place_and_one_that_waits_gives_way),
    (promises_kept, waiting.test_a_full_store_keeps_no_place),
    (nobody_is_counted, waiting.test_no_more_run_at_once_and_all_of_them_run_in_their_order),
    (nobody_is_counted, refused.test_one_too_many_is_refused_and_leaves_nothing),
    (
        whoever_comes_passes_who_waits,
        waiting.test_whoever_comes_as_one_ends_does_not_pass_those_who_wait,
    ),
    (
        places_are_never_free_again,
        waiting.test_one_that_waits_is_cancelled_and_the_next_has_its_turn,
    ),
    (an_undo_frees, waiting.test_one_that_is_undone_has_its_place_until_that_is_done),
    (held_forgotten, deaths.test_a_death_loses_none_and_lets_no_more_run),
    (waiters_forgotten, deaths.test_a_death_loses_none_and_lets_no_more_run),
    (the_key_of_a_refused_one_is_taken, refused.test_a_step_finds_nobody_whose_start_was_refused),
    (a_refused_start_is_not_told, refused.test_a_sub_workflow_that_is_refused_fails_its_step),
    (a_retry_needs_no_place, waiting.test_a_retry_waits_for_a_place),
    (turns_by_chance, waiting.test_no_more_run_at_once_and_all_of_them_run_in_their_order),
]


def given(test: Callable[..., None], folder: Path) -> dict[str, Any]:
    """What the test takes."""
    known = {"kind": "memory", "name": "reject", "tmp_path": folder}
    return {name: known[name] for name in inspect.signature(test).parameters}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("mutant", "test"), CAUGHT_BY, ids=lambda value: getattr(value, "__name__", "")
)
def test_the_mutant_is_caught(
    mutant: Callable[[Patch], None],
    test: Callable[..., None],
    monkeypatch: Patch,
    tmp_path: Path,
):
    monkeypatch.setattr(loop, "_BUSY_ROUNDS", 20_000)
    logging.disable(logging.CRITICAL)
    try:
        mutant(monkeypatch)
        with pytest.raises((AssertionError, PavaneError, pytest.fail.Exception)):
            test(**given(test, tmp_path))
    finally:
        gc.collect()
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("test", dict.fromkeys(test for _, test in CAUGHT_BY))
def test_and_it_is_the_mutant_that_is_caught(test: Callable[..., None], tmp_path: Path):
    test(**given(test, tmp_path))
