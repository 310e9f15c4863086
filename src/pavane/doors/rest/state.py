"""What every request finds: who carries executions out, and whether the server is stopping."""

from __future__ import annotations

from asyncio import Event
from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import State as Kept
from starlette.requests import Request

from pavane.errors import ConflictError

if TYPE_CHECKING:
    from pavane.doors.executions.asked import Executions
    from pavane.doors.executions.dead_letters import DeadLetters
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine
    from pavane.engine.views.reader import Reader
    from pavane.engine.views.records import Records


class NoConductorError(ConflictError):
    """Only an engine can do this, and here is none: its executions are choreographed."""

    code = "no-conductor"


class Conductor(NamedTuple):
    """An engine and those who read its store."""

    engine: Engine
    reader: Reader
    records: Records


class State:
    """The typed face of `app.state`, which `build_app` has filled.

    `engine`, `reader` and `records` raise NoConductorError where there is no engine; `executions`
    are those of every style.
    """

    def __init__(self, kept: Kept) -> None:
        self._conductor: Conductor | None = kept.conductor
        self.executions: Executions = kept.executions
        self.dead_letters: DeadLetters = kept.dead_letters
        self.company: Company | None = kept.company
        self.stopping: Event = kept.stopping

    @property
    def conducts(self) -> bool:
        """Whether there is an engine."""
        return self._conductor is not None

    @property
    def engine(self) -> Engine:
        """Carries out orchestrated executions."""
        return self._there.engine

    @property
    def reader(self) -> Reader:
        """Reads the engine's store."""
        return self._there.reader

    @property
    def records(self) -> Records:
        """Reads rows of the engine's store."""
        return self._there.records

    @property
    def _there(self) -> Conductor:
        if self._conductor is None:
            raise NoConductorError(
                "There is no conductor here: what this process knows is choreographed.",
                "Look under /v1/executions, or ask a process that `pavane server` started.",
            )
        return self._conductor


def state(request: Request) -> State:
    """What `build_app` put there."""
    return State(request.app.state)
