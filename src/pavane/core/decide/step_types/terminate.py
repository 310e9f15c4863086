"""TERMINATE: end the run here, well or badly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow, phases
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import status
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
        output: Any = task_input.get("workflowOutput")
        if output is None:
            output = {}
        elif not isinstance(output, dict):
            output = {"output": output}
        row = flow.instant(draft, node, task_input, {"output": output})
        if wanted != status.COMPLETED:
            draft.values["output"] = encode(output)
            reason = task_input.get("terminationReason")
            text = str(reason) if reason else f"Workflow is {wanted} by TERMINATE task: {row.id}"
            draft.abort_because(str(wanted), text, row)
            return
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
        flow.finish(draft, encode(output))
