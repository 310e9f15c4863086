"""Which of the tasks that wait a node takes first: who takes what another takes as well may lose.

Each node that has workers for a task has a share of what waits for it, by the ids of executions.
What is another's share is left alone until it has waited for a moment, as then nobody there is
free. How long a moment is shows from what comes of it: too short, and claims of it lose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final
from zlib import crc32

from pavane.core.model.lanes import task_of
from pavane.core.model.rows import Ready
from pavane.engine.others import Others

MOMENT_MS: Final = (50.0, 1000.0)
"""How long the shares of others are left alone at least, and at most."""


class Shares:
    """The share of this node. `wake` is called with a task of which there is more, a bit later."""

    def __init__(self, others: Others, wake: Callable[[str], None]) -> None:
        self._others = others
        self._wake = wake
        self._moment_ms = MOMENT_MS[0]
        self._bells: set[str] = set()

    def nodes(self, queue: str) -> int:
        """How many nodes have a share of it."""
        return self._others.share(task_of(queue))[1]

    def in_turn(self, found: Sequence[Ready], most: int, now: int) -> list[Ready]:
        """What may be taken now of what waits in a queue; of one priority, our share first."""
        since = now - self._moment_ms
        left = [e for e in found if self.is_ours(e) or e.visible_at <= since]
        if len(left) < min(most, len(found)):
            self._look_again(task_of(found[0].queue))
        return sorted(left, key=lambda each: (-each.priority, not self.is_ours(each)))

    def is_ours(self, each: Ready) -> bool:
        """Whether it is this node's share."""
        mine, nodes = self._others.share(task_of(each.queue))
        return nodes == 1 or crc32(f"{each.execution_id}{each.ref}".encode()) % nodes == mine

    def claimed(self, wanted: Collection[Ready], got: Collection[tuple[str, str]]) -> None:
        """What came of claims of which some were others' shares."""
        theirs = [(each.execution_id, each.ref) in got for each in wanted if not self.is_ours(each)]
        if theirs:
            factor = 0.8 if all(theirs) else 2
            self._moment_ms = min(max(factor * self._moment_ms, MOMENT_MS[0]), MOMENT_MS[1])

    def _look_again(self, task: str) -> None:
        def ring() -> None:
            self._bells.discard(task)
            self._wake(task)

        if task not in self._bells:
            self._bells.add(task)
            asyncio.get_running_loop().call_later(self._moment_ms / 1000, ring)
