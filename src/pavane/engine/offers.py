"""Who waits for tasks from outside this process: a task that is offered wakes one of them.

One, not all: ten thousand idle workers would look at the store for every task. Who finds something
wakes the next, for there may be more; so a piece of news goes on until somebody finds nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager


class Offers:
    """Places in front of the queues, by the name of the task."""

    def __init__(self) -> None:
        self._places: dict[str, dict[Place, None]] = {}  # first come, first told

    def told(self, task: str) -> None:
        """Something may wait there: the one who has waited longest looks."""
        for place in self._places.get(task, ()):
            self._leave(place)
            place.tell(task)
            return

    @contextmanager
    def place(self, tasks: Sequence[str]) -> Generator[Place]:
        """Wait in front of these queues; what was told and not looked at goes to the next."""
        place = Place(self, tuple(tasks))
        self.enter(place)
        try:
            yield place
        finally:
            self._leave(place)
            if place.news:
                self.told(place.news)

    def enter(self, place: Place) -> None:
        """Stand at the end of each queue."""
        for task in place.tasks:
            self._places.setdefault(task, {})[place] = None

    def _leave(self, place: Place) -> None:
        for task in place.tasks:
            waiting = self._places.get(task)
            if waiting is not None:
                waiting.pop(place, None)
                if not waiting:
                    del self._places[task]


class Place:
    """One who waits. Look into the queues after entering, and again each time `wait` says so."""

    def __init__(self, offers: Offers, tasks: tuple[str, ...]) -> None:
        self.tasks = tasks
        self.news = ""
        self._offers = offers
        self._told = asyncio.Event()

    def tell(self, task: str) -> None:
        """There is something to look for."""
        self.news = task
        self._told.set()

    async def wait(self, timeout_s: float) -> bool:
        """Whether there is something to look for; False when the time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._told.wait()
        except TimeoutError:
            return False
        self._told.clear()
        self.news = ""
        self._offers.enter(self)  # before looking, so that nothing is missed
        return True

    def found(self) -> None:
        """Something was there: somebody else may find more."""
        for task in self.tasks:
            self._offers.told(task)
