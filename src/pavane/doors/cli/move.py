"""`pavane move`: let executions go on by another version of their workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pavane.doors.cli.options import json_option, place_options
from pavane.doors.wiring import Wiring
from pavane.errors import ConnectionFailedError, PavaneError, StoreError

if TYPE_CHECKING:
    from pavane.doors.cli.place import Place
    from pavane.engine.views.shapes import MoveView


@click.command()
@click.argument("execution_ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--to",
    "version",
    type=click.IntRange(1),
    required=True,
    envvar="PAVANE_MOVE_TO",  # PAVANE_TO is whom `people --to` names
    help="The version.",
)
@click.option("--dry-run", is_flag=True, help="Only say whether they could be moved.")
@json_option
@place_options
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    execution_ids: tuple[str, ...],
    version: int,
    dry_run: bool,
    as_json: bool,
    server: str | None,
    store_url: str,
) -> int:
    """Let executions go on by another version of their workflow.

    One whose past does not fit is left as it is, with the reason. The exit code is 1 if any is.
    """
    import msgspec

    from pavane.doors.cli.places import place

    where = place(wiring, server, store_url)
    left = 0
    for execution_id in execution_ids:
        found = _moved(where, execution_id, version, dry_run)
        left += isinstance(found, PavaneError) or not found.fits
        if isinstance(found, PavaneError):
            click.echo(click.style("error: ", fg="red", bold=True) + str(found), err=True)
        elif as_json:
            click.echo(msgspec.json.encode(found).decode())
        else:
            click.echo("\n".join(_lines(found, dry_run)))
    return 1 if left else 0


def _moved(where: Place, execution_id: str, version: int, dry_run: bool) -> MoveView | PavaneError:
    try:
        return where.move(execution_id, version, dry_run=dry_run)
    except (ConnectionFailedError, StoreError):
        raise
    except PavaneError as error:
        return error


def _lines(found: MoveView, dry_run: bool) -> list[str]:
    if found.moved:
        return [f"{found.id} goes on by version {found.version}, no longer by {found.before}."]
    if not found.fits:
        lines = [f"{found.id} cannot go on by version {found.version}:"]
        return lines + [f"  {each.step or 'as a whole'}: {each.reason}" for each in found.reasons]
    if dry_run:
        return [f"{found.id} fits version {found.version}; it follows {found.before}."]
    return [f"{found.id} follows version {found.version} already."]
