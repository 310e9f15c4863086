"""`pavane dead-letters`: what stopped and waits for somebody; tried again, or given up."""

from __future__ import annotations

import click

from pavane.doors.cli.options import json_option, place_options
from pavane.doors.wiring import Wiring
from pavane.engine.views.dead_letters import KINDS

_SERVICE = "PAVANE_DEAD_LETTERS_SERVICE"  # PAVANE_SERVICE names those that `run` runs


@click.group()
def command() -> None:
    """What stopped: messages set aside by services, and executions that need a person.

    dead: handled too often in vain. quarantined: cannot be read. parked: waits for what it needs.
    attention: an execution needs a person. failed: an execution that can be tried again.
    """


@command.command("list")
@click.option("--kind", default="", type=click.Choice(["", *KINDS]), help="Only of this kind.")
@click.option("--service", default="", envvar=_SERVICE, help="Only what this service has.")
@click.option("--execution", default="", metavar="ID", help="Only of this execution or flow.")
@click.option("--type", "kind_of", default="", help="Only of this event type, or task.")
@click.option("--before", default="", metavar="ID", help="Only behind this one in the list.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@place_options
@click.pass_obj
def list_(
    wiring: Wiring,
    *,
    kind: str,
    service: str,
    execution: str,
    kind_of: str,
    before: str,
    limit: int,
    as_json: bool,
    server: str | None,
    store_url: str,
) -> None:
    """List what stands: messages, then executions, of each the newest first."""
    import msgspec

    from pavane.doors.cli.places import place
    from pavane.doors.cli.render_letters import letter_lines

    filters = {
        "kind": kind,
        "service": service,
        "execution": execution,
        "type": kind_of,
        "before": before,
        "limit": limit,
    }
    page = place(wiring, server, store_url).letters(filters)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(page), indent=2))
        return
    click.echo("\n".join(letter_lines(page.dead_letters)))
    if page.next:
        click.echo(f"There may be more: --before {page.next}")


@command.command("show")
@click.argument("id", metavar="ID")
@json_option
@place_options
@click.pass_obj
def show(wiring: Wiring, *, id: str, as_json: bool, server: str | None, store_url: str) -> None:
    """Show one: who has it, why, since when, the beginning of its payload."""
    import msgspec

    from pavane.doors.cli.places import place
    from pavane.doors.cli.render_letters import one_letter

    found = place(wiring, server, store_url).letter(id)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        click.echo("\n".join(one_letter(found)))


@command.command("redrive")
@click.argument("id", metavar="[ID]", required=False, default="")
@click.option("--all", "every", is_flag=True, help="All that are dead or quarantined.")
@click.option(
    "--service", default="", envvar=_SERVICE, help="With --all: only what this service has."
)
@click.option("--reason", default="", help="Why; it is told with it.")
@place_options
@click.pass_obj
def redrive(
    wiring: Wiring,
    *,
    id: str,
    every: bool,
    service: str,
    reason: str,
    server: str | None,
    store_url: str,
) -> None:
    """Have it tried again: a message by its service, an execution as `retry` does."""
    from pavane.doors.cli.places import place
    from pavane.errors import UsageError

    if bool(id) == every:
        raise UsageError("Either an ID or --all.", "`pavane dead-letters list` shows the ids.")
    where = place(wiring, server, store_url)
    wanted = [id]
    if every:
        kinds = ("dead", "quarantined")
        filters = {"service": service, "limit": 1000}
        pages = [where.letters({**filters, "kind": kind}) for kind in kinds]
        wanted = [each.id for page in pages for each in page.dead_letters]
        if not wanted:
            click.echo("Nothing to redrive.")
    for each in wanted:
        _say(where.settle(each, "redrive", reason).state, each)


@command.command("discard")
@click.argument("id", metavar="ID")
@click.option("--reason", required=True, help="Why; it is recorded.")
@place_options
@click.pass_obj
def discard(wiring: Wiring, *, id: str, reason: str, server: str | None, store_url: str) -> None:
    """Give up a message for good; its service records that and why."""
    from pavane.doors.cli.places import place

    _say(place(wiring, server, store_url).settle(id, "discard", reason).state, id)


def _say(state: str, id: str) -> None:
    later = " (the service takes it up when it runs)" if state == "asked" else ""
    click.echo(f"{id}  {state}{later}")
