"""Finds what is wrong with an application before anything runs: each part by itself, then whole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pavane.core.check import find, projectable
from pavane.errors import DefinitionError
from pavane.sdk.application import hearing
from pavane.sdk.service import definitions_of

if TYPE_CHECKING:
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.core.model.workflow import Workflow
    from pavane.sdk.application.loading import App
    from pavane.sdk.workflow import WorkflowFunction


class Surroundings(NamedTuple):
    """What a workflow is checked against: the tasks and the workflows that it may call."""

    tasks: dict[str, TaskDefinition]
    workflows: list[Workflow]


class Checked(NamedTuple):
    """What was found: `findings` must be mended, `notes` are worth knowing."""

    findings: list[str]
    notes: list[str]


def check_application(app: App, *, whole: bool) -> Checked:
    """Everything that can be found; `whole` where the app is all that sends and hears events."""
    findings = service_findings(app)
    notes: list[str] = []
    definitions: list[Workflow] = []
    for workflow in app.workflows.values():
        found = check_workflow(workflow, app)
        findings += found.findings
        notes += found.notes
        with suppress(DefinitionError):
            definitions.append(workflow.definition)
    if whole:  # of a part, nobody knows who is at the other end
        notes += hearing.orphans(app.services.values(), definitions)
    return Checked(findings, notes)


def service_findings(app: App) -> list[str]:
    """What is wrong with the tasks and the event handlers of an application's services."""
    findings: list[str] = []
    try:
        definitions_of(list(app.services.values()))
    except DefinitionError as error:
        findings += error.findings or [str(error)]
    return [*findings, *hearing.faults(app.services.values())]


def check_workflow(workflow: WorkflowFunction[..., Any], app: App) -> Checked:
    """What is wrong with one workflow as it is written, and as it compiles."""
    try:
        definition = workflow.definition
    except DefinitionError as error:
        return Checked(list(error.findings or [str(error)]), [])
    tasks, called = surroundings(workflow, app)
    findings: list[str] = []
    for each in find(definition, tasks, called):
        place = f"{each.at}: " if each.at else ""
        findings.append(f"{place}{workflow.name}: {each.text}")
    notes = projectable.notes(definition, tasks, called)
    return Checked(findings, [f"{workflow.name}: {note}" for note in notes])


def surroundings(workflow: WorkflowFunction[..., Any], app: App) -> Surroundings:
    """The tasks and workflows that a workflow may call, as far as they are right themselves."""
    called = [workflow]
    tasks: dict[str, TaskDefinition] = {}
    definitions: list[Workflow] = []
    for each in called:  # the list grows while it is read
        try:
            definitions.append(each.definition)
        except DefinitionError:  # found where it is checked itself
            continue
        called += (other for other in each.workflows if other not in called)
        for task in each.compiled.tasks:
            with suppress(DefinitionError):
                tasks[task.name] = task.definition
    with suppress(DefinitionError):
        offered = definitions_of(list(app.services.values()))
        tasks |= {task.name: task for task in offered}
    return Surroundings(tasks, definitions)
