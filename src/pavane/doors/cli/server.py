"""`pavane server`: an orchestrator node that answers REST."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from pavane.doors.cli.door import Door, answer, door_at, door_options, need_keys
from pavane.doors.cli.options import (
    calls_option,
    forget_after_option,
    lease_option,
    seen_bus_option,
    shown_bus,
    shown_url,
    stop_with_stdin_option,
    store_option,
)
from pavane.doors.wiring import Wiring

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine


@click.command()
@door_options(8080)
@store_option()
@seen_bus_option
@lease_option
@forget_after_option
@calls_option
@stop_with_stdin_option
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    host: str,
    port: int,
    auth: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    store_url: str,
    bus: str | None,
    lease: float,
    forget_after_s: float,
) -> None:
    """Run an orchestrator with REST under /v1; ready when /health answers 200.

    Workers in other processes come with `pavane run APP --server URL`. With --bus it also shows,
    starts and stops the choreographed executions on that bus, has scopes of its workflows danced
    there, and conducts those of dancers. Beyond this machine it asks for keys (`pavane keys`).
    Stops gracefully on Ctrl-C and SIGTERM. A SQLite store serves one server process.
    """
    import asyncio

    door = door_at(host, port, auth, tls_cert, tls_key)
    opened = _conducting(wiring, store_url, bus, lease_s=lease, forget_after_s=forget_after_s)
    where = f"store {shown_url(store_url)}" + (f", bus {shown_bus(bus)}" if bus else "")
    asyncio.run(_serve(wiring, door, store_url, opened, where))


@asynccontextmanager
async def _conducting(
    wiring: Wiring, store_url: str, bus: str | None, *, lease_s: float, forget_after_s: float
) -> AsyncGenerator[tuple[Engine, Company | None]]:
    if bus:
        opened = wiring.conducting(store_url, bus, lease_s=lease_s, forget_after_s=forget_after_s)
        async with opened as both:
            yield both
    else:
        running = wiring.running_engine(
            store_url, lease_s=lease_s, calls=True, forget_after_s=forget_after_s
        )
        async with running as engine:
            yield engine, None


async def _serve(
    wiring: Wiring,
    door: Door,
    store_url: str,
    opened: AbstractAsyncContextManager[tuple[Engine, Company | None]],
    where: str,
) -> None:
    from contextlib import AsyncExitStack

    from pavane.doors.cli.stopping import stop_event
    from pavane.doors.rest.serve import listen

    stop = stop_event()
    await need_keys(wiring, door, store_url)
    with listen(door.host, door.port, locked=door.locked) as listening:
        async with AsyncExitStack() as stack:
            engine, company = await stack.enter_async_context(opened)

            def greet(url: str) -> str:
                return f"Pavane answers at {url} ({where}). Ctrl-C stops it."

            await answer(wiring, door, listening, stop, greet, engine=engine, company=company)
    click.echo("Stopped.")
