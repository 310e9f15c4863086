"""`pavane check`: every finding in every workflow of an application, before anything runs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from pavane.doors.cli.main import DONE, FAILED

if TYPE_CHECKING:
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.core.model.workflow import Workflow
    from pavane.doors.cli.app import App
    from pavane.sdk.workflow import WorkflowFunction


@click.command()
@click.argument("app")
@click.option(
    "--simulate",
    is_flag=True,
    help="Play the workflows without a conductor, in every order that a network may bring.",
)
def command(app: str, *, simulate: bool) -> int:
    """Check every workflow and task of APP (shop.py, shop, or shop.py:fulfil_order).

    Prints each finding with file, line and a way out. Exit 0 when there is none, 1 otherwise.
    """
    from pavane.doors.cli.app import load_app

    loaded = load_app(app)
    findings, notes = _look(loaded, whole=":" not in app)
    for text in (*findings, *(f"Note: {note}" for note in notes)):
        click.echo(text + "\n")
    tasks = sum(len(service.tasks) for service in loaded.services.values())
    checked = f"{_count(len(loaded.workflows), 'workflow')}, {_count(tasks, 'task')}"
    click.echo(f"{checked}: {_count(len(findings), 'finding') if findings else 'no findings'}")
    if simulate and not findings:
        return DONE if _simulate(loaded) else FAILED
    return FAILED if findings else DONE


def _simulate(app: App) -> bool:
    """Print what exploration says of each workflow; whether it found nothing wrong."""
    from pavane.doors.cli.simulate import simulate
    from pavane.sdk.service import definitions_of

    fine = True
    tasks = {task.name: task for task in definitions_of(list(app.services.values()))}
    for workflow in app.workflows.values():
        offered, called = _around(workflow)
        lines, right = simulate(workflow.definition, offered | tasks, called)
        click.echo("\n" + "\n".join(lines))
        fine = fine and right
    return fine


def _look(app: App, *, whole: bool) -> tuple[list[str], list[str]]:
    """Findings and notes: of the tasks, of each workflow as it is written, and as it compiles."""
    from pavane.core.check import find, projectable
    from pavane.doors.cli import event_check
    from pavane.errors import DefinitionError
    from pavane.sdk.service import definitions_of

    findings: list[str] = []
    notes: list[str] = []
    tasks: list[TaskDefinition] = []
    try:
        tasks = definitions_of(list(app.services.values()))
    except DefinitionError as error:
        findings += error.findings or [str(error)]
    findings += event_check.faults(app.services.values())
    definitions: list[Workflow] = []
    for workflow in app.workflows.values():
        try:
            definition = workflow.definition
        except DefinitionError as error:
            findings += error.findings or [str(error)]
            continue
        definitions.append(definition)
        offered, called = _around(workflow)
        offered |= {task.name: task for task in tasks}
        for each in find(definition, offered, called):
            place = f"{each.at}: " if each.at else ""
            findings.append(f"{place}{workflow.name}: {each.text}")
        found = projectable.notes(definition, offered, called)
        notes += (f"{workflow.name}: {note}" for note in found)
    if whole:  # of a part, nobody knows who is at the other end
        notes += event_check.orphans(app.services.values(), definitions)
    return findings, notes


def _around(
    workflow: WorkflowFunction[..., Any],
) -> tuple[dict[str, TaskDefinition], list[Workflow]]:
    """The tasks that a workflow and those that it calls use, and the latter, where they compile."""
    from pavane.errors import DefinitionError

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
    return tasks, definitions


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
