"""A rate: at most so many beginnings in any time of so long, kept in a row of bounded size."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from pavane.core.model.task_definition import TaskDefinition

GROUPS_MAX: Final = 100
"""How many groups a pace has at most."""


class Rate(NamedTuple):
    """At most `many` within any `within_ms`."""

    many: int
    within_ms: int


def rate_of(definition: TaskDefinition) -> Rate | None:
    """The rate of a task, None where it has none."""
    many = definition.rate_limit_per_frequency
    seconds = definition.rate_limit_frequency_in_seconds or 1
    return Rate(many, max(1, int(seconds * 1000))) if many else None


class Pace:
    """When a task began lately: groups of (epoch ms of the last one, how many), oldest first.

    Up to 100 beginnings each is a group of its own and the rate is exact. Above, some share a
    group, which counts as if all were its last: never more than the rate begin, and up to a
    hundredth fewer.
    """

    __slots__ = ("_groups",)

    def __init__(self, groups: list[tuple[int, int]] | None = None) -> None:
        self._groups = groups or []

    @classmethod
    def of(cls, body: bytes) -> Pace:
        """As it was written by `body`."""
        return cls(msgspec.json.decode(body, type=list[tuple[int, int]]))

    def groups(self) -> list[tuple[int, int]]:
        """As it was written, to be compared."""
        return list(self._groups)

    def body(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self._groups)

    def room(self, rate: Rate, now: int) -> int:
        """How many may begin now; forgets what began too long ago to count."""
        since = now - rate.within_ms
        # A clock that was set back must not stop everything until it is there again.
        self._groups = [(min(at, now), count) for at, count in self._groups if at > since]
        return max(0, rate.many - sum(count for _, count in self._groups))

    def free_at(self, rate: Rate) -> int:
        """When the next may begin, epoch ms; 0 where there is room."""
        over = sum(count for _, count in self._groups) - rate.many
        if over < 0:
            return 0
        for at, count in self._groups:
            over -= count
            if over < 0:
                return at + rate.within_ms
        return 0

    def full_until(self, rate: Rate) -> int:
        """When the next may begin after a time that was used up, epoch ms; 0 where it was not."""
        last = self._groups[-1][0] if self._groups else 0
        self.room(rate, last)
        return self.free_at(rate)

    def note(self, rate: Rate, now: int) -> None:
        """One more begins."""
        size = -(-rate.many // GROUPS_MAX)
        if self._groups and self._groups[-1][1] < size:
            self._groups[-1] = (now, self._groups[-1][1] + 1)
        else:
            self._groups.append((now, 1))

    def forget(self) -> None:
        """The last one did not begin after all."""
        if self._groups:
            at, count = self._groups.pop()
            if count > 1:
                self._groups.append((at, count - 1))
