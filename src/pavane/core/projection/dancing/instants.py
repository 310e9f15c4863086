"""Nodes without a service: values worked out, choices, waits, ends by TERMINATE."""

from __future__ import annotations

from typing import Any, cast

from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.decide.retries import NO_POLICY
from pavane.core.decide.step_types.exclusive_join import none_has_run
from pavane.core.decide.step_types.human import HUMAN, LATE, NO_ANSWER, goes_on
from pavane.core.decide.step_types.inline import evaluate
from pavane.core.decide.step_types.switch import as_case
from pavane.core.decide.step_types.wait import duration_ms, until_at
from pavane.core.decide.timeouts import reason_of
from pavane.core.model import status as st
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import OUT, Node
from pavane.core.projection.dancing.flow import Flow
from pavane.core.projection.dancing.limits import is_only_noted
from pavane.core.projection.dancing.values import Seen
from pavane.core.projection.local import Arm, Disarm, Rang
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import StepRow
from pavane.errors import ExpressionError


class Instants(Flow):
    """Over in the turn in which they begin, all but waits."""

    def begin_instant(self, node: Node, at: At) -> None:
        """A NOOP, an INLINE, a SET_VARIABLE or a FORK_JOIN."""
        task_input: dict[str, Any] = {}
        try:
            task_input = self.rendered(node, at)
            output: dict[str, Any] = {}
            if node.type == "INLINE" and node.plan is not None and node.plan.expression:
                output = {"result": evaluate(node.plan.expression, task_input)}
        except ExpressionError as error:
            self._reject(node, at, str(error), task_input)
            return
        self._settle(node, at, task_input, output)
        self.go_on(node, at)

    def _settle(self, node: Node, at: At, task_input: Any, output: Any) -> None:
        given, made = encode(task_input), encode(output)
        self.put_step(node, at, StepRow(r.DONE, input=given, output=made, begun=self.now))
        opens = node.plan.join if node.plan is not None else ""
        races = node.plan is not None and bool(node.plan.race)
        self.note(node, at, 0, st.COMPLETED, input=given, output=made, opens=opens, races=races)

    def _reject(
        self, node: Node, at: At, reason: str, task_input: dict[str, Any] | None = None
    ) -> None:
        status, given = st.FAILED_WITH_TERMINAL_ERROR, encode(task_input or {})
        self.put_step(node, at, StepRow(r.FAILED, input=given, reason=reason, cause=status))
        if node.optional:
            self.note(node, at, 0, st.COMPLETED_WITH_ERRORS, input=given, reason=reason)
            self.go_on(node, at, missed=reason)
        else:
            self.note(node, at, 0, status, input=given, reason=reason)
            self.fail(node, at, status, reason)

    # --- choices --------------------------------------------------------------------------------

    def begin_choice(self, node: Node, at: At) -> None:
        """Choose, remember the choice, and go on in the chosen way and in no other."""
        try:
            case, task_input = self.case_of(node, at)
        except ExpressionError as error:
            self._reject(node, at, str(error))
            return
        shown = "caseOutput" if node.type == "DECISION" else "evaluationResult"
        output = {shown: [case], "selectedCase": case}
        self._settle(node, at, {**task_input, "case": case}, output)
        self.take_way(node, at, node.cases.get(case, node.default))
        self.tell(node, at)

    def take_way(self, node: Node, at: At, target: str) -> None:
        """Go on where the chosen way leads, also where it is a way without steps (rule 16)."""
        self.token(node, at, target)

    def case_of(self, node: Node, at: At) -> tuple[str, dict[str, Any]]:
        """The case that the data choose, and the input of the step. Raises ExpressionError."""
        task_input = self.rendered(node, at)
        if node.plan is None:
            return "", task_input
        step = node.plan.step
        if node.plan.expression is not None:
            value = evaluate(node.plan.expression, task_input)
        else:
            value = task_input.get(step.case_value_param or step.expression)
        return as_case(value), task_input

    def begin_meet(self, node: Node, at: At) -> None:
        """An EXCLUSIVE_JOIN: what the first has given that has run, of those that it looks at."""
        try:
            task_input = self.rendered(node, at)
        except ExpressionError as error:
            self._reject(node, at, str(error))
            return
        if node.plan is not None:
            task_input["joinOn"] = node.plan.step.join_on
        taken = next((each.ref for each in node.meets if self.runs(each.guards, at)), None)
        if taken is None:
            names = [each.ref for each in node.meets]
            self._reject(node, at, none_has_run(names), task_input)
            return
        output: Any = {}
        if node.plan is not None:
            seen: Any = Seen(self, self.scope_of(node), node, at).root(taken)
            output = seen["output"]
        self._settle(node, at, task_input, output)
        self.go_on(node, at)

    # --- ends -----------------------------------------------------------------------------------

    def begin_break(self, node: Node, at: At) -> None:
        """TERMINATE with FAILED or TERMINATED: the scope goes back."""
        try:
            task_input = self.rendered(node, at)
        except ExpressionError as error:
            self._reject(node, at, str(error))
            return
        made = encode(_output(task_input))
        self._settle(node, at, task_input, {"output": _output(task_input)})
        wanted = task_input.get("terminationStatus", st.FAILED)
        reason = task_input.get("terminationReason")
        name = self.shown(node, at)
        text = str(reason) if reason else f"Workflow is {wanted} by TERMINATE task: {name}"
        self.break_off(node, at, str(wanted), text, made)

    def break_off(self, node: Node, at: At, cause: str, reason: str, output: bytes = b"{}") -> None:
        """Tell the home why its scope ends here, and with which output."""
        self.send(
            "fail",
            self.home_of(node.scope),
            node.scope,
            self.generation(node, at),
            node=node.id,
            at=at,
            cause=cause,
            reason=reason,
            values=((node.id + OUT, at, output),),
        )

    def begin_finish(self, node: Node, at: At) -> None:
        """TERMINATE with COMPLETED: on to the end, with this as the output."""
        try:
            task_input = self.rendered(node, at)
        except ExpressionError as error:
            self._reject(node, at, str(error))
            return
        made = {"output": _output(task_input)}
        self._settle(node, at, task_input, made)
        self.keep_end(node, at, encode(made))
        self.go_on(node, at)

    # --- waits ----------------------------------------------------------------------------------

    def begin_wait(self, node: Node, at: At) -> None:
        """Wait for a time, or until somebody says that it is enough."""
        try:
            task_input = self.rendered(node, at)
            due = self._wait_until(node, task_input)
        except (ExpressionError, ValueError) as error:
            self._reject(node, at, str(error))
            return
        given = encode(task_input)
        row = StepRow(r.WAITING, input=given, due=due, begun=self.now, started=self.now)
        self.put_step(node, at, row)
        self.note(node, at, 0, st.IN_PROGRESS, input=given, due=due)
        policy = node.plan.policy if node.plan is not None else None
        limit = self.now + policy.timeout_ms if policy is not None and policy.timeout_ms else 0
        rings = min((each for each in (due, limit) if each), default=0)
        if rings:
            self.do(Arm("wait", node.id, at, rings))

    def _wait_until(self, node: Node, task_input: dict[str, Any]) -> int:
        if node.type == HUMAN:
            deadline = task_input.get("deadline")
            return self.now + duration_ms(str(deadline)) if deadline else 0
        duration, until = task_input.get("duration"), task_input.get("until")
        if duration and until:
            raise ValueError("both `duration` and `until` are given")
        if duration:
            return self.now + duration_ms(str(duration))
        return max(self.now, until_at(str(until))) if until else 0

    def wait_rang(self, event: Rang) -> None:
        """Its time has come, or its time is up."""
        node, at = self.node(event.node), event.at
        row = self.step_row(node, at)
        if row is None or row.status != r.WAITING:
            return
        if row.due and row.due <= self.now:
            if node.type != HUMAN:
                self._wait_over(node, at, row, b"{}")
            elif goes_on(row.input):
                self._wait_over(node, at, row, NO_ANSWER)
            else:
                self._wait_failed(node, at, row, st.TIMED_OUT, LATE)
            return
        policy = node.plan.policy if node.plan is not None else NO_POLICY
        if is_only_noted(policy, "task"):
            if row.due:
                self.do(Arm("wait", node.id, at, row.due))
            return
        self._wait_failed(node, at, row, st.TIMED_OUT, reason_of(policy, "task"))

    def on_signal(self, message: Message) -> None:
        """Somebody outside completes, or fails, a step that waits."""
        node, at = self.node(message.node), message.at
        row = self.step_row(node, at)
        if row is None or row.status != r.WAITING:
            return
        self.do(Disarm("wait", node.id, at))
        output = message.values[0][2] if message.values else b"{}"
        if message.outcome != st.FAILED:
            self._wait_over(node, at, row, output)
            return
        reason = message.reason or "signalled to fail"
        self._wait_failed(node, at, row, st.FAILED, reason, output)

    def _wait_failed(
        self, node: Node, at: At, row: StepRow, status: str, reason: str, output: bytes = b""
    ) -> None:
        self.put_step(
            node, at, structs.replace(row, status=r.FAILED, reason=reason, cause=status, due=0)
        )
        shown = st.COMPLETED_WITH_ERRORS if node.optional else status
        self.note(node, at, 0, shown, input=row.input, output=output, reason=reason)
        if node.optional:
            self.go_on(node, at, missed=reason)
        else:
            self.fail(node, at, status, reason)

    def _wait_over(self, node: Node, at: At, row: StepRow, output: bytes) -> None:
        self.put_step(node, at, structs.replace(row, status=r.DONE, output=output, due=0))
        self.note(node, at, 0, st.COMPLETED, input=row.input, output=output)
        self.go_on(node, at)


def _output(task_input: dict[str, Any]) -> dict[str, Any]:
    """What a TERMINATE leaves as the output: always an object."""
    output: Any = task_input.get("workflowOutput")
    if output is None:
        return {}
    return cast("dict[str, Any]", output) if isinstance(output, dict) else {"output": output}
