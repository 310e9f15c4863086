"""`pavane show`: one execution, step by step."""

from __future__ import annotations

import click

from pavane.doors.cli.options import json_option, place_options
from pavane.doors.wiring import Wiring


@click.command()
@click.argument("execution_id", metavar="ID")
@json_option
@place_options
@click.pass_obj
def command(
    wiring: Wiring, *, execution_id: str, as_json: bool, server: str | None, store_url: str
) -> None:
    """Show an execution with its steps, attempts and undos.

    Without --server the store is read as it is, also while a server uses it.
    """
    import msgspec

    from pavane.doors.cli.places import place
    from pavane.doors.cli.render import execution_lines

    view = place(wiring, server, store_url).execution(execution_id)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(view), indent=2))
    else:
        click.echo("\n".join(execution_lines(view)))
