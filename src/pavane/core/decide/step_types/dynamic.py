"""DYNAMIC: a task whose name is computed; its policy is that of the task definition so named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.plan import WORKER_TYPE
from pavane.core.decide.step_types.simple import Simple
from pavane.core.model import status
from pavane.core.model.workflow import Step


class Dynamic(Simple):
    """Once its name is known it is a SIMPLE task: taken, retried, timed out and undone like one."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs to know which of its inputs holds the name."""
        name = step.dynamic_task_name_param
        if not name:
            yield "a DYNAMIC needs `dynamicTaskNameParam`: the input that holds the task's name"
        elif name not in step.input_parameters:
            yield (
                f"a DYNAMIC has dynamicTaskNameParam {name!r}, which is not among its "
                "inputParameters"
            )

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Schedule the first attempt at the task of that name, if somebody has defined one."""
        parameter = node.step.dynamic_task_name_param
        name: Any = task_input.get(parameter)
        definition = draft.plan.tasks.get(name) if isinstance(name, str) else None
        if definition is None:
            given = encode(name)[:80].decode(errors="replace")
            why = (
                f"its task is to be {given} (by its input {parameter!r}), and there is no task "
                "definition of that name"
            )
            flow.reject(draft, node, why, encode(task_input))
            return
        row = flow.new_row(
            draft,
            node,
            status.SCHEDULED,
            type=WORKER_TYPE,
            name=name,
            service=node.step.service or definition.service,
            input=encode(task_input),
            visible_at=draft.now + int(node.step.start_delay * 1000),
        )
        flow.pivot_reached(draft, node)
        flow.offer(draft, node, row)
