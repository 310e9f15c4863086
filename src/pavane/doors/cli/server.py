"""`pavane server`: an orchestrator node that answers REST."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from pavane.doors.cli.options import (
    host_option,
    lease_option,
    port_option,
    seen_bus_option,
    store_option,
)
from pavane.doors.wiring import Wiring

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine


@click.command()
@host_option
@port_option(8080)
@store_option()
@seen_bus_option
@lease_option
@click.pass_obj
def command(
    wiring: Wiring, *, host: str, port: int, store_url: str, bus: str | None, lease: float
) -> None:
    """Run an orchestrator with REST under /v1; ready when /health answers 200.

    Workers in other processes come with `pavane run APP --server URL`. With --bus it also shows,
    starts and stops the choreographed executions on that bus, has scopes of its workflows danced
    there, and conducts those of dancers. Stops gracefully on Ctrl-C and SIGTERM. A SQLite store
    serves one server process.
    """
    import asyncio

    asyncio.run(_serve(wiring, (host, port), store_url, bus, lease))


@asynccontextmanager
async def _conducting(
    wiring: Wiring, store_url: str, bus: str | None, lease_s: float
) -> AsyncGenerator[tuple[Engine, Company | None]]:
    if bus:
        async with wiring.conducting(store_url, bus, lease_s=lease_s) as both:
            yield both
    else:
        async with wiring.running_engine(store_url, lease_s=lease_s) as engine:
            yield engine, None


async def _serve(
    wiring: Wiring, address: tuple[str, int], store_url: str, bus: str | None, lease_s: float
) -> None:
    from contextlib import AsyncExitStack

    from pavane.doors.cli.stopping import stop_event
    from pavane.doors.rest.app import build_app
    from pavane.doors.rest.serve import listen, serve, url_of

    stop = stop_event()
    with listen(*address) as listening:
        async with AsyncExitStack() as stack:
            engine, company = await stack.enter_async_context(
                _conducting(wiring, store_url, bus, lease_s)
            )
            where = f"store {store_url}, bus {bus}" if bus else f"store {store_url}"
            ready = f"Pavane answers at {url_of(listening)} ({where}). Ctrl-C stops it."
            await serve(build_app(engine, company), listening, stop, lambda: click.echo(ready))
    click.echo("Stopped.")
