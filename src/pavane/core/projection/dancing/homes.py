"""The home of a scope: it opens it, lets pivots pass, and closes it."""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import OUT, SHOWN, Node, Scope
from pavane.core.projection.dancing.returning import Returning
from pavane.core.projection.dancing.values import Seen
from pavane.core.projection.local import Arm, Disarm
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import ScopeRow, StepRow
from pavane.errors import ExpressionError


class Homes(Returning):
    """One status on one row, decided once (abort-protocol, section 3 and rule 6)."""

    # --- opening --------------------------------------------------------------------------------

    def on_start(self, message: Message) -> None:
        """Somebody starts the execution; the same start again changes nothing."""
        if self.scope_row("", ()) is not None:
            return
        body = message.values[0][2] if message.values else b"{}"
        workflow = self.choreography.root.workflow
        if workflow is not None and workflow.input_template:
            given = self.decoded(body)
            body = encode({**workflow.input_template, **given})
        self.open("", (), body, key=message.source, correlation=message.reason)

    def begin_scope(self, node: Node, at: At) -> None:
        """A token has come to a scope within another."""
        if self.scope_row(node.child, at) is not None:
            return
        try:
            body = encode(self.rendered(node, at))
        except ExpressionError as error:
            self.step_rejected(node, at, str(error))
            return
        if self.step_row(node, at) is not None:  # it waited for data
            self.put_step(node, at, StepRow(r.DONE, begun=self.now))
        self.open(node.child, at, body)

    def miss_scope(self, node: Node, at: At) -> None:
        """Its token never came: dead before it began; the parent is told as of any abort."""
        if not self.has_begun(node, at):
            row = ScopeRow(r.DEAD, cause=st.FAILED, reason=r.NEVER_CAME, begun=self.now)
            self.put_scope(node.child, at, row)
            if node.alone:
                self.note(node, at, 0, st.FAILED, reason=row.reason)
            self._aborted_by_itself(node, at, row)

    def open(
        self, path: str, generation: At, body: bytes, *, key: str = "", correlation: str = ""
    ) -> None:
        """Open a scope instance: its deadline runs, its first node gets a token."""
        scope = self.choreography.scopes[path]
        deadline = self.now + scope.deadline_ms if scope.deadline_ms else 0
        row = ScopeRow(
            r.OPEN,
            input=body,
            deadline=deadline,
            begun=self.now,
            key=key,
            correlation=correlation,
        )
        self.put_scope(path, generation, row)
        self.picture(path, generation, row)
        if deadline:
            self.do(Arm("scope", path, generation, deadline))
        self._enter(scope, generation)

    def _enter(self, scope: Scope, generation: At) -> None:
        first = self.node(scope.first)
        opener = self.choreography.openers[scope.path]
        self.send(
            m.TOKEN,
            first.role,
            scope.path,
            generation,
            node=first.id,
            at=generation,
            source=f"({scope.path})",
            source_at=generation,
            outcome=m.DONE,
            values=self.parcels(opener.brings, generation, first.role),
        )
        for role, names in opener.tells.items():
            values = self.parcels(names, generation, role)
            self.send(
                m.DATA, role, scope.path, generation, node=scope.path, at=generation, values=values
            )

    # --- the end --------------------------------------------------------------------------------

    def begin_end(self, node: Node, at: At, came: str) -> None:
        """The flow has come to the end: close, as soon as the losers of any-joins are undone."""
        path = node.scope
        row = self.scope_row(path, at)
        if row is None or row.status not in (r.OPEN, r.COMMITTED):
            return
        try:
            output = self._output(node, at, came)
        except ExpressionError as error:
            self.end_failed(path, at, row, str(error))
            return
        row = structs.replace(row, output=output)
        scope = self.choreography.scopes[path]
        if scope.joins and self.waits_for_losers(scope):
            row = structs.replace(row, status=r.CLOSING, settling=scope.joins)
            self.put_scope(path, at, row)
            for join in scope.joins:
                self.send(m.SETTLE, self.node(join).role, path, at, node=join, at=at)
        else:
            self.close(path, at, row)

    def waits_for_losers(self, scope: Scope) -> bool:
        """Closing waits for the losers of the scope's any-joins (rule 10)."""
        return bool(scope.joins)

    def _output(self, node: Node, at: At, came: str) -> bytes:
        scope = self.choreography.scopes[node.scope]
        source = self.choreography.nodes.get(came)
        if scope.alone:
            row = self.step_row(self.node(scope.first), at)
            return row.output if row is not None and row.output != b"null" else b"{}"
        if source is None or scope.plan is None:
            return b"{}"
        if source.kind == "finish":
            body = self.value(came + OUT, at)
            return encode(self.decoded(body or b"{}").get("output", {}))
        if scope.workflow is not None and scope.workflow.output_parameters:
            return encode(scope.plan.output.render(Seen(self, scope, node, at)))
        if source.kind == "join":
            seen = Seen(self, scope, node, at).root(source.ref)
            return encode(seen["output"] if isinstance(seen, dict) else {})
        output = self.value(came + OUT, at)
        if output in (None, b"", b"null"):
            return b"{}"
        if source.kind == "loop":
            return encode(self.decoded(output).get(SHOWN, {}))
        return output

    def end_failed(self, path: str, at: At, row: ScopeRow, reason: str) -> None:
        """The output cannot be worked out: back, or behind a pivot a person must see to it."""
        if row.status == r.OPEN:
            self.abort(path, at, row, r.OWN, cause=st.FAILED, reason=reason)
        else:
            end = self.choreography.scopes[path].end
            row = structs.replace(row, human=((end, at),), reason=reason, cause=st.FAILED)
            self.put_scope(path, at, row)
            self.picture(path, at, row)

    def on_settled(self, message: Message) -> None:
        """The losers of one join have all answered."""
        path, generation = message.scope, message.generation
        row = self.scope_row(path, generation)
        if row is None or row.status != r.CLOSING:
            return
        left = tuple(join for join in row.settling if join != message.node)
        row = self.put_scope(path, generation, structs.replace(row, settling=left))
        if not left:
            self.close(path, generation, row)

    def close(self, path: str, generation: At, row: ScopeRow) -> None:
        """It ended well: to its parent, a step that is done."""
        row = structs.replace(row, status=r.CLOSED, human=(), reasons=row.reasons)
        self.put_scope(path, generation, row)
        if row.deadline:
            self.do(Disarm("scope", path, generation))
        self.picture(path, generation, row)
        if not path:
            return
        self.step_closed(path, generation, row)
        if r.BY_CANCEL in row.reasons:
            self._revert(path, generation, row, r.BY_CANCEL)
        else:
            self.go_on(self.node(path), generation)
        self._answer_outside(path, generation)

    # --- pivots ---------------------------------------------------------------------------------

    def on_ask(self, message: Message) -> None:
        """A pivot in the scope, or the home of a child for one in there, asks to pass."""
        path, generation = message.scope, message.generation
        row = self.scope_row(path, generation)
        if row is None or row.status not in (r.OPEN, r.LOCKED, r.COMMITTED):
            return
        who = (message.node, message.at)
        if who not in row.asked:
            row = structs.replace(row, asked=(*row.asked, who))
            self.put_scope(path, generation, row)
        if row.status == r.COMMITTED or (row.status == r.OPEN and not self.asks_outwards(path)):
            self.commit(path, generation, row)
        elif row.status == r.OPEN:
            row = structs.replace(row, status=self.while_asking())
            self.put_scope(path, generation, row)
            outer = self.choreography.scopes[self.choreography.scopes[path].parent]
            where = generation[: outer.depth]
            self.send(m.ASK, outer.home, outer.path, where, node=path, at=generation)

    def asks_outwards(self, path: str) -> bool:
        """A nested scope asks every home around it (rule 8)."""
        return bool(path)

    def while_asking(self) -> str:
        """It locks its own door before it asks outwards (rule 9)."""
        return r.LOCKED

    def commit(self, path: str, generation: At, row: ScopeRow) -> None:
        """From here on there is no way back: all that asked may pass."""
        row = structs.replace(row, status=r.COMMITTED)
        self.put_scope(path, generation, row)
        for node, at in row.asked:
            there = self.node(node)
            self.send(m.GO, there.role, path, generation, node=node, at=at)

    def go_scope(self, node: Node, at: At) -> None:
        """The home around it lets a child scope's pivot pass."""
        row = self.scope_row(node.child, at)
        if row is not None and row.status in (self.while_asking(), r.LOCKED):
            self.commit(node.child, at, row)
