"""What this node has done since it began, counted, for whoever watches it (`/metrics`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pavane.core.model import status

if TYPE_CHECKING:
    from pavane.engine.batch import Batch
    from pavane.engine.pipeline import Pipeline
    from pavane.engine.work_set import WorkSet

_ENDED = {"completed": status.COMPLETED, "canceled": status.CANCELED}


class OnBus(NamedTuple):
    """A service that takes its tasks from a bus: live processes, their places, what they have."""

    processes: int
    places: int
    tasks: int


class Tallies:
    """Running totals of commits, and what stands now. Executions are counted when they change."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.executions: Counter[str] = Counter()  # by the status that they came into
        self.attempts: Counter[str] = Counter()  # by how they ended
        self.scheduled = 0
        self.taken = 0  # by workers
        self.batches = 0
        self.changes = 0  # executions written, all batches together
        self.lost = 0  # requests decided anew, as another node had written before
        self.on_bus: Callable[[], Mapping[str, OnBus]] = dict

    @property
    def requests_waiting(self) -> int:
        """For a batch."""
        return self._pipeline.waiting

    def committed(self, batch: Batch, won: Sequence[WorkSet]) -> None:
        """A batch is durable."""
        self.batches += 1
        self.changes += len(won)
        self.lost += len(batch.lost)
        for work in won:
            for entry in work.entries:
                self._count(cast("dict[str, Any]", entry))

    def _count(self, entry: dict[str, Any]) -> None:
        kind = entry["kind"]
        if kind == "status":
            self.executions[entry["status"]] += 1
        elif kind == "scheduled":
            self.scheduled += 1
        elif kind == "started":
            self.taken += 1
        elif kind in _ENDED or kind in ("failed", "settled"):
            self.attempts[_ENDED.get(kind) or entry["status"]] += 1
