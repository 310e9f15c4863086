"""`pavane people`: what waits for people."""

from __future__ import annotations

import click

from pavane.doors.cli.options import json_option, server_option, store_option
from pavane.doors.wiring import Wiring


@click.command()
@click.option("--to", default="", metavar="NAME", help="Only what this person or group is asked.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@store_option()
@server_option("Ask this server, for example http://127.0.0.1:8080, instead of the store.")
@click.pass_obj
def command(
    wiring: Wiring, *, to: str, limit: int, as_json: bool, server: str | None, store_url: str
) -> None:
    """List the steps that wait for people, oldest first; `pavane signal` answers one.

    Without --server the store is read as it is, also while a server uses it.
    """
    import msgspec

    from pavane.doors.cli.places import remote
    from pavane.doors.cli.render_people import question_lines

    if server:
        found = remote(server).questions(to, limit)
    else:
        from pavane.doors.cli.local import Local

        found = Local(wiring, store_url).questions(to, limit)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        click.echo("\n".join(question_lines(found.questions)))
