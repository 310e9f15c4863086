"""`pavane schedules`: what starts by itself; pause and resume it."""

from __future__ import annotations

import click

from pavane.doors.cli.options import json_option, server_option, store_option
from pavane.doors.wiring import Wiring

_SERVER = server_option("Ask this server, for example http://127.0.0.1:8080, instead of the store.")


@click.group(invoke_without_command=True)
@json_option
@store_option()
@_SERVER
@click.pass_context
def command(context: click.Context, *, as_json: bool, server: str | None, store_url: str) -> None:
    """List what starts by itself, when it did last and will next.

    Without --server the store is read as it is, also while a server uses it.
    """
    if context.invoked_subcommand is not None:
        return
    import msgspec

    from pavane.doors.cli.places import remote
    from pavane.doors.cli.render_schedules import schedule_lines

    wiring: Wiring = context.obj
    if server:
        found = remote(server).schedules()
    else:
        from pavane.doors.cli.local import Local

        found = Local(wiring, store_url).schedules()
    if as_json:
        told = {"schedules": found}
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
    else:
        click.echo("\n".join(schedule_lines(found)))


@command.command("pause")
@click.argument("name")
@click.option("--reason", default="", help="Why, for whoever looks at the list.")
@store_option()
@_SERVER
@click.pass_obj
def pause(wiring: Wiring, *, name: str, reason: str, server: str | None, store_url: str) -> None:
    """Let the schedule NAME start nothing until it is resumed."""
    _change(wiring, name, "pause", reason, server, store_url)


@command.command("resume")
@click.argument("name")
@store_option()
@_SERVER
@click.pass_obj
def resume(wiring: Wiring, *, name: str, server: str | None, store_url: str) -> None:
    """Let the schedule NAME go on with its next time; what passed meanwhile starts nothing."""
    _change(wiring, name, "resume", "", server, store_url)


def _change(
    wiring: Wiring, name: str, action: str, reason: str, server: str | None, store_url: str
) -> None:
    from pavane.doors.cli.places import remote
    from pavane.doors.cli.render_schedules import schedule_lines

    if server:
        changed = remote(server).change_schedule(name, action, reason)
    else:
        from pavane.doors.cli.local import Local

        changed = Local(wiring, store_url).change_schedule(name, action, reason)
    click.echo("\n".join(schedule_lines([changed])))
