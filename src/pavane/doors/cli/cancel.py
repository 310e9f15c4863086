"""`pavane cancel`: stop an execution and undo what it has done."""

from __future__ import annotations

import click

from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring


@click.command()
@click.argument("execution_id", metavar="ID")
@click.option("--reason", default="", help="Why; it is kept with the execution.")
@click.option("--no-undo", is_flag=True, help="Leave what was done as it is.")
@place_options
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    execution_id: str,
    reason: str,
    no_undo: bool,
    server: str | None,
    store_url: str,
) -> None:
    """Stop an execution; what it has done is undone. Prints its status afterwards."""
    from pavane.doors.cli.places import place

    body = {"reason": reason, "undo": not no_undo}
    click.echo(place(wiring, server, store_url).act(execution_id, "terminate", body))
