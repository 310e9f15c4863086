"""`pavane people`: what waits for people."""

from __future__ import annotations

import click

from pavane.doors.cli.options import json_option, place_options
from pavane.doors.wiring import Wiring


@click.command()
@click.option("--to", default="", metavar="NAME", help="Only what this person or group is asked.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@place_options
@click.pass_obj
def command(
    wiring: Wiring, *, to: str, limit: int, as_json: bool, server: str | None, store_url: str
) -> None:
    """List the steps that wait for people, oldest first; `pavane signal` answers one.

    Without --server the store is read as it is, also while a server uses it.
    """
    import msgspec

    from pavane.doors.cli.places import place
    from pavane.doors.cli.render_people import question_lines

    found = place(wiring, server, store_url).questions(to, limit)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        click.echo("\n".join(question_lines(found.questions)))
