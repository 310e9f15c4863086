"""WAIT: for a time, until a time, for an event, or for somebody to say that it is enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import event_waits, flow, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.decide.times import duration_ms, until_at
from pavane.core.model import command, status
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step


class Wait(StepType):
    """Open until its time has come, or until it is signalled; a time in the past fires at once."""

    def findings(self, step: Step) -> Iterator[str]:
        """Duration or until, not both, and readable where they are plain text."""
        given = step.input_parameters
        if given.get("duration") and given.get("until"):
            yield "a WAIT has both `duration` and `until`; give one of them"
            return
        for name, parse in (("duration", duration_ms), ("until", until_at)):
            text = given.get(name)
            if isinstance(text, str) and text and "${" not in text:
                try:
                    parse(text)
                except ValueError as error:
                    yield f"a WAIT has an unreadable `{name}`: {error}"
        yield from event_waits.findings(step)

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Work out the time and wait for it."""
        duration, until = task_input.get("duration"), task_input.get("until")
        fires_at = 0
        try:
            if duration and until:
                raise ValueError("both `duration` and `until` are given")
            if duration:
                fires_at = draft.now + duration_ms(str(duration))
            elif until:
                fires_at = max(draft.now, until_at(str(until)))
        except ValueError as error:
            flow.reject(draft, node, str(error), encode(task_input))
            return
        row = self.open(draft, node, task_input, visible_at=fires_at)
        self._arm(draft, node, row, task_input)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """The time has come."""
        if row.visible_at and row.visible_at <= draft.now:
            row = draft.change(row, status.COMPLETED, output=b"{}", ended_at=draft.now)
            flow.completed(draft, node, row)
        else:
            self._arm(draft, node, row, draft.json(row.input))

    @staticmethod
    def _arm(draft: Draft, node: Node, row: TaskRow, task_input: dict[str, Any]) -> None:
        timeout_at = timeouts.next_after(node.policy, row, draft.now)
        alarm_at = timeouts.earliest(row.visible_at, timeout_at)
        queue = event_waits.queue_of_wait(task_input)
        draft.do(command.Wait(row.ref, row.attempt, alarm_at, queue))
