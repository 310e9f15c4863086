"""How many attempts of a task may run at once, and how many may begin in a time.

Places are counted from the leases: those in the store at the start, and since then those that each
commit made and ended. So whatever ends a lease frees its place, and a death loses none. What waits
for a place stays in its queue, which nobody looks into until there is room; then one is told.
Where places are counted for each key, each key has a queue of its own: a lane.
The beginnings within the time of a rate are a row of the store, noted with the lease itself.

On a store that others use too (`shared`) what is known here is a guess: others begin and end leases
as well. The store decides, in the commit; where it finds no place, and now and then, the guess is
made anew from what the store has (`learn`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from pavane.core.decide.decider import Decision
from pavane.core.decide.retries import policy_of
from pavane.core.model.command import Lease
from pavane.core.model.fact import Claimed, Fact
from pavane.core.model.lanes import key_of, lane, task_of, workflow_of
from pavane.core.model.pace import Pace, Rate, rate_of
from pavane.core.model.rows import OWN, Ready
from pavane.core.model.task_definition import TaskDefinition
from pavane.engine.open_lanes import OpenLanes
from pavane.engine.work_set import Taken, WorkSet
from pavane.ports.clock import Clock
from pavane.ports.store import Bound

_MANY = 1 << 30  # no limit
_KNOWN_MOST: Final = 10_000  # leases that are kept in mind, where what is forgotten is only a guess
_LOOKED_INTO_MOST: Final = 1000  # queues at once

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
        *,
        shared: bool = False,
    ) -> None:
        self._definition_of = definition_of
        self._clock = clock
        self._wake = wake
        self._shared = shared
        self._leases: dict[Held, str] = {}  # in which queue or lane
        self._taken: Counter[str] = Counter()  # places, by queue or lane: leases, and promised ones
        self._paces: dict[str, Pace] = {}
        self._short: set[str] = set()  # tasks for which somebody found no place
        self._lanes = OpenLanes()
        self._bells: dict[str, asyncio.TimerHandle] = {}
        # What began and ended while somebody looks at the store; None where nobody does.
        self._journal: list[tuple[Held, str]] | None = None
        self.doubtful: set[str] = set()  # where something ended that was not known of
        self.freed: set[str] = set()  # where places are free since the last commits, for others

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

    def stands(self, queue: str) -> None:
        """Something waits there, as somebody has seen."""
        self._waits(queue)

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

    def take(self, queue: str) -> Taken | None:
        """Take a place for an attempt, if there is one."""
        task = task_of(queue)
        definition = self._definition_of(task)
        limited = definition is not None and _is_limited(definition)
        if limited and not self.room(queue):
            return None
        place = Taken(queue, self._clock.now())
        self._taken[queue] += 1
        if definition is not None and (rate := rate_of(definition)) is not None:
            self._paces[task].note(rate, place.at)
            self._room_in_time(task, rate)
        if limited and not self._free(queue, definition):
            self._lanes.shut(queue)
        return place

    def admit(self, work: WorkSet, fact: Fact, decision: Decision) -> bool:
        """Whether there is a place for what a worker claims; it is taken. Others need none."""
        if not isinstance(fact, Claimed):
            return True
        queue = next(each.queue for each in decision.commands if isinstance(each, Lease))
        place = self.take(queue)
        if place is None:
            return False
        work.places.append(place)
        return True

    def give_back(self, *places: Taken) -> None:
        """Places that were taken are not needed after all."""
        for queue, _ in places:
            self._leave(queue)
            pace = self._paces.get(task_of(queue))
            if pace is not None:
                pace.forget()
            self._tell(queue)

    def bounds(self, places: Iterable[Taken]) -> list[Bound]:
        """What the store is to see to. It counts places only where others may take them too."""
        leased: Counter[tuple[str, int]] = Counter()
        begun: Counter[tuple[str, Rate, int]] = Counter()
        for queue, at in places:
            task = task_of(queue)
            definition = self._definition_of(task)
            if definition is None:
                continue
            if self._shared and (most := definition.concurrent_exec_limit):
                leased[queue, most] += 1
            if (rate := rate_of(definition)) is not None:
                begun[task, rate, at] += 1
        return [
            *(Bound(queue, most, count) for (queue, most), count in leased.items()),
            *(
                Bound(task, rate.many, count, rate.within_ms, at)
                for (task, rate, at), count in begun.items()
            ),
        ]

    def committed(self, won: Collection[WorkSet]) -> None:
        """These changes are durable: leases have begun and ended."""
        freed: dict[str, None] = {}
        waiting: dict[str, None] = {}
        for work in won:
            for queue, _ in work.places:  # they are leases now, and are counted as such
                self._leave(queue)
            work.places.clear()
            for ref, ready in work.ready.items():
                if ref == OWN:  # of the execution, which is no task
                    continue
                lease = (work.id, ref)
                queue = ready.queue if ready is not None and ready.worker else ""
                if before := self._is_now(lease, queue):
                    freed[before] = None
                    if self._shared:
                        self.freed.add(before)
                elif self._shared and not queue:
                    self._ended(work, ref)
                if ready is not None and not queue and not ready.mark:
                    waiting[ready.queue] = None
        for queue in waiting:  # behind all that was taken and left
            self._waits(queue)
        for queue in freed:
            self._tell(queue)

    def changed(self) -> None:
        """Definitions have changed: there may be room where there was none."""
        for queue in [*self._short, *self._lanes.all_shut()]:
            self._tell(queue)

    # --- what others do -------------------------------------------------------------------------

    def unsure(self) -> list[str]:
        """Queues in which somebody waits for a place, for all that is known here."""
        return [*self._short, *self._lanes.next_shut(_LOOKED_INTO_MOST)]

    def begin_looking(self) -> None:
        """The store is asked: from here on what is committed is noted, to be put on top of it."""
        self._journal = []

    def learn(
        self, queues: Collection[str], held: Iterable[Ready], paces: Mapping[str, bytes]
    ) -> None:
        """What the store says of some queues, as it was after `begin_looking`."""
        journal, self._journal = self._journal or (), None
        for lease in [lease for lease, queue in self._leases.items() if queue in queues]:
            self._leave(self._leases.pop(lease))
        for ready in held:
            if ready.ref != OWN:
                self._note((ready.execution_id, ready.ref), ready.queue)
        for lease, queue in journal:
            self._is_now(lease, queue)
        for queue in queues:
            task = task_of(queue)
            if task in paces:
                self._paces[task] = Pace.of(paces[task])
            if self._free(queue, self._definition_of(task)) > 0:
                self._tell(queue)

    def has_rate(self, task: str) -> bool:
        """Whether the task has a rate."""
        definition = self._definition_of(task)
        return definition is not None and rate_of(definition) is not None

    def _ended(self, work: WorkSet, ref: str) -> None:
        """A task is nobody's any more, of which it was not known that somebody had it."""
        assert work.rows is not None
        row = work.rows.tasks.get(ref)
        definition = self._definition_of(row.name) if row is not None else None
        if row is None or definition is None or not definition.concurrent_exec_limit:
            return
        queue = lane(row.name, policy_of(definition).key, row.input)
        self.freed.add(queue)
        self.doubt(queue)

    def doubt(self, queue: str) -> None:
        """Something has ended there; where no place was known of, the store is to be asked."""
        if self._free(queue, self._definition_of(task_of(queue))) <= 0:
            self.doubtful.add(queue)

    def _is_now(self, lease: Held, queue: str) -> str:
        """The lease is of this queue from now on, or of none; where it was before, if elsewhere."""
        if self._journal is not None:
            self._journal.append((lease, queue))
        before = self._leases.get(lease, "")
        if before and before != queue:
            del self._leases[lease]
            self._leave(before)
        if queue and before != queue:
            self._note(lease, queue)
        return before if before != queue else ""

    def _note(self, lease: Held, queue: str) -> None:
        if queue and lease not in self._leases:
            if self._shared:
                if not self._is_bounded(queue):
                    return
                if len(self._leases) >= _KNOWN_MOST:
                    oldest = next(iter(self._leases))
                    self._leave(self._leases.pop(oldest))
            self._leases[lease] = queue
            self._taken[queue] += 1

    def _is_bounded(self, queue: str) -> bool:
        definition = self._definition_of(task_of(queue))
        return definition is not None and bool(definition.concurrent_exec_limit)

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
