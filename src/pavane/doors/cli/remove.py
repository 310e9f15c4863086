"""`pavane remove`: forget an execution that has ended."""

from __future__ import annotations

import click

from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring


@click.command()
@click.argument("execution_id", metavar="ID")
@place_options
@click.pass_obj
def command(wiring: Wiring, *, execution_id: str, server: str | None, store_url: str) -> None:
    """Forget an execution that has ended, with all that it started as its steps.

    Nothing brings it back. What should go by itself, `pavane server --forget-after` says.
    """
    from pavane.doors.cli.places import place

    place(wiring, server, store_url).remove(execution_id)
    click.echo(f"Execution {execution_id} is forgotten.")
