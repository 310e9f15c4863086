"""`pavane check`: every finding in every workflow of an application, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pavane.doors.cli.main import DONE, FAILED

if TYPE_CHECKING:
    from pavane.sdk.application.loading import App


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
    from pavane.sdk.application.checking import check_application
    from pavane.sdk.application.loading import load_app

    loaded = load_app(app)
    findings, notes = check_application(loaded, whole=":" not in app)
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
    from pavane.sdk.application.checking import surroundings

    fine = True
    for workflow in app.workflows.values():
        tasks, called = surroundings(workflow, app)
        lines, right = simulate(workflow.definition, tasks, called)
        click.echo("\n" + "\n".join(lines))
        fine = fine and right
    return fine


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
