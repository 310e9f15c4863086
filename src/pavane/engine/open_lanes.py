"""The lanes in which tasks wait: those with a free place, in turn, apart from those without.

A look for work visits only lanes that have both something and a place for it, so ten thousand keys
that wait for theirs cost it nothing.
"""

from __future__ import annotations

from itertools import islice

from pavane.core.model.lanes import task_of


class OpenLanes:
    """Lanes by their task. One goes to the end of the turn when it gets a place again."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, None]] = {}
        self._shut: dict[str, None] = {}

    def waits(self, lane: str, *, free: bool) -> None:
        """Something waits in the lane, and there is a place for it, or none."""
        if free:
            self._shut.pop(lane, None)
            self._open.setdefault(task_of(lane), {})[lane] = None
        else:
            self._forget(lane)
            self._shut[lane] = None

    def shut(self, lane: str) -> None:
        """Its last place was taken."""
        if lane in self._open.get(task_of(lane), ()):
            self.waits(lane, free=False)

    def reopen(self, lane: str) -> bool:
        """It has a place again; whether something waits for it."""
        if lane not in self._shut:
            return False
        self.waits(lane, free=True)
        return True

    def empty(self, lane: str) -> None:
        """Nothing is there that could be taken now."""
        self._forget(lane)

    def first(self, task: str, count: int) -> list[str]:
        """The lanes of a task whose turn it is."""
        return list(islice(self._open.get(task, ()), count))

    def all_shut(self) -> list[str]:
        """Those in which something waits for a place."""
        return list(self._shut)

    def next_shut(self, count: int) -> list[str]:
        """Some of these; each comes again when all others have come."""
        found = list(islice(self._shut, count))
        for lane in found:
            del self._shut[lane]
            self._shut[lane] = None
        return found

    def _forget(self, lane: str) -> None:
        task = task_of(lane)
        lanes = self._open.get(task)
        if lanes is not None:
            lanes.pop(lane, None)
            if not lanes:
                del self._open[task]
