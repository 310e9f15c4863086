"""EXCLUSIVE_JOIN: where exclusive ways meet: it gives what the one that was taken has given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.roots import VIEWED, Roots
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model import status
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step


class ExclusiveJoin(StepType):
    """The first step of `joinOn` that has run decides, else the first of the default ones.

    All of them stand in front of it, so they have ended when the flow comes here, or never began.
    """

    def findings(self, step: Step) -> Iterator[str]:
        """It needs steps to look at."""
        if not step.join_on:
            yield "an EXCLUSIVE_JOIN needs `joinOn`: the last step of each way"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Look at what has run, and go on with its output, or fail with its reason."""
        taken = _taken(draft, node)
        shown = {**task_input, "joinOn": node.step.join_on}
        if taken is None:
            names = (*node.step.join_on, *node.step.default_exclusive_join_task)
            flow.reject(draft, node, none_has_run(names), encode(shown))
        elif taken.status not in status.SUCCESSFUL:
            why = f"{taken.ref}: {taken.reason or taken.status.lower()}"
            flow.reject(draft, node, why, encode(shown))
        else:
            row = flow.instant(draft, node, shown, _output(draft, node, taken))
            flow.go_on(draft, node, row)


def none_has_run(names: Iterable[str]) -> str:
    """Why it fails where the flow came by none of the steps that it looks at."""
    return f"none of {', '.join(names)} has run"


def _taken(draft: Draft, node: Node) -> TaskRow | None:
    names = (*node.step.join_on, *node.step.default_exclusive_join_task)
    refs = [draft.plan.nodes.named(name, node.path) for name in names]
    draft.require([("task", ref) for ref in refs])
    return next((row for ref in refs if (row := draft.task(ref)) is not None), None)


def _output(draft: Draft, node: Node, taken: TaskRow) -> Any:
    if taken.type not in VIEWED:
        return draft.json(taken.output)
    seen: Any = Roots(draft, None, node).root(draft.plan.nodes[taken.ref].step.ref)
    return seen["output"]
