"""Workers that are at hand: a task reaches them with the commit that made it."""

from __future__ import annotations

from typing import Protocol

from pavane.core.model.work import Assignment


class Dispatcher(Protocol):
    """Workers in this process, or waiting for an answer of it.

    They are asked while a batch is decided, and told after it is committed.

    No method may block, await or raise.
    """

    def reserve(self, task: str) -> str:
        """The name of a worker with a free place for this task, which is now taken; "" if none."""
        ...

    def give_back(self, task: str, worker: str) -> None:
        """A place that the worker had reserved was not needed after all (the batch was lost)."""
        ...

    def run(self, assignment: Assignment) -> None:
        """Start the work in a reserved place. The outcome is reported to the engine."""
        ...

    def interrupt(self, execution_id: str, ref: str, attempt: int) -> None:
        """Ask the work to stop, if it is still going on. Its outcome is reported all the same."""
        ...

    def wake(self, task: str) -> None:
        """There is a task that no reserved place took: fetch it with `Engine.poll` when free."""
        ...
