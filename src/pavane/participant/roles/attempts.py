"""Attempts at work: handed to the workers of this process, and their results taken back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from pavane.core.model.work import Assignment, Outcome
from pavane.core.projection.choreography import Choreography, named
from pavane.core.projection.local import Attempted, Interrupt, Run
from pavane.core.projection.message import child_execution
from pavane.errors import StoppingError
from pavane.participant.roles.item import Item
from pavane.ports.clock import Clock
from pavane.ports.dispatcher import Dispatcher

UNBEGUN = "UNBEGUN"
"""An attempt that was stopped before anybody took it: nothing of it can have happened."""

_Place = tuple[str, str, int]  # execution as people see it, reference name, attempt


class Handed(msgspec.Struct, frozen=True):
    """An attempt that somebody has, or waits for."""

    execution: str
    definition: str
    run: Run
    causation: str
    assignment: Assignment


class Attempts:
    """What the dispatcher's workers take from and report to; keeps the promises of a source."""

    def __init__(
        self,
        role: str,
        dispatcher: Dispatcher | None,
        clock: Clock,
        submit: Callable[[Item], None],
    ) -> None:
        self._role = role
        self._dispatcher = dispatcher
        self._clock = clock
        self._submit = submit
        self._handed: dict[_Place, Handed] = {}
        self._ready: dict[str, deque[_Place]] = {}
        self._beats: dict[_Place, int] = {}
        self.open = False

    # --- out ------------------------------------------------------------------------------------

    def begin(self, choreography: Choreography, execution: str, run: Run, causation: str) -> None:
        """Have an attempt made, now or as soon as a worker is free."""
        assignment = self._assignment(choreography, execution, run)
        place = (assignment.execution_id, assignment.ref, run.attempt)
        self._handed[place] = Handed(execution, choreography.hash, run, causation, assignment)
        worker = self._dispatcher.reserve(run.task) if self._dispatcher is not None else ""
        if worker and self._dispatcher is not None:
            self._dispatcher.run(msgspec.structs.replace(assignment, worker=worker))
        else:
            self._offer(place, run.task)

    def _offer(self, place: _Place, task: str) -> None:
        self._ready.setdefault(task, deque()).append(place)
        if self._dispatcher is not None:
            self._dispatcher.wake(task)

    def _assignment(self, choreography: Choreography, execution: str, run: Run) -> Assignment:
        id, ref = place_for_people(choreography, execution, run.node, run.at)
        node = choreography.nodes[run.node]
        shown = f"undo:{ref}" if run.undo else ref
        now = self._clock.now()
        return Assignment(
            execution_id=id,
            ref=shown,
            attempt=run.attempt,
            task=run.task,
            service=self._role,
            workflow=choreography.seen_in(node).name,
            input=run.input,
            idempotency_key=f"{id}:{shown}",
            is_undo=run.undo,
            scheduled_at=now,
            lease_until=now + run.silence if run.silence else 0,
            deadline_at=run.deadline,
            reverses=node.task if run.undo else "",
            since=run.since,
        )

    def interrupt(self, choreography: Choreography, execution: str, command: Interrupt) -> None:
        """Ask an attempt to stop; one that nobody has taken yet never begins."""
        id, ref = place_for_people(choreography, execution, command.node, command.at)
        place = (id, ref, command.attempt)
        handed = self._handed.get(place)
        if handed is None:
            return
        waiting = self._ready.get(handed.run.task)
        if waiting is not None and place in waiting:
            waiting.remove(place)
            self._ended(place, handed, UNBEGUN)
        elif self._dispatcher is not None:
            self._dispatcher.interrupt(id, ref, command.attempt)

    # --- back -----------------------------------------------------------------------------------

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        """Attempts that wait for a worker."""
        self._must_be_open()
        found: list[Assignment] = []
        for task in tasks:
            waiting = self._ready.get(task)
            while waiting and len(found) < limit:
                handed = self._handed.get(waiting.popleft())
                if handed is not None:
                    found.append(msgspec.structs.replace(handed.assignment, worker=worker))
        return found

    async def report(self, outcome: Outcome) -> bool:
        """Take a result. Returns when it is durable; False: it came too late."""
        self._must_be_open()
        place = (outcome.execution_id, outcome.ref, outcome.attempt)
        handed = self._handed.get(place)
        if handed is None:
            return False
        if outcome.status == "IN_PROGRESS":  # given back, to be made again after a while
            loop = asyncio.get_running_loop()
            loop.call_later(outcome.callback_after_s, self._offer, place, handed.run.task)
            return True
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        told = (outcome.status, outcome.output, outcome.reason)
        self._ended(place, handed, *told, answer=answer, perhaps=outcome.perhaps_done)
        return await answer

    def _ended(
        self,
        place: _Place,
        handed: Handed,
        status: str,
        output: bytes = b"{}",
        reason: str = "",
        *,
        answer: asyncio.Future[bool] | None = None,
        perhaps: bool = False,
    ) -> None:
        self._handed.pop(place, None)
        self._beats.pop(place, None)
        run = handed.run
        event = Attempted(run.node, run.at, run.attempt, status, run.undo, output, reason, perhaps)
        self._submit(
            Item(
                handed.execution,
                handed.definition,
                event,
                causation=handed.causation,
                answer=answer,
            )
        )

    async def heartbeat(
        self, execution_id: str, ref: str, attempt: int, *, progress: bytes = b""
    ) -> bool:
        """A sign of life. False: stop, the attempt is no longer wanted. Nobody keeps progress."""
        del progress
        place = (execution_id, ref, attempt)
        if place not in self._handed:
            return False
        self._beats[place] = self._clock.now()
        return True

    def silent_until(
        self, choreography: Choreography, execution: str, node: str, at: tuple[int, ...]
    ) -> int:
        """Until when the last sign of life lets an attempt be silent; 0 when there was none."""
        id, ref = place_for_people(choreography, execution, node, at)
        for place, handed in self._handed.items():
            if place[:2] == (id, ref) and place in self._beats:
                return self._beats[place] + handed.run.silence
        return 0

    def _must_be_open(self) -> None:
        if not self.open:
            raise StoppingError("The participant is not running.", "Start it first.")


def place_for_people(
    choreography: Choreography, execution: str, node_id: str, at: tuple[int, ...]
) -> tuple[str, str]:
    """The execution and reference name under which people know a step."""
    node = choreography.nodes[node_id]
    scope = choreography.seen_in(node)
    id = child_execution(execution, scope.path, at[: scope.depth])
    return id, named(node, at[scope.depth :])
