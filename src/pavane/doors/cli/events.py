"""`pavane events`: which types of events there are on a bus, and which of them nobody takes."""

from __future__ import annotations

import click

from pavane.doors.cli.options import bus_place_options, json_option
from pavane.doors.wiring import Wiring


@click.command()
@click.option("--unheard", is_flag=True, help="Only those that no service takes.")
@json_option
@bus_place_options
@click.pass_obj
def command(wiring: Wiring, *, unheard: bool, as_json: bool, server: str | None, bus: str) -> None:
    """List the types of events on a bus: who publishes them, how many, who listens.

    Counted is what the logs still have. A listener is a service that has said it takes the type:
    a handler, a step that may wait for it, a workflow that it starts; whether it runs or not.
    """
    import msgspec

    from pavane.doors.cli.places import remote
    from pavane.doors.cli.render_events import event_lines

    if server:
        found = remote(server).event_types(unheard=unheard)
    else:
        from pavane.doors.cli.on_bus import OnBus

        found = OnBus(wiring, bus).event_types(unheard=unheard)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        click.echo("\n".join(event_lines(found.event_types, unheard=unheard)))
