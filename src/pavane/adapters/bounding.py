"""Whether what units take is within their bounds: counted one after the other, as they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pavane.core.model.pace import Pace, Rate
from pavane.ports.store import Unit


def bounded(units: Iterable[Unit]) -> set[str]:
    """The queues and tasks of which the units take something."""
    return {bound.name for unit in units for bound in unit.bounds}


class Room:
    """What is left: `held` has the leases by queue, `paces` the rows of tasks that have a rate."""

    def __init__(self, held: Mapping[str, int], paces: Mapping[str, bytes]) -> None:
        self._taken = Counter(held)
        self._paces = {name: Pace.of(body) for name, body in paces.items()}
        self._noted: set[str] = set()

    def takes(self, unit: Unit) -> bool:
        """Whether what the unit takes is there; then it is taken."""
        taken = self._taken.copy()
        paces: dict[str, Pace] = {}
        for bound in unit.bounds:
            if bound.within_ms:
                pace = paces.get(bound.name)
                if pace is None:
                    known = self._paces.get(bound.name)
                    pace = paces[bound.name] = Pace.of(known.body()) if known else Pace()
                rate = Rate(bound.most, bound.within_ms)
                if pace.room(rate, bound.at) < bound.count:
                    return False
                for _ in range(bound.count):
                    pace.note(rate, bound.at)
            else:
                taken[bound.name] += bound.count
                if taken[bound.name] > bound.most:
                    return False
        self._taken = taken
        self._paces |= paces
        self._noted |= paces.keys()
        return True

    def bodies(self) -> dict[str, bytes]:
        """The rows of the tasks of which something began."""
        return {name: self._paces[name].body() for name in sorted(self._noted)}
