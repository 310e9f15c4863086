"""TERMINATE: end the run here, well or badly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pavane.core.decide import ending, flow, phases, races
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import status
from pavane.core.model.command import Close, Mark
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step

_STATUSES = (status.COMPLETED, status.FAILED, status.TERMINATED)


class Terminate(StepType):
    """COMPLETED ends the run with `workflowOutput`; FAILED and TERMINATED undo what was done."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs a status, and may not be optional."""
        wanted = step.input_parameters.get("terminationStatus")
        if isinstance(wanted, str) and "${" in wanted:
            pass
        elif wanted not in _STATUSES:
            yield f"a TERMINATE needs `terminationStatus`: one of {', '.join(_STATUSES)}"
        if step.optional:
            yield "a TERMINATE cannot be optional"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """End the run."""
        wanted = task_input.get("terminationStatus")
        if wanted not in _STATUSES:
            flow.reject(draft, node, f"terminationStatus is {wanted!r}", encode(task_input))
            return
        output = _output(task_input)
        if wanted == status.COMPLETED and races.unsettled(draft):
            row = self.open(draft, node, task_input)
            draft.do(Mark(row.ref, row.attempt, mark="held"))
            return
        row = flow.instant(draft, node, task_input, {"output": output})
        if wanted != status.COMPLETED:
            draft.values["output"] = encode(output)
            reason = task_input.get("terminationReason")
            text = str(reason) if reason else f"Workflow is {wanted} by TERMINATE task: {row.id}"
            draft.abort_because(str(wanted), text, row)
            return
        self._end_well(draft, node, output)

    def begin_again(self, draft: Draft, node: Node, row: TaskRow) -> None:
        """Go on when all who lost a race are undone; anything else begins anew."""
        if row.status not in status.OPEN:
            super().begin_again(draft, node, row)
        elif races.unsettled(draft):
            draft.do(Mark(row.ref, row.attempt, mark="held"))
        else:
            output = _output(draft.json(row.input))
            body = encode({"output": output})
            row = draft.change(row, status.COMPLETED, output=body, ended_at=draft.now)
            draft.do(Close(row.ref))
            draft.log("completed", row.ref, row.attempt)
            flow.arrive(draft, node, row)
            self._end_well(draft, node, output)

    @staticmethod
    def _end_well(draft: Draft, node: Node, output: Any) -> None:
        header = draft.header
        if header.parent_id:  # for the day when the parent wants this undone
            flow.give_up_agenda(draft)
            last = draft.task(header.ended_by) if header.ended_by else None
            if last is not None:  # the flow had come to its end while this branch went on
                flow.mark_frontier(draft, last)
        header.ended_by = node.ref
        draft.agenda.clear()
        header.phase, header.cursor = phases.FORWARD, ""
        if header.open:
            flow.begin_pass(draft, phases.SWEEPING)
        ending.finish(draft, encode(output))


def _output(task_input: Mapping[str, Any]) -> Any:
    """What the run gives, always an object."""
    output: Any = task_input.get("workflowOutput")
    if output is None:
        return {}
    return cast("Any", output) if isinstance(output, dict) else {"output": output}
