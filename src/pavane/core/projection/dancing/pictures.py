"""What a home tells people about its scope, and about the step that the scope is to its parent."""

from __future__ import annotations

from typing import Any

import msgspec

from pavane.core.decide.draft import encode
from pavane.core.model import status as st
from pavane.core.model.journal import ScopeNote
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Node
from pavane.core.projection.dancing.flow import Flow
from pavane.core.projection.local import Over
from pavane.core.projection.message import At
from pavane.core.projection.rows import ScopeRow, StepRow

_SHOWN = {
    r.OPEN: st.RUNNING,
    r.LOCKED: st.RUNNING,
    r.COMMITTED: st.RUNNING,
    r.CLOSING: st.RUNNING,
    r.CLOSED: st.COMPLETED,
    r.ABORTING: st.COMPENSATING,
    r.REVERTING: st.COMPENSATING,
    r.REVERTED: st.COMPENSATED,
}
_OF_STEP = {st.TIMED_OUT: st.TIMED_OUT, st.TERMINATED: st.CANCELED}


class ScopePictures(Flow):
    """Journal entries that a home writes; they decide nothing."""

    def decoded(self, body: bytes) -> dict[str, Any]:
        """A JSON object."""
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])

    def picture(self, path: str, generation: At, row: ScopeRow) -> None:
        """The scope instance as it is now."""
        scope = self.choreography.scopes[path]
        if scope.alone:  # the step in it says all
            return
        status = _SHOWN.get(row.status, "")
        if row.status == r.DEAD:
            status = row.cause
        if row.status == r.ABORTED:
            status = st.COMPENSATED if row.undone and not row.abandoned else row.cause
        if row.human:
            status = st.NEEDS_ATTENTION
        asks_only = self.asks_only(path, row)
        if asks_only:
            status = st.COMPLETED
        members = self.choreography.scopes[path].members
        waits = [f"{each} to freeze" for each in members if each not in row.answered]
        if row.status not in r.GOING_BACK:
            waits = []
        waits += [f"the undo of {self.shown(self.node(u.node), u.at)}" for u in row.left if u.sent]
        outer = self.choreography.scopes[scope.parent]
        over = row.status in (r.CLOSED, r.ABORTED, r.REVERTED, r.DEAD)
        cause = "UNDO" if r.BY_UNDO in row.reasons and not asks_only else row.cause
        payloads = {"input": msgspec.Raw(row.input)} if row.input else {}
        if (over or row.status in r.GOING_BACK) and row.output:
            payloads["output"] = msgspec.Raw(row.output)
        if scope.workflow is not None and scope.workflow.variables:
            payloads["variables"] = msgspec.Raw(encode(scope.workflow.variables))
        note = ScopeNote(
            execution=self.execution,
            scope=path,
            generation=generation,
            workflow=scope.name,
            version=scope.workflow.version if scope.workflow else self.choreography.version,
            definition=self.choreography.hash,
            status=status,
            home=self.role,
            cause=cause,
            reason="" if asks_only else row.reason,
            failed_ref=row.failed_ref,
            parent=scope.parent,
            parent_generation=generation[: outer.depth] if path else (),
            parent_ref=self.node(path).ref if path else "",
            key=row.key,
            correlation=row.correlation,
            waits_for=waits,
            attention=[self._attention(each, row) for each in row.human],
            deadline=row.deadline,
            time=self.now,
            **payloads,
        )
        self.note_scope(note)
        if path and row.status == r.OPEN:
            self.note(self.node(path), generation, 0, st.IN_PROGRESS, input=row.input)
        if not path and (over or row.status == r.REVERTING):
            self.do(Over(status, again=not over))

    def asks_only(self, path: str, row: ScopeRow) -> bool:
        """Whether a scope that ended well is asked what ran in it, and nothing was undone yet."""
        steps = any(self.node(line.node).kind != "scope" for line in row.left)
        back = bool(path) and row.status in (r.REVERTING, r.REVERTED)
        return back and not (steps or row.undone or row.human or row.abandoned)

    def _attention(self, who: tuple[str, At], row: ScopeRow) -> str:
        """On the way back it is an undo that gave up, else the step itself."""
        node = self.node(who[0])
        back = node.alone or (row.status in r.GOING_BACK and node.kind != "end")
        name = self.shown(node, who[1])
        return f"undo:{name}" if back else name

    # --- the step that a scope is to its parent -------------------------------------------------

    def step_closed(self, path: str, generation: At, row: ScopeRow) -> None:
        """The child ended well."""
        node = self.node(path)
        if not node.alone:
            self.note(node, generation, 0, st.COMPLETED, input=row.input, output=row.output)

    def step_aborted(self, path: str, generation: At, row: ScopeRow) -> None:
        """The child took itself back."""
        node = self.node(path)
        if node.alone:
            return
        status = _OF_STEP.get(row.cause, st.FAILED)
        outer = generation[: self.scope_of(node).depth]
        if node.optional and r.OWN in row.reasons and not self.is_frozen(node.scope, outer):
            status = st.COMPLETED_WITH_ERRORS
        made, reason = self.left_by(node, row), row.reason
        self.note(node, generation, 0, status, input=row.input, output=made, reason=reason)

    def step_undo_begins(self, path: str, generation: At, before: ScopeRow, row: ScopeRow) -> None:
        """Something in the child has to be undone: so the child has."""
        if r.BY_UNDO not in row.reasons or not self.asks_only(path, before):
            return
        if self.node(path).alone:
            return
        if not self.asks_only(path, row):
            self.note(self.node(path), generation, 0, st.IN_PROGRESS, undo=True)

    def step_undone(self, path: str, generation: At, row: ScopeRow) -> None:
        """The child is undone, or its people gave it up as it stands; or there was nothing."""
        if self.asks_only(path, row) or self.node(path).alone:
            return
        status = st.FAILED if row.abandoned else st.COMPLETED
        self.note(self.node(path), generation, 0, status, undo=True)

    def step_rejected(self, node: Node, at: At, reason: str) -> None:
        """The child's input cannot be worked out."""
        status = st.FAILED_WITH_TERMINAL_ERROR
        self.put_step(node, at, StepRow(r.FAILED, reason=reason, cause=status))
        if node.optional:
            self.note(node, at, 0, st.COMPLETED_WITH_ERRORS, reason=reason)
            self.go_on(node, at, missed=reason)
            return
        self.note(node, at, 0, status, reason=reason)
        if node.gate:  # a branch, of which there are others
            told = self.with_name(node, at, reason)
            self.token(node, at, node.gate, outcome=m.FAILED, reason=told)
        else:
            self.fail(node, at, status, reason)
