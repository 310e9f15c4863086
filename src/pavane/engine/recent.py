"""Rows of executions that this node wrote last: read again from here instead of the store.

Never a source of truth. What is in here was committed by this node; if another node has written
since, the revision is stale, the commit loses, and the rows are dropped and loaded anew. Where that
happens often, as behind a load balancer, loading is cheaper: then for a while nothing is taken.
"""

from __future__ import annotations

from typing import Any

from pavane.core.decide.draft import Rows
from pavane.core.decide.plan import Plan
from pavane.core.model import status

_EXECUTIONS_MAX = 4096
_STALE_MOST = 4  # losses, and one of eight uses: more is often
_PAUSE = 500  # executions that are loaded before another try
_ROWS_MAX = 48  # of one execution: a wide or long run keeps only its header here


class Recent:
    """At most some thousand executions that go on, the longest unused dropped first."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Rows, Plan]] = {}
        self._going_on: dict[str, None] = {}
        self._uses = self._stale = self._pause = 0

    def take(self, execution_id: str) -> tuple[Rows, Plan] | None:
        """The rows, which the caller may now change; they are no longer in here."""
        found = self._kept.pop(execution_id, None)
        if found is None:
            return None
        if self._pause:
            self._pause -= 1
            return None
        self._uses += 1
        return found

    def keep(self, rows: Rows, plan: Plan) -> None:
        """These rows have just been committed."""
        header = rows.header
        if header.status in status.ENDED or header.status == status.NEEDS_ATTENTION:
            self._going_on.pop(header.id, None)
            return
        if len(rows.tasks) + len(rows.values) > _ROWS_MAX:
            rows = Rows(header=header)
        rows.pages = {}
        _make_room(self._kept)
        self._kept[header.id] = (rows, plan)
        _make_room(self._going_on)
        self._going_on[header.id] = None

    def forget(self, execution_id: str, *, was_stale: bool) -> None:
        """Another node has written it; and what was taken from here was older than that."""
        self._kept.pop(execution_id, None)
        self._going_on.pop(execution_id, None)
        self._stale += was_stale
        if self._stale > _STALE_MOST and 8 * self._stale > self._uses:
            self._pause = _PAUSE
        if self._pause or self._uses > 2 * _PAUSE:
            self._uses = self._stale = 0

    def goes_on(self, execution_id: str) -> bool:
        """Whether the execution is known not to have ended; False says nothing."""
        return execution_id in self._going_on


def _make_room(kept: dict[str, Any]) -> None:
    if len(kept) >= _EXECUTIONS_MAX:
        del kept[next(iter(kept))]
