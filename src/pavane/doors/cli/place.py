"""What the commands need of the place where executions are, whichever place it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from pavane.engine.views.dead_letters import DeadLetter
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, MoveView

if TYPE_CHECKING:
    from pavane.doors.executions.asked import Start
    from pavane.engine.views.people import Questions


class Page(msgspec.Struct):
    """Some executions, newest first; `next` is the `before` of the following page."""

    executions: list[ExecutionSummary]
    next: str | None = None


class LetterPage(msgspec.Struct, rename="camel"):
    """Some dead letters; `next` is the `before` of the following page."""

    dead_letters: list[DeadLetter]
    next: str | None = None


class Place(Protocol):
    """What the commands need; each call blocks."""

    def execution(self, execution_id: str) -> ExecutionView: ...
    def find(self, filters: Mapping[str, Any]) -> Page:
        """`filters`: workflow, status, key, before, limit; empty ones do not filter."""
        ...

    def start(self, start: Start) -> str: ...
    def act(self, execution_id: str, action: str, body: Mapping[str, Any], ref: str = "") -> str:
        """Pause, resume, retry, terminate, signal or resolve; the status afterwards."""
        ...

    def questions(self, to: str, limit: int) -> Questions:
        """What waits for people, or for `to` alone, oldest first."""
        ...

    def move(self, execution_id: str, version: int | None, *, dry_run: bool) -> MoveView:
        """Let it go on by another version, or only say whether it could."""
        ...

    def remove(self, execution_id: str) -> None:
        """Forget one that has ended."""
        ...

    def letters(self, filters: Mapping[str, Any]) -> LetterPage:
        """`filters`: kind, service, execution, type, before, limit; empty ones do not filter."""
        ...

    def letter(self, id: str) -> DeadLetter: ...
    def settle(self, id: str, action: Literal["redrive", "discard"], reason: str) -> DeadLetter:
        """Redrive or discard one; how it stands afterwards."""
        ...
