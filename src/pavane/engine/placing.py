"""Tasks that are given to workers of this process in the transaction that schedules them."""

from __future__ import annotations

from collections.abc import Iterable

from pavane.core.decide.tasks import may_be_taken
from pavane.core.model.command import Offer
from pavane.core.model.lanes import task_of
from pavane.engine.limits import Limits
from pavane.engine.work_set import WorkSet
from pavane.ports.dispatcher import Dispatcher


class Placing:
    """Reserves, for one batch, places at workers and within limits; gives them back if it loses."""

    def __init__(self, dispatcher: Dispatcher, limits: Limits) -> None:
        self.dispatcher = dispatcher
        self._limits = limits
        self.offered: set[str] = set()
        """Tasks of which something waits that nobody in here took."""

    def place(self, work: WorkSet, offer: Offer, now: int) -> None:
        """Give a task to a worker of this process, where one is free and no limit is reached."""
        assert work.rows is not None
        if (
            not offer.queue
            or offer.visible_at > now
            or not may_be_taken(work.rows.header, offer.ref)
        ):
            return
        place = self._limits.take(offer.queue)
        if place is None:
            return  # whoever gives a place back tells of it
        task = task_of(offer.queue)
        worker = self.dispatcher.reserve(task)
        if not worker:
            self._limits.give_back(place)
            self.offered.add(task)
            return
        work.places.append(place)
        work.reserved[offer.ref, offer.attempt] = (task, worker)
        work.hand_over(offer.ref, worker, now)

    def give_back(self, group: Iterable[WorkSet]) -> None:
        """Nothing of these was written: what was reserved for them is free again."""
        for work in group:
            for task, worker in work.reserved.values():
                self.dispatcher.give_back(task, worker)
            work.reserved.clear()
            self._limits.give_back(*work.places)
            work.places.clear()
