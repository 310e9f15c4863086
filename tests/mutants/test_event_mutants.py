"""Known ways to lose or double what events bring about; the crash test must catch each."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.model.event import CloudEvent
from pavane.participant import outside
from pavane.participant.events import event_waits, starts
from pavane.participant.events.event_waits import EventWaits
from pavane.participant.events.meetings import Meetings
from pavane.ports.ledger import Todo
from tests.acceptance.events import test_crashes, test_starting, test_waiting


class LooksOnlyAhead(Meetings):
    """Does not look for what came before the step."""

    async def begin(self, queue: str, name: str, wait: bytes) -> list[CloudEvent]:
        await super().begin(queue, name, wait)
        return []


class ForgetsItsPast(EventWaits):
    """Takes up nothing of what a dead process left waiting."""

    _live = False

    def begin(self, queue: str, waiting: event_waits.Waiting) -> None:
        self._live = True
        super().begin(queue, waiting)

    async def take_up(self, queue: str, waiting: event_waits.Waiting) -> None:
        if self._live:
            await super().take_up(queue, waiting)


class ForgetsNobody(Meetings):
    """Keeps steps that wait no longer, and events for ever."""

    async def end(self, queue: str, name: str) -> None:
        del queue, name

    async def fire(self, todo: Todo) -> None:
        del todo


def caught(test: Any, *args: Any) -> bool:
    """Whether a test fails; an output that is not there is None, and has no members."""
    try:
        test(*args)
    except (AssertionError, TypeError):
        return True
    return False


def test_the_healthy_pass():
    assert not caught(test_crashes.test_death_at_each_commit_changes_nothing, False, 1)


def test_what_looks_only_ahead_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(event_waits, "Meetings", LooksOnlyAhead)
    early = test_waiting.test_an_event_that_comes_before_its_wait_is_not_lost
    assert caught(early, "choreographed")


def test_what_forgets_its_past_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outside, "EventWaits", ForgetsItsPast)
    assert caught(test_crashes.test_death_at_each_commit_changes_nothing, False, 0)


def test_what_keeps_everything_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(event_waits, "Meetings", ForgetsNobody)
    bounded = test_waiting.test_how_early_an_event_may_come_is_bounded
    assert caught(bounded, "choreographed")


def test_starts_with_keys_of_their_own_are_caught(monkeypatch: pytest.MonkeyPatch):
    keys = iter(range(1_000_000))

    def unlike(workflow: str, key: str) -> str:
        return f"{workflow}-{key}-{next(keys)}"

    monkeypatch.setattr(starts, "execution_of", unlike)
    assert caught(test_starting.test_two_events_with_one_key_start_one_execution)
