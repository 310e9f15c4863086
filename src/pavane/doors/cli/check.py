"""`pavane check`: every finding in every workflow of an application, before anything runs."""

from __future__ import annotations

import click

from pavane.doors.cli.main import DONE, FAILED


@click.command()
@click.argument("app")
def command(app: str) -> int:
    """Check every workflow and task of APP (shop.py, shop, or shop.py:fulfil_order).

    Prints each finding with file, line and a way out. Exit 0 when there is none, 1 otherwise.
    """
    from pavane.doors.cli.app import load_app
    from pavane.errors import DefinitionError
    from pavane.sdk.service import definitions_of

    loaded = load_app(app)
    findings: list[str] = []
    try:
        definitions_of(list(loaded.services.values()))
    except DefinitionError as error:
        findings += error.findings or [str(error)]
    for workflow in loaded.workflows.values():
        try:
            _ = workflow.definition
        except DefinitionError as error:
            findings += error.findings or [str(error)]
    for finding in findings:
        click.echo(finding + "\n")
    tasks = sum(len(service.tasks) for service in loaded.services.values())
    checked = f"{_count(len(loaded.workflows), 'workflow')}, {_count(tasks, 'task')}"
    click.echo(f"{checked}: {_count(len(findings), 'finding') if findings else 'no findings'}")
    return FAILED if findings else DONE


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
