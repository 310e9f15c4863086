"""What a person says about a step that failed behind the pivot: try it again, or it was done."""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.model import status as st
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import IN, INPUT, Node
from pavane.core.projection.dancing.steps import Steps
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import StepRow
from pavane.errors import ExpressionError

_BY_HAND = "Settle it with `done` or `abandon`"
_REDRIVE = (
    "Redrive its message, if that is still set aside, and try again; or else settle it with "
    "`done` or `abandon`"
)


class Settling(Steps):
    """Nothing is called with an input that it was never given: then the answer is no, in words."""

    def resolve_step(self, node: Node, at: At, message: Message) -> None:
        """Somebody settles a step that failed behind the pivot."""
        if node.optional or self.is_frozen(node.scope, self.generation(node, at)):
            return
        if node.kind == "scope" and self.scope_row(node.child, at) is not None:
            self._refuse(node, at, "what ended in there stays as it is", "Settle it with `abandon`")
            return
        row = self.step_row(node, at)
        if row is None or row.status not in (r.FAILED, r.UNKNOWN):
            return
        if message.outcome == "done":
            output = message.values[0][2] if message.values else b"{}"
            self.put_step(node, at, structs.replace(row, status=r.DONE, output=output))
            self.note(node, at, row.attempt, st.COMPLETED, input=row.input, output=output)
            self.go_on(node, at)
            self.settled(node, at)
        else:
            self._try_again(node, at, row)

    def _try_again(self, node: Node, at: At, row: StepRow) -> None:
        """As a new round of attempts; one that never began has no input yet."""
        if node.kind != "step":
            self._refuse(node, at, "only a task can be tried again", _BY_HAND)
            return
        if not row.input:
            body = self._input_of_lost(node, at)
            if not body:
                return
            row = structs.replace(row, input=body, begun=self.now)
        # A pivot need not ask: what waits for a person stands behind one that has passed.
        again = row.attempt + 1
        self.attempt(node, at, structs.replace(row, attempt=again, round=again))
        self.settled(node, at)

    def _input_of_lost(self, node: Node, at: At) -> bytes:
        """What it would have begun with, had its token come; b"" where that is not known."""
        if missing := self.missing(node, at, ""):
            lost = " and ".join(self._said(name) for name in missing)
            self._refuse(node, at, f"{lost} never came", _REDRIVE)
            return b""
        try:
            return encode(self.rendered(node, at))
        except ExpressionError as error:
            self._refuse(node, at, str(error), _BY_HAND)
            return b""

    def _said(self, name: str) -> str:
        """A value for people."""
        if name.endswith(INPUT):
            path = name.removesuffix(INPUT)
            return f"the input of {path or self.choreography.name}"
        what = "input" if name.endswith(IN) else "output"
        return f"the {what} of {self.node(self.choreography.makers[name]).ref}"

    def _refuse(self, node: Node, at: At, why: str, way_out: str) -> None:
        """It stays as it is. Whoever asked sees why in the journal."""
        row = self.step_row(node, at)
        attempt, cause = (max(row.attempt, 0), row.cause) if row is not None else (0, "")
        reason = f"{r.NOT_SETTLED}, because {why.rstrip('.')}. {way_out}."
        self.note(node, at, attempt, cause or st.FAILED, reason=reason)
