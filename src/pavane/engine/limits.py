"""How many attempts of a task may run at once, and how many may begin in a time.

Places are counted from the leases: those in the store at the start, and since then those that each
commit made and ended. So whatever ends a lease frees its place, and a death loses none. What waits
for a place stays in its queue, which nobody looks into until there is room; then one is told.
Where places are counted for each key, each key has a queue of its own: a lane.
The beginnings within the time of a rate are a row of the store, written with the lease itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from pavane.core.decide.decider import Decision
from pavane.core.model.command import Lease
from pavane.core.model.fact import Claimed, Fact
from pavane.core.model.lanes import key_of, task_of, workflow_of
from pavane.core.model.pace import Pace, Rate, rate_of
from pavane.core.model.rows import OWN, Ready
from pavane.core.model.task_definition import TaskDefinition
from pavane.engine.open_lanes import OpenLanes
from pavane.engine.work_set import WorkSet
from pavane.ports.clock import Clock

_MANY = 1 << 30  # no limit

Held = tuple[str, str]
"""Execution and ref of a task that somebody has."""


class Limits:
    """The places of all tasks. `definition_of` gives a task's definition as it is now.

    A place is taken for a lease that a batch is about to commit; then the batch was `committed`,
    or what it took is given back. `wake` is called with a task for which somebody had no place,
    once there may be one.
    """

    def __init__(
        self,
        definition_of: Callable[[str], TaskDefinition | None],
        clock: Clock,
        wake: Callable[[str], None],
    ) -> None:
        self._definition_of = definition_of
        self._clock = clock
        self._wake = wake
        self._leases: dict[Held, str] = {}  # in which queue or lane
        self._taken: Counter[str] = Counter()  # places, by queue or lane: leases, and promised ones
        self._paces: dict[str, Pace] = {}
        self._short: set[str] = set()  # tasks for which somebody found no place
        self._lanes = OpenLanes()
        self._bells: dict[str, asyncio.TimerHandle] = {}

    def resume(
        self, held: Iterable[Ready], queues: Iterable[str], paces: Mapping[str, bytes]
    ) -> None:
        """At the start: count the leases, find what waits and what began lately."""
        for ready in held:
            if ready.ref != OWN:
                self._note((ready.execution_id, ready.ref), ready.queue)
        for queue in queues:
            if not workflow_of(queue):
                self._waits(queue)
        self._paces = {task: Pace.of(body) for task, body in paces.items()}

    def stop(self) -> None:
        """Wake nobody any more."""
        for bell in self._bells.values():
            bell.cancel()
        self._bells.clear()

    # --- what there is room for -----------------------------------------------------------------

    def queues(self, task: str, count: int) -> list[str]:
        """Where attempts of the task may wait that somebody with so much room could take."""
        return [task, *self._lanes.first(task, count)]

    def found_empty(self, queue: str) -> None:
        """Nothing in the queue can be taken now."""
        self._lanes.empty(queue)

    def room(self, queue: str, wanted: int = 1) -> int:
        """How many attempts may begin now; whoever wants more is told when they may."""
        task = task_of(queue)
        definition = self._definition_of(task)
        if definition is None or not _is_limited(definition):
            return _MANY
        room = self._free(queue, definition)
        if room < wanted and queue == task:
            self._short.add(task)
        elif not room:
            self._lanes.shut(queue)
        if room and (rate := rate_of(definition)) is not None:
            in_time = self._room_in_time(task, rate)
            if in_time < wanted:
                self._short.add(task)
            room = min(room, in_time)
        return room

    def _free(self, queue: str, definition: TaskDefinition | None) -> int:
        """Places that are free in a queue or a lane."""
        most = definition.concurrent_exec_limit if definition is not None else 0
        return max(0, most - self._taken.get(queue, 0)) if most else _MANY

    def _room_in_time(self, task: str, rate: Rate) -> int:
        """How many may begin now; where none may, a bell rings when the next one may."""
        now = self._clock.now()
        pace = self._paces.setdefault(task, Pace())
        room = pace.room(rate, now)
        if not room and task not in self._bells:
            pause_s = max(1, pace.free_at(rate) - now) / 1000
            loop = asyncio.get_running_loop()
            self._bells[task] = loop.call_later(pause_s, self._ring, task)
        return room

    def _ring(self, task: str) -> None:
        del self._bells[task]
        self._tell(task)

    # --- places ---------------------------------------------------------------------------------

    def take(self, queue: str) -> bool:
        """Take a place for an attempt, if there is one."""
        task = task_of(queue)
        definition = self._definition_of(task)
        limited = definition is not None and _is_limited(definition)
        if limited and not self.room(queue):
            return False
        self._taken[queue] += 1
        if definition is not None and (rate := rate_of(definition)) is not None:
            self._paces[task].note(rate, self._clock.now())
            self._room_in_time(task, rate)
        if limited and not self._free(queue, definition):
            self._lanes.shut(queue)
        return True

    def admit(self, work: WorkSet, fact: Fact, decision: Decision) -> bool:
        """Whether there is a place for what a worker claims; it is taken. Others need none."""
        if not isinstance(fact, Claimed):
            return True
        queue = next(each.queue for each in decision.commands if isinstance(each, Lease))
        if not self.take(queue):
            return False
        work.places.append(queue)
        return True

    def give_back(self, *queues: str) -> None:
        """Places that were taken are not needed after all."""
        for queue in queues:
            self._leave(queue)
            pace = self._paces.get(task_of(queue))
            if pace is not None:
                pace.forget()
            self._tell(queue)

    def paces(self, queues: Iterable[str]) -> dict[str, bytes]:
        """The rows of those of the tasks that have a rate, to be written with their leases."""
        tasks = {task_of(queue) for queue in queues}
        return {task: self._paces[task].body() for task in tasks if task in self._paces}

    def committed(self, won: Collection[WorkSet]) -> None:
        """These changes are durable: leases have begun and ended."""
        freed: dict[str, None] = {}
        waiting: dict[str, None] = {}
        for work in won:
            for queue in work.places:  # they are leases now, and are counted as such
                self._leave(queue)
            work.places.clear()
            for ref, ready in work.ready.items():
                if ref == OWN:  # of the execution, which is no task
                    continue
                lease = (work.id, ref)
                queue = ready.queue if ready is not None and ready.worker else ""
                before = self._leases.get(lease, "")
                if before and before != queue:
                    del self._leases[lease]
                    self._leave(before)
                    freed[before] = None
                if queue and before != queue:
                    self._note(lease, queue)
                elif ready is not None and not queue and not ready.mark:
                    waiting[ready.queue] = None
        for queue in waiting:  # behind all that was taken and left
            self._waits(queue)
        for queue in freed:
            self._tell(queue)

    def changed(self) -> None:
        """Definitions have changed: there may be room where there was none."""
        for queue in [*self._short, *self._lanes.all_shut()]:
            self._tell(queue)

    def _note(self, lease: Held, queue: str) -> None:
        if queue:
            self._leases[lease] = queue
            self._taken[queue] += 1

    def _leave(self, queue: str) -> None:
        self._taken[queue] -= 1
        if self._taken[queue] <= 0:
            del self._taken[queue]

    def _waits(self, queue: str) -> None:
        if key_of(queue):
            free = self._free(queue, self._definition_of(task_of(queue)))
            self._lanes.waits(queue, free=free > 0)

    def _tell(self, queue: str) -> None:
        """There may be a place: whoever asked in vain is to look again."""
        task = task_of(queue)
        if queue != task:
            if self._free(queue, self._definition_of(task)) and self._lanes.reopen(queue):
                self._wake(task)
        elif task in self._short:
            self._short.discard(task)
            self._wake(task)


def _is_limited(definition: TaskDefinition) -> bool:
    return bool(definition.concurrent_exec_limit or definition.rate_limit_per_frequency)
