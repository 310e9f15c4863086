"""The abort barrier at a member: freeze for good, and report once everything is still."""

from __future__ import annotations

from msgspec import structs

from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import UNSEEN
from pavane.core.projection.dancing.homes import Homes
from pavane.core.projection.dancing.returning import STOPPED
from pavane.core.projection.local import Disarm, Interrupt
from pavane.core.projection.message import At, Message, Reported
from pavane.core.projection.rows import FreezeRow, Key, Row, ScopeRow, StepRow


class Barrier(Homes):
    """The freeze row (abort-protocol, section 3; rules 1, 2, 3 and 14)."""

    def on_freeze(self, message: Message) -> None:
        """Nothing new begins here in the scope instance; what waits is dropped."""
        path, generation = message.scope, message.generation
        if self.freeze_row(path, generation) is not None:
            return
        self.put_freeze(path, generation, FreezeRow())
        for key, row in self.rows_of(path, generation).items():
            if isinstance(row, StepRow):
                alone = self.choreography.scopes[path].alone
                self._stop(key, row, message.reason if alone else "")
            elif isinstance(row, ScopeRow) and row.status in (r.OPEN, r.LOCKED):
                reason = f"{STOPPED}: {message.reason}"
                self.abort(key.name, key.at, row, r.BY_PARENT, cause=st.TERMINATED, reason=reason)
            elif isinstance(row, ScopeRow) and row.status in r.GOING_BACK:
                self.second_cause(key.name, key.at, row, r.BY_PARENT)
        self.answer_if_still(path, generation)

    def _stop(self, key: Key, row: StepRow, reason: str) -> None:
        node, at = self.node(key.name), key.at
        if row.status == r.RUNNING:
            self.do(Interrupt(node.id, at, row.attempt))
            return
        if row.status == r.RETRYING:
            self.do(Disarm("retry", node.id, at))
            after = r.UNKNOWN if row.perhaps else r.CANCELLED
            attempt = row.attempt + 1
        elif row.status == r.LOOPING:
            after, attempt = r.CANCELLED, 0
        elif row.status in (r.READY, r.WAITING):
            self.do(Disarm("again" if node.kind == "again" else "wait", node.id, at))
            after, attempt = r.CANCELLED, 0
        else:
            if row.status == r.ASKING:  # stays so: permission that comes now is not used
                self.note(node, at, 0, st.CANCELED, input=row.input, reason=reason)
            return
        self.put_step(node, at, structs.replace(row, status=after))
        if node.kind not in UNSEEN:
            self.note(node, at, attempt, st.CANCELED, input=row.input, reason=reason)

    def answer_if_still(self, path: str, generation: At) -> None:
        """Answer once, in the first turn in which nothing moves (rule 2)."""
        frozen = self.freeze_row(path, generation)
        if frozen is None or frozen.answered:
            return
        rows = self.rows_of(path, generation)
        if any(self.moves(row) for row in rows.values()):
            return
        self.put_freeze(path, generation, FreezeRow(answered=True))
        report = tuple(
            Reported(key.name, key.at) for key, row in rows.items() if self.stands(key, row)
        )
        home = self.home_of(path)
        self.send(m.FROZEN, home, path, generation, report=tuple(sorted(report, key=_place)))

    def moves(self, row: Row) -> bool:
        """Whether an attempt, or a child scope, may still change what is to be undone."""
        if isinstance(row, StepRow):
            return row.status in r.STILL_MOVING
        return isinstance(row, ScopeRow) and row.status in r.SCOPE_MOVING

    def stands(self, key: Key, row: Row) -> bool:
        """Whether it belongs into the report: what was done, or perhaps was (rule 3)."""
        if isinstance(row, StepRow):
            node = self.node(key.name)
            return row.status in r.STANDING and node.reversible and node.kind == "step"
        return isinstance(row, ScopeRow) and row.status == r.CLOSED


def _place(line: Reported) -> tuple[str, At]:
    return line.node, line.at
