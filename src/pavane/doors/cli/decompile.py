"""`pavane decompile`: Python from JSON; refused until it is built."""

from __future__ import annotations

import click

from pavane.doors.cli.options import refuse


@click.command(hidden=True)
@click.argument("file")
def command(file: str) -> None:
    """Write a workflow definition in JSON as a Python function (not built yet)."""
    raise refuse("`pavane decompile`", "`pavane compile APP:WORKFLOW` goes the other way.")
