"""The driver of the pure core, with a journal: each decision is told as roles would tell it."""

from __future__ import annotations

from typing import Any

import msgspec

from pavane.core.decide.decider import Decision
from pavane.core.model import status
from pavane.core.model.journal import ScopeNote, StepNote
from pavane.core.model.rows import TaskRow
from pavane.core.projection.message import child_execution
from tests.unit.core.witness import Witness
from tests.unit.core.world import Stored
from tests.unit.observer.story import Line


class JournalingWitness(Witness):
    """Tells every row that it writes; each step's task is a role, `home` is that of all scopes."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.told: list[Line] = []
        self.scopes: dict[str, str] = {}  # of each execution, its path in the root

    def seen_id(self, identity: str) -> str:
        """The id under which the observer shows an execution."""
        return child_execution(self.root_of(identity), self.path(identity), ()) if identity else ""

    def root_of(self, identity: str) -> str:
        while parent := self.executions[identity].header.parent_id:
            identity = parent
        return identity

    def path(self, identity: str) -> str:
        header = self.executions[identity].header
        if not header.parent_id:
            return ""
        ref = header.parent_ref.rpartition("#")[0]
        return f"{self.path(header.parent_id)}/{ref}"

    def _save(self, stored: Stored, decision: Decision) -> None:
        super()._save(stored, decision)
        for row in [*decision.new_tasks, *decision.tasks]:
            self._tell(row.name, self._of_step(stored, row))
        self._tell("home", self._of_scope(stored))

    def _tell(self, source: str, note: StepNote | ScopeNote) -> None:
        self.told.append(Line(source, len(self.told) + 1, note))

    def _of_step(self, stored: Stored, row: TaskRow) -> StepNote:
        identity = row.execution_id
        joined = row.type == "JOIN" and row.status in status.SUCCESSFUL
        ref = row.ref.removeprefix("undo:")
        return StepNote(
            execution=self.root_of(identity),
            scope=self.path(identity),
            generation=(),
            ref=row.ref,
            at=(),
            attempt=row.attempt,
            type=row.type,
            task=row.name,
            status=row.status,
            service=row.service,
            reason=row.reason,
            child=f"{self.path(identity)}/{ref}" if row.child_id else "",
            due=row.visible_at if row.visible_at > self.now else 0,
            joins=list(stored.plan.nodes[row.ref].join_on) if joined else [],
            time=self.now,
            **payloads(input=row.input, output=b"" if joined else row.output),
        )

    def _of_scope(self, stored: Stored) -> ScopeNote:
        header = stored.header
        parked = [each.ref for each in stored.ready.values() if each.mark == "parked"]
        if header.pivot_passed and header.status == status.NEEDS_ATTENTION:
            parked.append(header.failed_ref)
        parent = header.parent_id
        return ScopeNote(
            execution=self.root_of(header.id),
            scope=self.path(header.id),
            generation=(),
            workflow=header.workflow,
            version=header.version,
            definition=header.definition,
            status=header.status,
            home="home",
            cause=header.cause,
            reason=header.reason,
            failed_ref=header.failed_ref,
            parent=self.path(parent) if parent else "",
            parent_ref=header.parent_ref.rpartition("#")[0],
            key=header.key,
            attention=parked,
            time=self.now,
            **payloads(
                input=stored.values.get("input", b""), output=stored.values.get("output", b"")
            ),
        )


def payloads(**given: bytes) -> dict[str, Any]:
    """Nothing is left out: empty text would be no JSON."""
    return {name: msgspec.Raw(body) for name, body in given.items() if body}
