"""`pavane resume`: let a paused execution go on."""

from __future__ import annotations

import click

from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring


@click.command()
@click.argument("execution_id", metavar="ID")
@place_options
@click.pass_obj
def command(wiring: Wiring, *, execution_id: str, server: str | None, store_url: str) -> None:
    """Let a paused execution go on."""
    from pavane.doors.cli.places import place

    click.echo(place(wiring, server, store_url).act(execution_id, "resume", {}))
