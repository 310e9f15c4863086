"""One service that takes its tasks from a bus: its processes, their room, what is out there.

A task is sent only where some process has room for it, so that the queue on the bus stays short
and what is urgent waits in the engine's own queues, in its order. The lease is this node's: it ends
with the node, or when no process of the service gave a sign of life for long. A bus keeps what it
was given until it is done, so a task that nobody speaks of is sent again only now and then: after
one lease, two, four …, as a copy that changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pavane.core.model.work import Assignment
from pavane.engine.queued.messages import Here
from pavane.engine.sessions import Held


def held_of(given: Assignment) -> Held:
    """Which attempt it is."""
    return Held(given.execution_id, given.ref, given.attempt)


class Process:
    """A process of the service, as it said last. Times are those of the event loop."""

    __slots__ = ("places", "rooms", "until")

    def __init__(self, here: Here, now: float) -> None:
        self.until = now + here.for_ms / 1000
        self.rooms = {name: room.places for room in here.rooms for name in room.tasks}
        self.places = here.places or sum(room.places for room in here.rooms)


class Sent:
    """A task that is out there: when somebody spoke of it, and how often it was sent."""

    __slots__ = ("assignment", "heard_at", "times")

    def __init__(self, assignment: Assignment, now: float) -> None:
        self.assignment = assignment
        self.heard_at = now
        self.times = 1


class ServiceCrew:
    """What this node knows of one service. `worker` is the name that holds its leases."""

    def __init__(self, service: str, worker: str) -> None:
        self.service = service
        self.worker = worker
        self.processes: dict[str, Process] = {}
        self.sent: dict[Held, Sent] = {}
        self.waiting: dict[str, None] = {}  # tasks of which there may be some in the queues
        self.fetching = False
        self.heard_at = 0.0
        self._taken: dict[str, int] = {}  # places, by task: sent, or reserved for a commit
        self._all_taken = 0

    @property
    def tasks(self) -> set[str]:
        """What its processes can do."""
        return {name for each in self.processes.values() for name in each.rooms}

    @property
    def places(self) -> int:
        """Of all its processes."""
        return sum(each.places for each in self.processes.values())

    def hears(self, here: Here, now: float) -> bool:
        """A process says that it lives. Whether there is more room than before."""
        self.heard_at = now
        places, tasks = self.places, self.tasks
        if here.leaving:
            self.processes.pop(here.worker, None)
        else:
            self.processes[here.worker] = Process(here, now)
        for each in here.holds:
            sent = self.sent.get(Held(each.execution_id, each.ref, each.attempt))
            if sent is not None:
                sent.heard_at = now
        return self.places > places or not self.tasks <= tasks

    def lapse(self, now: float) -> list[str]:
        """Forget processes that did not say again that they live; who these were."""
        gone = [name for name, each in self.processes.items() if each.until < now]
        for name in gone:
            del self.processes[name]
        return gone

    # --- places ---------------------------------------------------------------------------------

    def free(self, task: str) -> int:
        """For how many more of this task there is room."""
        able = sum(each.rooms.get(task, 0) for each in self.processes.values())
        return max(0, min(self.places - self._all_taken, able - self._taken.get(task, 0)))

    def take(self, task: str, count: int = 1) -> None:
        """Take places."""
        self._all_taken += count
        self._taken[task] = self._taken.get(task, 0) + count

    def give(self, task: str, count: int = 1) -> None:
        """Give places back."""
        self._all_taken -= count
        self._taken[task] -= count

    def sends(self, given: Assignment, now: float) -> None:
        """A task goes out in a place that was taken."""
        held = held_of(given)
        if held in self.sent:  # it came back, and goes out once more
            self.give(given.task)
        self.sent[held] = Sent(given, now)

    def done(self, held: Held) -> bool:
        """It is over, one way or another; whether it was out there."""
        sent = self.sent.pop(held, None)
        if sent is not None:
            self.give(sent.assignment.task)
        return sent is not None

    # --- silence --------------------------------------------------------------------------------

    def silent(self, now: float, lease_s: float) -> list[Sent]:
        """What nobody spoke of for so long that it may be lost."""
        return [
            each
            for each in self.sent.values()
            if now - each.heard_at > lease_s * 2 ** (each.times - 1)
        ]

    def is_over(self, leased: Iterable[Held], asked: Mapping[Held, Sent]) -> list[Held]:
        """Of those that were asked about, what is not leased to this service any more."""
        here = set(leased)
        gone = asked.keys() - here
        return [held for held in gone if self.sent.get(held) is asked[held]]
