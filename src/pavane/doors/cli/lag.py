"""`pavane lag`: how many messages wait for whom on a bus."""

from __future__ import annotations

import click

from pavane.doors.cli.options import bus_place_options, json_option
from pavane.doors.wiring import Wiring


@click.command()
@json_option
@bus_place_options
@click.pass_obj
def command(wiring: Wiring, *, as_json: bool, server: str | None, bus: str) -> None:
    """List groups on a bus, and how many messages wait for each, most first.

    Counted is what no process of the group has done, on each topic. Of Kafka and RabbitMQ the
    groups are those of services that have told of themselves there; a server knows also those that
    only take their tasks from the bus.
    """
    import msgspec

    from pavane.doors.cli.places import remote

    if server:
        found = remote(server).lag()
    else:
        from pavane.doors.cli.on_bus import OnBus

        found = OnBus(wiring, bus).lag()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    width = max((len(each.group) for each in found.lag), default=0)
    for each in found.lag:
        click.echo(f"{each.waiting:>8}  {each.group:<{width}}  {each.topic}")
    if not found.lag:
        click.echo("No group is known on this bus.")
