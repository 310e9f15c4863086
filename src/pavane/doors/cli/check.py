"""`pavane check`: every finding in every workflow of an application, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pavane.doors.cli.main import DONE, FAILED

if TYPE_CHECKING:
    from pavane.doors.cli.app import App


@click.command()
@click.argument("app")
def command(app: str) -> int:
    """Check every workflow and task of APP (shop.py, shop, or shop.py:fulfil_order).

    Prints each finding with file, line and a way out. Exit 0 when there is none, 1 otherwise.
    """
    from pavane.doors.cli.app import load_app

    loaded = load_app(app)
    findings = list(_findings(loaded))
    for finding in findings:
        click.echo(finding + "\n")
    tasks = sum(len(service.tasks) for service in loaded.services.values())
    checked = f"{_count(len(loaded.workflows), 'workflow')}, {_count(tasks, 'task')}"
    click.echo(f"{checked}: {_count(len(findings), 'finding') if findings else 'no findings'}")
    return FAILED if findings else DONE


def _findings(app: App) -> Iterator[str]:
    """Of the tasks, of each workflow as it is written, and of what it compiles to."""
    from pavane.core.check import check_workflow
    from pavane.core.model.task_definition import TaskDefinition
    from pavane.errors import DefinitionError
    from pavane.sdk.service import definitions_of

    tasks: list[TaskDefinition] = []
    try:
        tasks = definitions_of(list(app.services.values()))
    except DefinitionError as error:
        yield from error.findings or [str(error)]
    offered = {task.name: task for task in tasks}
    for workflow in app.workflows.values():
        try:
            definition = workflow.definition
        except DefinitionError as error:
            yield from error.findings or [str(error)]
        else:
            yield from (f"{workflow.name}: {each}" for each in check_workflow(definition, offered))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
