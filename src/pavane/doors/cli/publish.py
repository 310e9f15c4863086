"""`pavane publish`: tell of an event from outside of every service."""

from __future__ import annotations

import click

from pavane.doors.cli.options import bus_place
from pavane.doors.wiring import Wiring


@click.command()
@click.argument("type")
@click.option("--data", default="{}", metavar="JSON|@FILE", help="Its data; @- reads stdin.")
@click.option("--id", default="", help="Its id: the same one is the same event. Else a new one.")
@click.option("--key", default="", help="Within which order matters, else the correlation.")
@click.option("--correlation-id", default="", help="The flow that it belongs to, else its own.")
@click.option("--source", default="", help="Who tells of it, else 'outside'.")
@bus_place("Publish on the bus of this server, for example http://127.0.0.1:8080.")
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    type: str,
    data: str,
    id: str,
    key: str,
    correlation_id: str,
    source: str,
    server: str | None,
    bus: str,
) -> None:
    """Publish an event of TYPE, such as shop.order.paid.v1, and print its id.

    Without --server it goes on the bus itself, which must be there; who takes it need not run.
    """
    from pavane.doors.cli.payload import read_payload
    from pavane.doors.cli.places import remote
    from pavane.sdk.given import GivenEvent

    body = read_payload(data, "--data")
    given = GivenEvent(type, body, id, key, correlation_id, source)
    if server:
        click.echo(remote(server).publish(given))
    else:
        from pavane.doors.cli.on_bus import OnBus

        click.echo(OnBus(wiring, bus).publish(given))
