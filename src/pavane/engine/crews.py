"""All workers that are at hand, as one: those of this process, then those who wait at a place."""

from __future__ import annotations

from pavane.core.model.work import Assignment
from pavane.ports.dispatcher import Dispatcher

LOCAL = "local"  # names of workers in this process begin so


class Crews:
    """A `Dispatcher` over two: `own` of this process, or none, and `others`."""

    def __init__(self, own: Dispatcher | None, others: Dispatcher) -> None:
        self._own = own
        self._others = others
        self._of_own: set[str] = set()  # names under which our own workers have taken something

    def reserve(self, task: str) -> str:
        if self._own is not None:
            worker = self._own.reserve(task)
            if worker:
                self._of_own.add(worker)
                return worker
        return self._others.reserve(task)

    def give_back(self, task: str, worker: str) -> None:
        self._crew_of(worker).give_back(task, worker)

    def run(self, assignment: Assignment) -> None:
        self._crew_of(assignment.worker).run(assignment)

    def interrupt(self, execution_id: str, ref: str, attempt: int) -> None:
        if self._own is not None:
            self._own.interrupt(execution_id, ref, attempt)
        self._others.interrupt(execution_id, ref, attempt)

    def wake(self, task: str) -> None:
        if self._own is not None:
            self._own.wake(task)
        self._others.wake(task)

    def _crew_of(self, worker: str) -> Dispatcher:
        if self._own is not None and worker in self._of_own:
            return self._own
        return self._others
