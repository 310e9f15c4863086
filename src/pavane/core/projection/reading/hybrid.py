"""A scope of another style is a step: to what is around it, a task with an undo of its own.

So a hybrid needs no protocol between conductor and dancers. In the definition around it the scope
becomes a task of a service that knows the other style: its attempt starts the scope (the same one
however often it is made) and ends with it, and its undo takes the scope back, whatever it has come
to. The scope itself is a workflow of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import structs

from pavane.core.decide.plan import all_steps
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Style, SubWorkflow, Undo, Workflow, content_hash

SERVICE: Final = {"orchestrated": "conductor", "choreographed": "dancers"}
"""By the style of a scope: the service that plays it for those around it."""
UNDO_OF: Final = "undo_"

Find = Callable[[str, int | None], Workflow | None]


def task_of(style: Style) -> str:
    """The task that a scope of this style is to what is around it."""
    return f"{style}_scope"


def split(workflow: Workflow, style: Style, find: Find) -> tuple[Workflow, list[Workflow]]:
    """The workflow for those who play `style`, and its scopes of the other style.

    Each of those has the name `<workflow>/<step>` and its style; scopes in them that are of the
    first style again are still in place, and are split off when it is their turn.
    """
    splitter = _Splitter(style, find)
    return splitter.workflow(workflow, workflow.name), splitter.others


def in_one_style(workflow: Workflow, style: Style = "orchestrated") -> Workflow:
    """The workflow with every scope in place in it, all for those who play one style."""
    return structs.replace(
        workflow, style=style, tasks=[_in_one_style(step, style) for step in workflow.tasks]
    )


def _in_one_style(step: Step, style: Style) -> Step:
    param = step.sub_workflow_param
    if param is not None:
        inner = param.workflow_definition
        whole = in_one_style(inner, style) if inner is not None else None
        one = structs.replace(param, style=style, workflow_definition=whole)
        return structs.replace(step, sub_workflow_param=one)
    return step.mapped(lambda each: _in_one_style(each, style))


def styles(workflow: Workflow) -> set[Style]:
    """The styles of a workflow and of the scopes in place in it; without one it is orchestrated."""
    found: set[Style] = {workflow.style or "orchestrated"}
    for step in all_steps(workflow.tasks):
        param = step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            inner = param.workflow_definition
            own = param.style or inner.style or workflow.style
            found |= styles(structs.replace(inner, style=own))
    return found


class _Splitter:
    def __init__(self, style: Style, find: Find) -> None:
        self._style: Style = style
        self._find = find
        self.others: list[Workflow] = []

    def workflow(self, workflow: Workflow, path: str) -> Workflow:
        return structs.replace(workflow, tasks=[self._step(step, path) for step in workflow.tasks])

    def _step(self, step: Step, path: str) -> Step:
        param = step.sub_workflow_param
        if param is not None and step.type == "SUB_WORKFLOW":
            inner = param.workflow_definition or self._find(param.name, param.version)
            own = inner.style if inner is not None else None
            style: Style = param.style or own or self._style
            if inner is not None and style != self._style:
                return self._as_task(step, param, inner, style, f"{path}/{step.ref}")
            if param.workflow_definition is not None:
                whole = self.workflow(param.workflow_definition, f"{path}/{step.ref}")
                changed = structs.replace(param, workflow_definition=whole)
                return structs.replace(step, sub_workflow_param=changed)
            return step
        return step.mapped(lambda each: self._step(each, path))

    def _as_task(
        self, step: Step, param: SubWorkflow, inner: Workflow, style: Style, name: str
    ) -> Step:
        other = structs.replace(
            inner, name=name, style=style, home=param.home or inner.home, started_by=None
        )
        self.others.append(other)
        task, service = task_of(style), SERVICE[style]
        which = {"workflow": name, "definition": content_hash(other)}
        # It ends when the scope ends: the scope's own time limits are what bounds it.
        once = TaskDefinition(name=task, service=service, retry_count=0, response_timeout_seconds=0)
        patient = TaskDefinition(
            name=UNDO_OF + task,
            service=service,
            retry_count=10,
            retry_logic="EXPONENTIAL_BACKOFF",
            retry_delay_seconds=0.2,
            max_retry_delay_seconds=10,
            response_timeout_seconds=0,
        )
        return structs.replace(
            step,
            name=task,
            type="SIMPLE",
            service=service,
            input_parameters={**which, "input": step.input_parameters},
            sub_workflow_param=None,
            task_definition=once,
            undo=Undo(
                name=UNDO_OF + task,
                input_parameters=dict(which),
                task_definition=patient,
                service=service,
            ),
        )
