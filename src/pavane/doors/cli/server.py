"""`pavane server`: an orchestrator node that answers REST."""

from __future__ import annotations

import click

from pavane.doors.cli.options import bus_option, host_option, port_option, store_option
from pavane.doors.wiring import Wiring


@click.command()
@host_option
@port_option(8080)
@store_option()
@bus_option
@click.pass_obj
def command(wiring: Wiring, *, host: str, port: int, store_url: str, bus: str | None) -> None:
    """Run an orchestrator with REST under /v1; ready when /health answers 200.

    Stops gracefully on Ctrl-C and SIGTERM. A SQLite store serves one server process.
    """
    import asyncio

    del bus  # checked by its option; an orchestrated execution needs none
    asyncio.run(_serve(wiring, host, port, store_url))


async def _serve(wiring: Wiring, host: str, port: int, store_url: str) -> None:
    from pavane.doors.cli.stopping import stop_event
    from pavane.doors.rest.app import build_app
    from pavane.doors.rest.serve import listen, serve, url_of

    stop = stop_event()
    with listen(host, port) as listening:
        async with wiring.running_engine(store_url) as engine:
            ready = f"Pavane answers at {url_of(listening)} (store {store_url}). Ctrl-C stops it."
            await serve(build_app(engine), listening, stop, lambda: click.echo(ready))
    click.echo("Stopped.")
