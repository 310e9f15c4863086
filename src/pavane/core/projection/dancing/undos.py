"""The way back of one step: its undo is tried until it succeeds, or waits for a person."""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.decide.retries import NO_POLICY, Policy, retry_delay_ms
from pavane.core.decide.timeouts import reason_of
from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Node
from pavane.core.projection.dancing.flow import Flow
from pavane.core.projection.dancing.values import Seen, unknown_or
from pavane.core.projection.local import Arm, Attempted, Disarm, Lost, Rang, Run
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import StepRow
from pavane.errors import ExpressionError


class Undos(Flow):
    """The backward half of a step's table (abort-protocol, section 3)."""

    def undo_policy(self, node: Node) -> Policy:
        """Retries and timeouts of a step's undo."""
        undo = node.plan.undo if node.plan is not None else None
        return undo.policy if undo is not None else NO_POLICY

    def undo_step(self, node: Node, at: At) -> None:
        """The home asks for the undo; what was asked before is being done already."""
        row = self.step_row(node, at)
        if row is None or row.status not in r.STANDING:
            return
        try:
            body = encode(self._undo_input(node, at, row))
        except ExpressionError as error:
            row = structs.replace(row, status=r.UNDOING, reason=str(error))
            self.put_step(node, at, row)
            self._park(node, at, row, st.FAILED_WITH_TERMINAL_ERROR, str(error))
            return
        row = structs.replace(row, status=r.UNDOING, undo_input=body)
        self._attempt_undo(node, at, row)

    def _undo_input(self, node: Node, at: At, row: StepRow) -> object:
        if node.plan is None or node.plan.undo is None:
            return {}
        scope = self.choreography.seen_in(node)
        lookup = Seen(self, scope, node, at, unknown_or(node, row))
        return node.plan.undo.template.render(lookup)

    def _attempt_undo(self, node: Node, at: At, row: StepRow) -> None:
        row = structs.replace(row, undo_started=self.now, due=0)
        self.put_step(node, at, row)
        policy = self.undo_policy(node)
        self.note(node, at, row.undo_attempt, st.IN_PROGRESS, undo=True, input=row.undo_input)
        task = node.plan.undo.name if node.plan and node.plan.undo else f"undo:{node.task}"
        self.do(
            Run(
                node.id,
                at,
                row.undo_attempt,
                task,
                row.undo_input,
                undo=True,
                deadline=self.now + policy.timeout_ms if policy.timeout_ms else 0,
                silence=policy.response_timeout_ms,
                since=row.begun,
            )
        )
        limits = [each for each in (policy.timeout_ms, policy.response_timeout_ms) if each]
        if limits:
            self.do(Arm("undo", node.id, at, self.now + min(limits)))

    def on_undo_attempted(self, event: Attempted) -> None:
        """The outcome of an attempt at an undo."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.status != r.UNDOING or row.undo_attempt != event.attempt or row.due:
            return
        if event.status == st.COMPLETED:
            self.undo_succeeded(node, at, row, event.output)
        else:
            late = event.status == st.TIMED_OUT and self.undo_policy(node).timeout_ms
            reason = reason_of(self.undo_policy(node), "task") if late else event.reason
            self.undo_failed(node, at, row, event.status, reason)

    def undo_succeeded(self, node: Node, at: At, row: StepRow, output: bytes = b"{}") -> None:
        """The step is reversed: the home may go on to what was before it."""
        if self.undo_policy(node) is not NO_POLICY:
            self.do(Disarm("undo", node.id, at))
        self.put_step(node, at, structs.replace(row, status=r.UNDONE))
        self.note(
            node,
            at,
            row.undo_attempt,
            st.COMPLETED,
            undo=True,
            input=row.undo_input,
            output=output,
        )
        self._tell_undone(node, at)

    def _tell_undone(self, node: Node, at: At) -> None:
        home = self.home_of(node.scope)
        generation = self.generation(node, at)
        self.send(m.UNDONE, home, node.scope, generation, node=node.id, at=at, something=True)

    def undo_failed(self, node: Node, at: At, row: StepRow, status: str, reason: str) -> None:
        """Try again after a while, or wait for a person: it never counts as undone (rule 17)."""
        policy = self.undo_policy(node)
        used = row.undo_attempt - row.undo_round
        if status == st.FAILED_WITH_TERMINAL_ERROR or used >= policy.retry_count:
            self._park(node, at, row, status, reason)
            return
        seed = f"{self.execution}.undo:{node.ref}.{row.undo_attempt}"
        due = self.now + retry_delay_ms(policy, used, seed)
        self.note(
            node,
            at,
            row.undo_attempt,
            status,
            undo=True,
            input=row.undo_input,
            reason=reason,
        )
        again = row.undo_attempt + 1
        self.note(node, at, again, st.SCHEDULED, undo=True, input=row.undo_input, due=due)
        # `due` says that it waits: a report that comes now is of an attempt that is over.
        self.put_step(node, at, structs.replace(row, due=max(due, 1)))
        self.do(Arm("undo", node.id, at, due))

    def _park(self, node: Node, at: At, row: StepRow, status: str, reason: str) -> None:
        self.do(Disarm("undo", node.id, at))
        self.put_step(node, at, structs.replace(row, status=r.PARKED, due=0))
        held = "its undo gave up and waits for a person"
        self.note(
            node,
            at,
            row.undo_attempt,
            status,
            undo=True,
            input=row.undo_input,
            reason=reason,
            holds=held,
        )
        self.send(
            m.HUMAN,
            self.home_of(node.scope),
            node.scope,
            self.generation(node, at),
            node=node.id,
            at=at,
            reason=reason,
        )

    def undo_rang(self, event: Rang) -> None:
        """The time of the next attempt at an undo; or the present one's time is up."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.status != r.UNDOING:
            return
        if row.due:
            again = row.undo_attempt + 1
            self._attempt_undo(node, at, structs.replace(row, undo_attempt=again))
        else:
            policy = self.undo_policy(node)
            task, silence = policy.timeout_ms, policy.response_timeout_ms
            which = "task" if task and (not silence or task <= silence) else "response"
            self.undo_failed(node, at, row, st.TIMED_OUT, reason_of(policy, which))

    def lost_undo(self, event: Lost) -> None:
        """The process died with the undo: it is made again."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        waits = row is not None and bool(row.due)
        if row is None or row.status != r.UNDOING or row.undo_attempt != event.attempt or waits:
            return
        self._attempt_undo(node, at, row)

    def resolve_undo(self, node: Node, at: At, message: Message) -> None:
        """Somebody settles an undo that gave up: try again, or it was done by hand."""
        row = self.step_row(node, at)
        if row is None or row.status != r.PARKED:
            return
        again = row.undo_attempt + 1
        if message.outcome == "done":
            self.put_step(node, at, structs.replace(row, status=r.UNDONE))
            self.note(node, at, row.undo_attempt, st.COMPLETED, undo=True, input=row.undo_input)
            self._tell_undone(node, at)
            return
        self.put_step(node, at, structs.replace(row, status=r.UNDOING))
        row = structs.replace(row, status=r.UNDOING, undo_attempt=again, undo_round=again)
        self._attempt_undo(node, at, row)
        home, generation = self.home_of(node.scope), self.generation(node, at)
        self.send(m.HUMAN, home, node.scope, generation, node=node.id, at=at, outcome="settled")
