"""Steps: attempts that begin, succeed, fail, are tried again, or are too late."""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.decide.retries import NO_POLICY, Policy, retry_delay_ms
from pavane.core.decide.timeouts import reason_of
from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Node
from pavane.core.projection.dancing import limits
from pavane.core.projection.dancing.flow import Flow
from pavane.core.projection.local import (
    GRACE_MS,
    Arm,
    Attempted,
    Disarm,
    Interrupt,
    Lost,
    Rang,
    Run,
)
from pavane.core.projection.message import At
from pavane.core.projection.rows import StepRow
from pavane.errors import ExpressionError

_REASON_MAX = 4000
_RETRIED = frozenset({st.FAILED, st.TIMED_OUT, st.CANCELED})
_UNKNOWN = frozenset({st.TIMED_OUT, st.CANCELED})


class Steps(Flow):
    """The forward half of a step's table (abort-protocol, section 3)."""

    def policy(self, node: Node) -> Policy:
        """Retries and timeouts of a step."""
        return node.plan.policy if node.plan is not None else NO_POLICY

    # --- beginning ------------------------------------------------------------------------------

    def begin_step(self, node: Node, at: At) -> None:
        """A pivot asks the home first (rule 7); any other step is tried."""
        try:
            task_input = encode(self.rendered(node, at))
        except ExpressionError as error:
            self.reject(node, at, str(error))
            return
        row = StepRow(r.ASKING, input=task_input, begun=self.now)
        if self.asks_first(node):
            self.put_step(node, at, row)
            self.note(node, at, 0, st.SCHEDULED, holds="asks the home whether it may pass")
            self.ask(node, at)
        else:
            self.first_attempt(node, at, row)

    def asks_first(self, node: Node) -> bool:
        """Whether the step may begin only with permission."""
        return node.pivot

    def ask(self, node: Node, at: At) -> None:
        """Ask for permission to pass a pivot."""
        home = self.home_of(node.scope)
        self.send(m.ASK, home, node.scope, self.generation(node, at), node=node.id, at=at)

    def go_step(self, node: Node, at: At) -> None:
        """Permission came: the pivot is tried, unless the role was frozen meanwhile."""
        row = self.step_row(node, at)
        if row is None or row.status != r.ASKING:
            return
        if not self.is_frozen(node.scope, self.generation(node, at)):
            self.first_attempt(node, at, row)

    def first_attempt(self, node: Node, at: At, row: StepRow) -> None:
        """Try it now, or when its start delay has passed."""
        delay_ms = int(node.plan.step.start_delay * 1000) if node.plan else 0
        if delay_ms:
            due = self.now + delay_ms
            self.put_step(node, at, structs.replace(row, status=r.RETRYING, attempt=-1, due=due))
            self.note(node, at, 0, st.SCHEDULED, input=row.input, due=due)
            self.do(Arm("retry", node.id, at, due))
        else:
            self.attempt(node, at, row)

    def attempt(self, node: Node, at: At, row: StepRow) -> None:
        """Have the task called, and watch its time."""
        row = structs.replace(row, status=r.RUNNING, started=self.now, due=0, came="")
        self.put_step(node, at, row)
        self.note(node, at, row.attempt, st.IN_PROGRESS, input=row.input)
        policy = self.policy(node)
        ends = policy.timeout_ms and not limits.is_only_noted(policy, "task")
        deadline = self.now + policy.timeout_ms if ends else 0
        self.do(
            Run(
                node.id,
                at,
                row.attempt,
                node.task,
                row.input,
                deadline=deadline,
                silence=policy.response_timeout_ms,
            )
        )
        due = limits.first_limit(policy, row, self.now)
        if due:
            self.do(Arm("deadline", node.id, at, due))

    def reject(self, node: Node, at: At, reason: str) -> None:
        """It fails for good as soon as it begins."""
        status = st.FAILED_WITH_TERMINAL_ERROR
        row = StepRow(r.FAILED, reason=reason, cause=status)
        self.put_step(node, at, row)
        self._gave_up(node, at, row)

    def miss_step(self, node: Node, at: At) -> None:
        """What never came has failed; a copy of what did come is not missed."""
        row = self.step_row(node, at)
        if row is None or row.status == r.READY:
            self.reject(node, at, r.NEVER_CAME)

    # --- ends of attempts -----------------------------------------------------------------------

    def on_attempted(self, event: Attempted) -> None:
        """The outcome of an attempt; late, doubled and fenced-off ones change nothing."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.attempt != event.attempt or row.status not in (r.RUNNING, r.LATE):
            return
        if event.status == st.COMPLETED:
            self.succeeded(node, at, row, event.output)
        else:
            row = structs.replace(row, perhaps=row.perhaps or event.perhaps)
            reason = event.reason[:_REASON_MAX]
            if event.status == st.TIMED_OUT and self.policy(node).timeout_ms:
                reason = reason_of(self.policy(node), "task")  # as our own clock would say it
            self.attempt_failed(node, at, row, event.status, reason)

    def succeeded(self, node: Node, at: At, row: StepRow, output: bytes) -> None:
        """Done; one that was late has no successors, and is undone."""
        generation = self.generation(node, at)
        self._stop_watching(node, at, row)
        self.put_step(node, at, structs.replace(row, status=r.DONE, output=output))
        if row.status == r.RUNNING or self._is_waited_for(node, at):
            self.note(node, at, row.attempt, st.COMPLETED, input=row.input, output=output)
            self.go_on(node, at)
        if row.status == r.LATE and node.pivot:
            self.settled(node, at)
        self.answer_if_still(node.scope, generation)

    def _is_waited_for(self, node: Node, at: At) -> bool:
        """Whether the flow goes on with a late success: nothing else did, nor will."""
        frozen = self.is_frozen(node.scope, self.generation(node, at))
        return not frozen and (node.optional or node.pivot)

    def attempt_failed(self, node: Node, at: At, row: StepRow, status: str, reason: str) -> None:
        """Try again, or give up. A frozen role tries nothing again."""
        self._stop_watching(node, at, row)
        row = structs.replace(row, perhaps=row.perhaps or status in _UNKNOWN)
        if row.status == r.LATE:  # why it failed was said when its time was up
            self._late_over(node, at, structs.replace(row, status=self.given_up(row)))
            self.answer_if_still(node.scope, self.generation(node, at))
            return
        row = structs.replace(row, reason=reason, cause=status)
        over = status == st.TIMED_OUT and not limits.leaves_another(self.policy(node))
        if over or not self._may_retry(node, row, status):
            row = structs.replace(row, status=self.given_up(row))
            self.put_step(node, at, row)
            self._gave_up(node, at, row)
        elif self.is_frozen(node.scope, self.generation(node, at)):
            row = structs.replace(row, status=self.given_up(row))
            self.put_step(node, at, row)
            self.note(node, at, row.attempt, status, input=row.input, reason=reason)
        else:
            self._retry_later(node, at, row)
        self.answer_if_still(node.scope, self.generation(node, at))

    def given_up(self, row: StepRow) -> str:
        """A failure promises that nothing stands, unless an attempt may have happened (rule 3)."""
        return r.UNKNOWN if row.perhaps else r.FAILED

    def _late_over(self, node: Node, at: At, row: StepRow) -> None:
        """It did not succeed after all. That was declared when its time was up, if it matters."""
        self.put_step(node, at, row)
        if node.optional:
            self._gave_up(node, at, row)

    def _gave_up(self, node: Node, at: At, row: StepRow) -> None:
        """The last attempt has failed: the flow goes on without it, or the scope goes back."""
        status, frozen = row.cause, self.is_frozen(node.scope, self.generation(node, at))
        if node.optional and not frozen:
            status = st.COMPLETED_WITH_ERRORS
        attempt = max(row.attempt, 0)
        self.note(node, at, attempt, status, input=row.input, reason=row.reason)
        if node.optional:
            if not frozen:
                self.go_on(node, at, missed=row.reason or status)
        else:
            perhaps = row.status in (r.LATE, r.UNKNOWN)
            self.fail(node, at, row.cause, row.reason, perhaps=perhaps)

    def _may_retry(self, node: Node, row: StepRow, status: str) -> bool:
        policy = self.policy(node)
        if status not in _RETRIED or row.attempt - row.round >= policy.retry_count:
            return False
        total = policy.total_timeout_ms
        return not total or self.now < row.begun + total

    def _retry_later(self, node: Node, at: At, row: StepRow) -> None:
        used = row.attempt - row.round
        seed = f"{self.execution}.{node.ref}.{row.attempt}"
        policy = self.policy(node)
        due = self.now + retry_delay_ms(policy, used, seed)
        if policy.total_timeout_ms:  # then its time is up, and there is no other attempt
            due = min(due, max(self.now, row.begun + policy.total_timeout_ms))
        self.note(node, at, row.attempt, row.cause, input=row.input, reason=row.reason)
        self.note(node, at, row.attempt + 1, st.SCHEDULED, input=row.input, due=due)
        self.put_step(node, at, structs.replace(row, status=r.RETRYING, due=due))
        self.do(Arm("retry", node.id, at, due))

    def _stop_watching(self, node: Node, at: At, row: StepRow) -> None:
        if self.policy(node) is not NO_POLICY:
            self.do(Disarm("grace" if row.status == r.LATE else "deadline", node.id, at))

    # --- time -----------------------------------------------------------------------------------

    def retry_rang(self, event: Rang) -> None:
        """The time of the next attempt."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.status != r.RETRYING:
            return
        row = structs.replace(row, attempt=row.attempt + 1)
        if not limits.total_is_up(self.policy(node), row, self.now):
            self.attempt(node, at, row)
            return
        status = self.given_up(row)
        row = structs.replace(row, status=status, reason="total timeout", cause=st.TIMED_OUT)
        self.put_step(node, at, row)
        self._gave_up(node, at, row)

    def deadline_rang(self, event: Rang) -> None:
        """The attempt's time is up: try again, or declare a failure that may still succeed."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.status != r.RUNNING:
            return
        policy = self.policy(node)
        which = limits.passed(policy, row, self.now)
        if limits.is_only_noted(policy, which):
            if later := limits.limit_after(policy, row, self.now):
                self.do(Arm("deadline", node.id, at, later))
            return
        reason = reason_of(policy, which)
        row = structs.replace(row, reason=reason, cause=st.TIMED_OUT)
        self.do(Interrupt(node.id, at, row.attempt))
        frozen = self.is_frozen(node.scope, self.generation(node, at))
        again = which == limits.RESPONSE or limits.leaves_another(policy)
        if again and not frozen and self._may_retry(node, row, st.TIMED_OUT):
            self._retry_later(node, at, structs.replace(row, perhaps=True))
            return
        row = self.put_step(node, at, structs.replace(row, status=r.LATE))
        if node.optional:  # what goes on without it waits: the end must find nothing at work
            self.note(node, at, row.attempt, st.TIMED_OUT, input=row.input, reason=reason)
        else:
            self._gave_up(node, at, row)
        self.do(Arm("grace", node.id, at, self.now + GRACE_MS))

    def grace_rang(self, event: Rang) -> None:
        """The late attempt has not been heard of: it is unknown, and the abort goes on (rule 3)."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is not None and row.status == r.LATE:
            self._late_over(node, at, structs.replace(row, status=r.UNKNOWN, perhaps=True))
            self.answer_if_still(node.scope, self.generation(node, at))

    def lost_step(self, event: Lost) -> None:
        """The process died with the attempt: it is made again, or is unknown where none may be."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.attempt != event.attempt or row.status not in (r.RUNNING, r.LATE):
            return
        row = structs.replace(row, perhaps=True)
        if row.status == r.RUNNING and not self.is_frozen(node.scope, self.generation(node, at)):
            self.attempt(node, at, row)
            return
        self._stop_watching(node, at, row)
        if row.status == r.RUNNING:
            reason = "its process died while the execution was being stopped"
            self.note(node, at, row.attempt, st.CANCELED, input=row.input, reason=reason)
            self.put_step(node, at, structs.replace(row, status=r.UNKNOWN))
        else:
            self._late_over(node, at, structs.replace(row, status=r.UNKNOWN))
        self.answer_if_still(node.scope, self.generation(node, at))

    # --- a person -------------------------------------------------------------------------------

    def settled(self, node: Node, at: At) -> None:
        """Tell the home that this does not wait for a person any more."""
        home, generation = self.home_of(node.scope), self.generation(node, at)
        self.send(m.HUMAN, home, node.scope, generation, node=node.id, at=at, outcome="settled")
