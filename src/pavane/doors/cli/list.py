"""`pavane list`: executions, newest first."""

from __future__ import annotations

import click

from pavane.core.model.status import EXECUTION_CHANGES
from pavane.doors.cli.options import json_option, place_options
from pavane.doors.wiring import Wiring

STATUSES = sorted(filter(None, EXECUTION_CHANGES))


@click.command()
@click.option("--workflow", default="", help="Only executions of this workflow.")
@click.option(
    "--status",
    multiple=True,
    type=click.Choice(STATUSES, case_sensitive=False),
    help="Only with this status; may be given several times.",
)
@click.option("--key", default="", help="Only with this start key.")
@click.option("--before", default="", metavar="ID", help="Only older than this execution.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@place_options
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    workflow: str,
    status: tuple[str, ...],
    key: str,
    before: str,
    limit: int,
    as_json: bool,
    server: str | None,
    store_url: str,
) -> None:
    """List executions, newest first.

    Without --server the store is read as it is, also while a server uses it.
    """
    import msgspec

    from pavane.doors.cli.places import place
    from pavane.doors.cli.render import summary_lines

    filters = {
        "workflow": workflow,
        "status": ",".join(status),
        "key": key,
        "before": before,
        "limit": limit,
    }
    page = place(wiring, server, store_url).find(filters)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(page), indent=2))
        return
    click.echo("\n".join(summary_lines(page.executions)))
    if page.next:
        click.echo(f"There may be more: --before {page.next}")
