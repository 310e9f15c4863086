"""`pavane store`: what is done to a store, or a ledger, while nobody uses it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from pavane.doors.cli.options import json_option, shown_url
from pavane.doors.wiring import Wiring
from pavane.errors import StoreBusyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pavane.doors.wiring import CopiedTable

_TELL_S: Final = 2.0  # between two lines of progress


@click.group()
def command() -> None:
    """Copy a store or a ledger to another database, while nobody uses it."""


@command.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--service",
    metavar="NAME",
    default="",
    envvar="PAVANE_COPY_SERVICE",
    help="Whose ledger it is, where a PostgreSQL URL names no schema; by default the name of the "
    "SQLite file.",
)
@click.option(
    "--leave-tables",
    "leave",
    is_flag=True,
    help="Leave behind the tables that a service made in its ledger for itself.",
)
@json_option
@click.pass_obj
def copy(
    wiring: Wiring, *, source: str, target: str, service: str, leave: bool, as_json: bool
) -> None:
    """Copy the store at URL FROM, with all that it holds, to URL TO, where nothing is yet.

    Between sqlite:///path.db and postgresql://USER@HOST:PORT/DATABASE, in any direction; a
    service's ledger, NAME.db in the bus's folder, too. Stop whatever uses it before. Executions
    that run go on where they stand, once a server is started on TO. Every table is read back and
    compared before anything of it is there: TO has all, or nothing. FROM stays as it is: start
    nothing on it again.
    """
    import asyncio

    progress = _Progress()
    try:
        kind, where, tables = asyncio.run(
            wiring.copy_rows(source, target, service=service, leave=leave, tell=progress.tell)
        )
    except StoreBusyError as error:
        remedy = "Stop what uses it: a store or a ledger is copied while nobody does."
        raise StoreBusyError(error.message, remedy) from error
    if as_json:
        click.echo(_json(kind, source, target, tables))
        return
    click.echo("\n".join(_lines(tables)))
    if fitted := sum(each.fitted for each in tables):
        click.echo(f"In the reason of {fitted} rows a NUL character is now shown as \u2400.")
    click.echo(f"The {kind} is in {where}, the same as it was in {shown_url(source)}.")


class _Progress:
    """Lines on stderr, as long as it takes."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + _TELL_S

    def tell(self, table: str, done: int, rows: int) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _TELL_S
            click.echo(f"{table}: {done:,} of {rows:,} rows", err=True)


def _lines(tables: Sequence[CopiedTable]) -> list[str]:
    rows = [("TABLE", "ROWS", "DIGEST OF BOTH")]
    rows += [(each.table, f"{each.rows:,}", each.digest) for each in tables]
    wide = [max(len(row[place]) for row in rows) for place in range(2)]
    return [f"{name:<{wide[0]}}  {count:>{wide[1]}}  {digest}" for name, count, digest in rows]


def _json(kind: str, source: str, target: str, tables: Sequence[CopiedTable]) -> str:
    import msgspec

    found = {
        "kind": kind,
        "from": shown_url(source),
        "to": shown_url(target),
        "tables": {
            each.table: {"rows": each.rows, "digest": each.digest, "fitted": each.fitted}
            for each in tables
        },
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
