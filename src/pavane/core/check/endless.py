"""Refuses a workflow that starts itself whatever happens: a graph that cannot end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pavane.core.model.workflow import Step, Workflow


def check(workflow: Workflow) -> Iterator[str]:
    """Find sub-workflows that start the workflow itself without any condition."""
    if not workflow.name:
        return
    for step in _certain(workflow.tasks):
        param = step.sub_workflow_param
        assert param is not None
        if param.name == workflow.name and param.version in (None, workflow.version):
            yield (
                f"Step {step.ref!r}: it starts {workflow.name!r} itself, whatever happens, so no "
                "execution could end; put it into a SWITCH."
            )


def _certain(steps: Sequence[Step]) -> Iterator[Step]:
    """The sub-workflows by name that every execution starts unless it fails before."""
    for step in steps:
        if _may_end(step):
            return
        if step.type == "FORK_JOIN":
            for branch in step.fork_tasks:
                yield from _certain(branch)
        param = step.sub_workflow_param
        if step.type == "SUB_WORKFLOW" and param is not None:
            if param.workflow_definition is not None:
                yield from _certain(param.workflow_definition.tasks)
            elif param.name:
                yield step


def _may_end(step: Step) -> bool:
    """Whether the workflow may end inside a step, so that what follows is not certain."""
    inner = step.inner
    return step.type == "TERMINATE" or any(_may_end(each) for block in inner for each in block)
