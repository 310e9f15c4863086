"""`pavane resolve`: a person settles what has given up."""

from __future__ import annotations

import click

from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring


@click.command()
@click.argument("execution_id", metavar="ID")
@click.argument("ref", metavar="STEP")
@click.argument("action", type=click.Choice(["retry", "done", "abandon"]))
@click.option("--output", default="{}", metavar="JSON|@FILE", help="What a done step gives.")
@place_options
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    execution_id: str,
    ref: str,
    action: str,
    output: str,
    server: str | None,
    store_url: str,
) -> None:
    """Settle a step or an undo (undo:STEP) of an execution that needs attention.

    retry: try it again. done: somebody has done it by hand. abandon: leave it as it is.
    """
    from pavane.doors.cli.payload import read_payload
    from pavane.doors.cli.places import place

    body = {"action": action, "output": read_payload(output, "--output")}
    click.echo(place(wiring, server, store_url).act(execution_id, "resolve", body, ref))
