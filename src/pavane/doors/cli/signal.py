"""`pavane signal`: settle from outside a step that waits."""

from __future__ import annotations

import click

from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring
from pavane.errors import UsageError


@click.command()
@click.argument("execution_id", metavar="ID")
@click.argument("ref", metavar="STEP")
@click.option("--output", default="{}", metavar="JSON|@FILE", help="What the step gives.")
@click.option(
    "--fail",
    is_flag=True,
    envvar="PAVANE_SIGNAL_FAIL",  # PAVANE_FAIL names a step, to `demo`
    help="The step fails instead of completing.",
)
@click.option("--reason", default="", help="With --fail: why, in words.")
@place_options
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    execution_id: str,
    ref: str,
    output: str,
    fail: bool,
    reason: str,
    server: str | None,
    store_url: str,
) -> None:
    """Complete (or fail) a step that waits for somebody outside."""
    from pavane.doors.cli.payload import read_payload
    from pavane.doors.cli.places import place

    if reason and not fail:
        raise UsageError("--reason says why a step fails.", "Add --fail, or leave it out.")
    body = {
        "output": read_payload(output, "--output"),
        "status": "FAILED" if fail else "COMPLETED",
        **({"reason": reason} if reason else {}),
    }
    click.echo(place(wiring, server, store_url).act(execution_id, "signal", body, ref))
