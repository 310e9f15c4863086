"""Rows of executions that this node wrote last: read again from here instead of the store.

Never a source of truth. What is in here was committed by this node; if another node has written
since, the revision is stale, the commit loses, and the rows are dropped and loaded anew.
"""

from __future__ import annotations

from pavane.core.decide.draft import Rows
from pavane.core.decide.plan import Plan
from pavane.core.model import status

_EXECUTIONS_MAX = 4096
_ROWS_MAX = 48  # of one execution: a wide or long run keeps only its header here


class Recent:
    """At most some thousand executions that go on, the longest unused dropped first."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Rows, Plan]] = {}

    def take(self, execution_id: str) -> tuple[Rows, Plan] | None:
        """The rows, which the caller may now change; they are no longer in here."""
        return self._kept.pop(execution_id, None)

    def keep(self, rows: Rows, plan: Plan) -> None:
        """These rows have just been committed."""
        header = rows.header
        if header.status in status.ENDED or header.status == status.NEEDS_ATTENTION:
            return
        if len(rows.tasks) + len(rows.values) > _ROWS_MAX:
            rows = Rows(header=header)
        rows.pages = {}
        if len(self._kept) >= _EXECUTIONS_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[header.id] = (rows, plan)

    def __contains__(self, execution_id: str) -> bool:
        return execution_id in self._kept
