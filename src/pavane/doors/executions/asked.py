"""What can be asked about executions, the same for every style."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

import msgspec

from pavane.core.model.command import IfExists
from pavane.engine.views.people import QuestionView
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, HistoryEntry, MoveView
from pavane.engine.waiting import Changes
from pavane.ports.store import Search

Verb = Literal["pause", "resume", "retry", "terminate", "signal", "resolve"]
Outcome = Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"]


class Start(NamedTuple):
    """What starts an execution; `if_exists` as for `Engine.start_execution`."""

    workflow: str
    input: bytes
    version: int | None = None
    key: str = ""
    correlation_id: str = ""
    priority: int = 0
    if_exists: IfExists = "return"


class Action(NamedTuple):
    """What somebody does to an execution; each verb reads its part."""

    verb: Verb
    ref: str = ""  # signal, resolve: the step
    reason: str = ""  # terminate; signal: why the step fails
    undo: bool = True  # terminate: undo what was done
    output: bytes = b"{}"  # signal, resolve: a JSON object
    status: Outcome = "COMPLETED"  # signal: how the step ends
    choice: Literal["retry", "done", "abandon"] = "retry"  # resolve


class Known(NamedTuple):
    """A workflow that can be started here; `definition` is its content hash."""

    name: str
    version: int
    definition: str
    created_at: int = 0
    style: str = "orchestrated"


class MessageView(msgspec.Struct, frozen=True, rename="camel"):
    """A message that led from one step to another, of the same execution.

    `inferred`: nobody told of it, it follows from what the steps have come to.
    """

    type: str
    source: str = ""  # the step that sent it, "" where it came from outside
    target: str = ""  # the step that got it, "" where nobody is known to have
    source_service: str = ""
    target_service: str = ""
    at: int = 0  # when it was heard, epoch ms; 0: it was not yet, or nobody told when
    inferred: bool = False


class Executions(Protocol):
    """Looks at executions and acts on them. Whatever names one raises NotFoundError for none."""

    async def knows(self, execution_id: str) -> bool:
        """Whether there is such an execution here."""
        ...

    async def execution(self, execution_id: str) -> ExecutionView:
        """One execution with its steps."""
        ...

    async def summary(self, execution_id: str) -> ExecutionSummary:
        """The line of one execution."""
        ...

    async def result(self, execution_id: str) -> tuple[ExecutionSummary, msgspec.Raw]:
        """The line of one execution, and its output (null before its end)."""
        ...

    async def executions(self, wanted: Search, style: str = "") -> list[ExecutionSummary]:
        """The executions that fit, newest first; of one style, or of every style."""
        ...

    async def questions(self, to: str = "", limit: int = 100) -> list[QuestionView]:
        """What waits for people, or for `to` alone, oldest first."""
        ...

    async def history(self, execution_id: str) -> list[HistoryEntry]:
        """What happened to one execution, oldest first."""
        ...

    async def definition_of(self, execution_id: str) -> bytes:
        """The JSON of the workflow that an execution follows; NotFoundError where it is unknown."""
        ...

    async def messages(self, execution_id: str) -> list[MessageView]:
        """Which messages it took, as far as services told or as their steps show."""
        ...

    def follow(self, changes: Changes) -> AbstractContextManager[object]:
        """Tell of every execution that changes, for as long as the context lasts."""
        ...

    async def wait(self, execution_id: str, timeout_s: float) -> None:
        """Until it has ended or needs a person; ResultTimeoutError."""
        ...

    async def workflows(self) -> list[Known]:
        """What can be started, by name and version."""
        ...

    async def definition(self, workflow: str, version: int | None = None) -> bytes:
        """The JSON of a workflow, the latest version unless one is given; NotFoundError."""
        ...

    async def start(self, start: Start) -> str:
        """Start an execution; its id. NotFoundError, InputError."""
        ...

    async def act(self, execution_id: str, action: Action) -> None:
        """Do something to an execution. ConflictError where it does not fit its state or style."""
        ...

    async def move(
        self, execution_id: str, version: int | None = None, *, dry_run: bool = False
    ) -> MoveView:
        """Let it go on by another version, the newest by default. ConflictError: it does not fit.

        `dry_run`: only say whether it could, and what does not fit.
        """
        ...

    async def remove(self, execution_id: str) -> None:
        """Forget one that has ended, with all that it started as its steps.

        ConflictError where it goes on, is a step of another, or nobody conducted it.
        """
        ...
