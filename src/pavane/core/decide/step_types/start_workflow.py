"""START_WORKFLOW: starts an execution that goes its own way; the step does not wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from pavane.core.decide import flow, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import ids, status
from pavane.core.model.command import IfExists, Launch, Wait
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step

REQUEST: Final = "startWorkflow"
_KNOWN: Final = frozenset(
    {"name", "version", "input", "correlationId", "priority"}
    | {"idempotencyKey", "idempotencyStrategy"}
)
IF_EXISTS: Final[dict[str, IfExists]] = {
    "RETURN_EXISTING": "return",
    "FAIL": "fail",
    "FAIL_ON_RUNNING": "fail_if_running",
}
"""What Conductor's strategies mean for a start whose key somebody has."""


class StartWorkflow(StepType):
    """Start it in the transaction that completes the step, under an id made of the attempt.

    That is one behind the transaction in which the step begins: an execution that starts another
    like itself, and that again, would otherwise never let anybody else have a turn.
    """

    def findings(self, step: Step) -> Iterator[str]:
        """A request with a name, and nothing that is not honoured."""
        request: Any = step.input_parameters.get(REQUEST)
        if isinstance(request, str) and "${" in request:
            return
        yield from (f"a START_WORKFLOW {text}" for text in _wrong(request))

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Its turn comes at once, or after its delay."""
        if wrong := next(_wrong(task_input.get(REQUEST)), ""):
            flow.reject(draft, node, f"it {wrong}", encode(task_input))
            return
        delay_ms = int(node.step.start_delay * 1000)
        row = flow.new_row(
            draft,
            node,
            status.SCHEDULED,
            input=encode(task_input),
            visible_at=draft.now + delay_ms,
        )
        flow.offer(draft, node, row)

    def rang(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """Its turn has come; what the engine makes of it is told in the same transaction."""
        if row.status == status.SCHEDULED and row.visible_at <= draft.now:
            row = draft.change(row, status.IN_PROGRESS, started_at=draft.now)
            draft.do(Wait(row.ref, row.attempt))
            draft.do(_launch(draft, row))
        else:
            limit_at = timeouts.alarm_at(node.policy, row)
            draft.do(Wait(row.ref, row.attempt, timeouts.earliest(row.visible_at, limit_at)))


def _launch(draft: Draft, row: TaskRow) -> Launch:
    request: dict[str, Any] = draft.json(row.input)[REQUEST]
    header = draft.header
    version, priority = request.get("version"), request.get("priority")
    return Launch(
        ref=row.ref,
        attempt=row.attempt,
        execution_id=ids.child_id(header.id, row.ref, row.attempt, draft.now),
        name=request["name"],
        version=version,
        input=encode(request.get("input") or {}),
        correlation_id=str(request.get("correlationId") or header.correlation_id),
        priority=header.priority if priority is None else priority,
        key=str(request.get("idempotencyKey") or ""),
        if_exists=IF_EXISTS[request.get("idempotencyStrategy") or "RETURN_EXISTING"],
    )


def _wrong(request: Any) -> Iterator[str]:
    """What is wrong with a request, as far as it is known yet, in words."""
    if not isinstance(request, dict):
        yield f"needs an object in `{REQUEST}`, with the `name` of a workflow"
        return
    fields = cast("dict[str, Any]", request)
    name, given = fields.get("name"), fields.get("input")
    if not isinstance(name, str) or not name:
        yield f"needs the `name` of a workflow in its `{REQUEST}`"
    if given is not None and not isinstance(given, dict) and not _computed(given):
        yield f"has an `input` in its `{REQUEST}` that is no object"
    for field in ("version", "priority"):
        number = fields.get(field)
        whole = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**31
        if not (number is None or whole or _computed(number)):
            yield f"has a `{field}` in its `{REQUEST}` that is no whole number"
    strategy = fields.get("idempotencyStrategy")
    if strategy and strategy not in IF_EXISTS and not _computed(strategy):
        yield f"has an `idempotencyStrategy` that is none of {', '.join(IF_EXISTS)}"
    for field in sorted(fields.keys() - _KNOWN):
        if fields[field] not in (None, "", {}, []):
            yield f"has `{field}` in its `{REQUEST}`, which is not built yet; leave it out"


def _computed(value: object) -> bool:
    return isinstance(value, str) and "${" in value
