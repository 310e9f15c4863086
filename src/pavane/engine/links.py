"""Which executions of a batch must be written together: parents, children, whoever gives a key."""

from __future__ import annotations

from collections.abc import Collection

from pavane.engine.work_set import WorkSet


class Links:
    """Executions that are joined, directly or by others, are one group."""

    def __init__(self) -> None:
        self._linked: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """These two are written together."""
        a, b = self._root(one), self._root(other)
        if a != b:
            self._linked[a] = b

    def groups(self, work: Collection[WorkSet]) -> list[list[WorkSet]]:
        """The executions that changed, those together that must be written together.

        Those with stale rows are among them: something was to be decided there.
        """
        if not self._linked:
            return [[each] for each in work if each.dirty or each.stale]
        groups: dict[str, list[WorkSet]] = {}
        for each in work:
            if each.dirty or each.stale:
                groups.setdefault(self._root(each.id), []).append(each)
        return list(groups.values())

    def _root(self, execution_id: str) -> str:
        while execution_id in self._linked:
            execution_id = self._linked[execution_id]
        return execution_id
