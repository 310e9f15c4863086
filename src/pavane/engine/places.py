"""Workers of other processes while they wait for an answer: each waiting request has places.

A task reaches a place with the commit that schedules it, as it reaches a worker of this process. A
task that no place took stays in its queue, and one of those who wait is told to look there: one,
not all, as ten thousand idle workers would look at the store for every task. Who finds something
tells the next, for there may be more; so a piece of news goes on until somebody finds nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from pavane.core.model.work import Assignment


class Place:
    """One request that waits for tasks, with room for so many. Leave it with `Places.leave`.

    While it is `open`, tasks are handed to it; `given` has them. `close` it and await `settled`
    before looking into the queues, so that not more comes than there is room for.
    """

    __slots__ = (
        "_event",
        "_places",
        "dismissed",
        "free",
        "given",
        "left",
        "news",
        "owed",
        "tasks",
        "worker",
    )

    def __init__(self, places: Places, tasks: tuple[str, ...], worker: str, free: int) -> None:
        self.tasks = tasks
        self.worker = worker
        self.free = free
        self.given: list[Assignment] = []
        self.owed = 0  # reserved for tasks whose commit is under way
        self.news = ""  # the task of a queue in which there may be something
        self.left = False
        self.dismissed = False  # it shall answer now, with or without anything
        self._places = places
        self._event = asyncio.Event()

    def open(self) -> None:
        """Take what comes, at the end of each queue."""
        self._places.enter(self)

    def close(self) -> None:
        """Take nothing more; what was reserved still comes."""
        self._places.shut(self)

    def wake(self) -> None:
        """Something has happened."""
        self._event.set()

    def dismiss(self) -> None:
        """Let it wait no longer."""
        self.dismissed = True
        self._event.set()

    async def settled(self) -> None:
        """Until no commit that may hand something over is under way."""
        while self.owed:
            self._event.clear()
            await self._event.wait()

    async def wait(self, timeout_s: float) -> bool:
        """Whether something came or is to be looked for; False when the time is up."""
        if not (self.given or self.news or self.dismissed):
            self._event.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
            except TimeoutError:
                return False
        return True


class Places:
    """The places in front of the queues, by the name of the task; a `Dispatcher`.

    `hand_back` is called with what was given to a request that is gone, `interrupt` with an attempt
    that is no longer wanted.
    """

    def __init__(
        self,
        hand_back: Callable[[Assignment], None],
        interrupt: Callable[[str, str, int], None],
    ) -> None:
        self._open: dict[str, dict[Place, None]] = {}  # first come, first served
        self._looking: dict[str, dict[Place, None]] = {}  # those who are there and not open
        self._reserved: dict[tuple[str, str], deque[Place]] = {}
        self._crowded: set[str] = set()  # queues in which something may wait
        self._interrupt = interrupt
        self.hand_back = hand_back
        self._all: dict[Place, None] = {}
        self._closing = False

    def dismiss_all(self) -> None:
        """Nobody shall wait any longer, from now on: the server stops."""
        self._closing = True
        for place in self._all:
            place.dismiss()

    def place(self, tasks: Sequence[str], worker: str, free: int) -> Place:
        """A place that is not open yet, and hears of news."""
        place = Place(self, tuple(dict.fromkeys(tasks)), worker, free)
        place.dismissed = self._closing
        self._all[place] = None
        self._stand(self._looking, place)
        return place

    def leave(self, place: Place, *, unheard: bool = False) -> None:
        """The request ends. What it was told and did not look for goes to the next.

        `unheard`: nobody will hear the answer, so what was given goes back to its queue.
        """
        self._go(self._open, place)
        self._go(self._looking, place)
        self._all.pop(place, None)
        place.left = unheard
        if unheard:
            for assignment in place.given:
                self.hand_back(assignment)
            place.given = []
        if place.news:
            self.wake(place.news)

    def found(self, place: Place) -> None:
        """It found something in a queue and took no more than it has room for."""
        for task in place.tasks:
            self.wake(task)

    def found_all(self, place: Place) -> None:
        """It has seen to it that nothing waits in its queues."""
        if not place.news:
            self._crowded.difference_update(place.tasks)

    # --- the dispatcher's promises --------------------------------------------------------------

    def reserve(self, task: str) -> str:
        if task in self._crowded:  # first come, first served: the queue decides
            return ""
        for place in self._open.get(task, ()):
            place.free -= 1
            place.owed += 1
            if not place.free:
                self.shut(place)
            self._reserved.setdefault((task, place.worker), deque()).append(place)
            return place.worker
        return ""

    def give_back(self, task: str, worker: str) -> None:
        place = self._redeem(task, worker)
        if place is not None:
            place.free += 1
            place.wake()

    def run(self, assignment: Assignment) -> None:
        place = self._redeem(assignment.task, assignment.worker)
        if place is None or place.left:
            self.hand_back(assignment)
            return
        place.given.append(assignment)
        place.wake()

    def interrupt(self, execution_id: str, ref: str, attempt: int) -> None:
        self._interrupt(execution_id, ref, attempt)

    def wake(self, task: str) -> None:
        self._crowded.add(task)
        for there in (self._looking, self._open):
            for place in there.get(task, ()):
                if not place.news:
                    place.news = task
                    place.wake()
                    return

    # --------------------------------------------------------------------------------------------

    def enter(self, place: Place) -> None:
        """It is open from now on."""
        self._go(self._looking, place)
        self._stand(self._open if place.free else self._looking, place)

    def shut(self, place: Place) -> None:
        """It is not open any more, and goes on hearing of news."""
        self._go(self._open, place)
        self._stand(self._looking, place)

    def _redeem(self, task: str, worker: str) -> Place | None:
        waiting = self._reserved.get((task, worker))
        if waiting is None:
            return None
        place = waiting.popleft()
        if not waiting:
            del self._reserved[task, worker]
        place.owed -= 1
        return place

    @staticmethod
    def _stand(there: dict[str, dict[Place, None]], place: Place) -> None:
        for task in place.tasks:
            there.setdefault(task, {})[place] = None

    @staticmethod
    def _go(there: dict[str, dict[Place, None]], place: Place) -> None:
        for task in place.tasks:
            standing = there.get(task)
            if standing is not None:
                standing.pop(place, None)
                if not standing:
                    del there[task]
