"""HUMAN: waits for a person, who answers or refuses, until the deadline that the step has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from pavane.core.decide import flow, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.decide.times import duration_ms
from pavane.core.model import command, status
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step

HUMAN: Final = "HUMAN"

PEOPLE: Final = "person:"
"""The queue of all that waits for a person, so that it is found without looking through all."""

NO_ANSWER: Final = b"null"
"""The output of a step that went on without an answer: an answer is always an object."""

LATE: Final = "nobody answered before the deadline"

_ON_DEADLINE = ("fail", "continue")


class Human(StepType):
    """Open until somebody settles it by a signal, or until its deadline has come."""

    def findings(self, step: Step) -> Iterator[str]:
        """A readable deadline, and what happens then; somebody's name in `to`."""
        given = step.input_parameters
        deadline, then, to = given.get("deadline"), given.get("onDeadline"), given.get("to")
        if isinstance(deadline, str) and "${" in deadline:
            pass
        elif deadline:
            try:
                duration_ms(deadline if isinstance(deadline, str) else "")
            except ValueError as error:
                yield f"a HUMAN has an unreadable `deadline`: {error}"
        elif then:
            yield "a HUMAN has `onDeadline` and no `deadline`; give it one, such as `2 days`"
        if then is not None and then not in _ON_DEADLINE:
            yield f"a HUMAN has onDeadline {then!r}; use `fail` or `continue`"
        if to is not None and not _named(to):
            yield (
                "a HUMAN has a `to` that names nobody; write the name of a person or group, or a "
                "list of names"
            )

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Work out the deadline and wait for somebody."""
        ends_at = 0
        try:
            if task_input.get("deadline"):
                ends_at = draft.now + duration_ms(str(task_input["deadline"]))
        except ValueError as error:
            flow.reject(draft, node, f"its deadline: {error}", encode(task_input))
            return
        row = self.open(draft, node, task_input, visible_at=ends_at)
        _arm(draft, node, row)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """The deadline has come: go on without an answer, or fail."""
        if not row.visible_at or row.visible_at > draft.now:
            _arm(draft, node, row)
        elif goes_on(row.input):
            row = draft.change(row, status.COMPLETED, output=NO_ANSWER, ended_at=draft.now)
            flow.completed(draft, node, row)
        else:
            row = draft.change(row, status.TIMED_OUT, reason=LATE, ended_at=draft.now)
            draft.log("failed", row.ref, row.attempt, status=row.status, reason=LATE)
            flow.fail(draft, node, row)


def goes_on(task_input: bytes) -> bool:
    """Whether the flow goes on without an answer, as the step's input says."""
    given: Any = msgspec.json.decode(task_input)
    return given.get("onDeadline") == "continue"


def _arm(draft: Draft, node: Node, row: TaskRow) -> None:
    timeout_at = timeouts.next_after(node.policy, row, draft.now)
    alarm_at = timeouts.earliest(row.visible_at, timeout_at)
    draft.do(command.Wait(row.ref, row.attempt, alarm_at, PEOPLE))


def _named(to: object) -> bool:
    """Whether it names somebody; an expression may."""
    names = cast("list[object]", to) if isinstance(to, list) else [to]
    return bool(names) and all(isinstance(name, str) and name.strip() for name in names)
