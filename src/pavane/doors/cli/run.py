"""`pavane run`: the services of an application, with the engine in the same process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from pavane.doors.cli.door import Door, answer, door_at, door_options, need_keys, unkept
from pavane.doors.cli.options import (
    bus_option,
    calls_option,
    forget_after_option,
    retention_option,
    server_option,
    shown_bus,
    shown_url,
    stop_with_stdin_option,
    store_option,
    style_option,
    take_over_option,
)
from pavane.doors.cli.places import api_key
from pavane.doors.wiring import Wiring
from pavane.errors import UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine
    from pavane.sdk.application.loading import App
    from pavane.sdk.queued.workers import QueuedWorkers
    from pavane.sdk.remote.workers import RemoteWorkers

    Opened = Callable[..., AbstractAsyncContextManager[RemoteWorkers | QueuedWorkers]]


@click.command()
@click.argument("app")
@style_option(("orchestrated", "choreographed", "hybrid"))
@store_option()
@bus_option
@server_option("Work for the orchestrator at this URL, instead of one in this process.")
@click.option(
    "--tasks",
    "tasks_from",
    metavar="server|bus",
    type=click.Choice(["server", "bus"]),
    default="server",
    show_default=True,
    help="Where orchestrated services take their tasks: with bus, from the one at --bus, which the "
    "server must be on; then --server need not be given.",
)
@click.option(
    "--service", "names", metavar="NAME", multiple=True, help="Only this one; repeatable."
)
@click.option(
    "--ledger",
    metavar="URL",
    help="Of one service that needs one: sqlite:///path.db; by default NAME.db beside the bus. Of "
    "any number: postgresql://USER@HOST:PORT/DATABASE, a schema for each.",
)
@take_over_option
@retention_option
@forget_after_option
@click.option(
    "--overwrite", is_flag=True, help="Let a changed workflow replace the version it has."
)
@calls_option
@click.option(
    "--quiet",
    is_flag=True,
    help="Show nothing of executions. Without it, each choreographed process reads all journals.",
)
@stop_with_stdin_option
@door_options(None)
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    app: str,
    style: str,
    store_url: str,
    bus: str | None,
    server: str | None,
    tasks_from: str,
    names: tuple[str, ...],
    ledger: str | None,
    lease_s: float,
    retention_s: float,
    forget_after_s: float,
    overwrite: bool,
    quiet: bool,
    host: str,
    port: int | None,
    auth: str | None,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Run the services and workflows of APP (shop.py, or shop where importable).

    What the store holds unfinished goes on. With --port the process answers REST as well, so that
    `pavane start --server` reaches it from another terminal. With --server the orchestrator is
    another process, for which this one works; with --style hybrid it also dances, on --bus, the
    scopes that need no conductor. With --tasks bus tasks come as messages, and nothing else is
    needed of the server than that it is on the bus.
    """
    import asyncio

    dances = style == "choreographed"
    _need_what_fits(style, server, port)
    if queued := tasks_from == "bus":
        _need_bus(style, bus, port)
    if forget_after_s:
        _need_engine_here(elsewhere=bool(dances or server or queued))
    if quiet:
        _need_nobody_who_asks(dances=dances, port=port)
    loaded = _loaded(app, names)
    door = None if port is None else door_at(host, port, auth, tls_cert, tls_key)
    if dances:
        opened = wiring.dancing_services(
            bus or "embedded:.pavane",
            list(loaded.services.values()),
            list(loaded.workflows.values()),
            ledger=ledger or "",
            lease_s=lease_s,
            retention_s=retention_s,
            watched=not quiet,
        )
        where = (bus or "embedded:.pavane").partition("?")[0]  # what follows may be secret
        asyncio.run(_dance(wiring, opened, loaded, where, door=door and unkept(door), quiet=quiet))
        return
    if server or queued:
        kept = (ledger or "", lease_s, retention_s)
        where = (bus or "embedded:.pavane", server or "")
        opened = _elsewhere(wiring, style, where, kept, queued=queued)
        asyncio.run(_work(opened, loaded, server or shown_bus(where[0]), overwrite))
        return
    if style == "hybrid":
        raise UsageError(
            "A hybrid has its conductor in a process of its own.",
            "Run `pavane server --bus URL`, and give its URL with --server.",
        )
    _need_ledger(app, loaded, ledger)
    opened = partial(
        wiring.running_engine,
        store_url,
        ledger=ledger or "",
        retention_s=retention_s,
        forget_after_s=forget_after_s,
        services=list(loaded.services.values()),
    )
    asyncio.run(_run(wiring, opened, store_url, loaded, overwrite, door=door))


def _loaded(app: str, names: Sequence[str]) -> App:
    """The application, with the services of these names, or all of them."""
    from pavane.sdk.application.loading import load_app

    loaded = load_app(app)
    if unknown := sorted(set(names) - loaded.services.keys()):
        known = ", ".join(loaded.services)
        raise UsageError(f"'{app}' has no service '{unknown[0]}'.", f"There is {known}.")
    if names:
        loaded = loaded._replace(services={name: loaded.services[name] for name in names})
    return loaded


def _elsewhere(
    wiring: Wiring,
    style: str,
    where: tuple[str, str],
    kept: tuple[str, float, float],
    *,
    queued: bool,
) -> Opened:
    """Services at work for an orchestrator elsewhere; `where`: the bus, and the server or ""."""
    (bus, server), (ledger, lease_s, retention_s) = where, kept
    if style == "hybrid":
        times = {"lease_s": lease_s, "retention_s": retention_s}
        mixed = partial(wiring.mixed_workers, ledger=ledger, **times)
        return partial(mixed, server, bus, queued=queued)
    kept_for = {"ledger": ledger, "retention_s": retention_s}
    if queued:
        return partial(wiring.queued_services, bus, server=server, **kept_for)
    return partial(wiring.remote_services, server, **kept_for)


def _need_what_fits(style: str, server: str | None, port: int | None) -> None:
    dances = style == "choreographed"
    if server and (dances or port is not None):
        wrong = "--style choreographed" if dances else "--port"
        raise UsageError(
            f"With --server the orchestrator is elsewhere, which does not go with {wrong}.",
            "Leave one of them out.",
        )


def _need_bus(style: str, bus: str | None, port: int | None) -> None:
    if style == "choreographed":
        raise UsageError("Choreographed services take no tasks from anybody.", "Leave --tasks out.")
    if not bus or bus.startswith("memory"):
        raise UsageError(
            "With --tasks bus the tasks come over a bus that the server is on, too.",
            "Give its URL with --bus, here and to `pavane server`.",
        )
    if port is not None:
        raise UsageError(
            "With --tasks bus the orchestrator is elsewhere, which does not go with --port.",
            "Leave one of them out.",
        )


def _need_engine_here(*, elsewhere: bool) -> None:
    if elsewhere:
        raise UsageError(
            "--forget-after is for executions of an engine in this process, and there is none.",
            "Give it to `pavane server`; what services here forget, --retention says.",
        )


def _need_nobody_who_asks(*, dances: bool, port: int | None) -> None:
    if not dances or port is not None:
        raise UsageError(
            "--quiet is for choreographed services of which nobody asks here how executions go.",
            "Leave it out, or run with --style choreographed and without --port.",
        )


def _need_ledger(name: str, app: App, ledger: str | None) -> None:
    if ledger and not any(each.has_database for each in app.services.values()):
        raise UsageError(
            f"No service of '{name}' needs a ledger: none of its tasks asks for its database.",
            "Leave --ledger out: the engine keeps the results.",
        )


async def _work(opened: Opened, app: App, server: str, overwrite: bool) -> None:
    """The services at work for a server; where they were opened on a bus, they dance as well."""
    from pavane.doors.cli.stopping import stop_event, until

    stop = stop_event()
    await until(stop, _working(opened, app, server, overwrite))
    click.echo("Stopped.")


async def _working(opened: Opened, app: App, server: str, overwrite: bool) -> None:
    async with opened(
        services=list(app.services.values()),
        workflows=list(app.workflows.values()),
        overwrite=overwrite,
        api_key=api_key(),
        on_wait=_tell_of_waiting,
    ) as remote:
        click.echo(f"Services: {', '.join(app.services) or 'none'}, for {server}.")
        click.echo(f"Workflows: {', '.join(app.workflows) or 'none'}.")
        click.echo("Ctrl-C stops.")
        await remote.failed


def _tell_of_waiting(why: str) -> None:
    click.echo(f"{why} Waiting for it.")


async def _dance(
    wiring: Wiring,
    opened: AbstractAsyncContextManager[Company],
    app: App,
    bus: str,
    *,
    door: Door | None,
    quiet: bool,
) -> None:
    """The services as dancers on a bus; what becomes of executions is shown by any of them,

    unless they are to be quiet.
    """
    import asyncio

    from pavane.doors.cli.follow import display, follow_observer
    from pavane.doors.cli.stopping import stop_event, until

    stop = stop_event()
    with _listening(door) as listening:
        async with opened as company:
            click.echo(f"Services: {', '.join(app.services) or 'none'}, with no conductor.")
            click.echo(f"Workflows: {', '.join(app.workflows) or 'none'}. Bus: {shown_bus(bus)}.")
            waiting = sorted(app.services.keys() - company.participants.keys())
            if waiting:
                click.echo(f"Standing by for another process: {', '.join(waiting)}.")
            serving = None
            if door and listening:
                here = answer(wiring, door, listening, stop, _ANSWERS, company=company)
                serving = asyncio.create_task(here)
            click.echo("Ctrl-C stops.")
            await (
                stop.wait() if quiet else until(stop, follow_observer(company.observer, display()))
            )
            if serving:
                await serving
    click.echo("Stopped.")


async def _run(
    wiring: Wiring,
    opened: Callable[..., AbstractAsyncContextManager[Engine]],
    store_url: str,
    app: App,
    overwrite: bool,
    *,
    door: Door | None,
) -> None:
    import asyncio

    from pavane.doors.cli.follow import follow
    from pavane.doors.cli.stopping import stop_event, until

    stop = stop_event()
    if door:
        await need_keys(wiring, door, store_url)
    workflows = list(app.workflows.values())
    with _listening(door) as listening:
        async with opened(workflows=[] if overwrite else workflows) as engine:
            if overwrite:
                await engine.register([each.definition for each in workflows], overwrite=True)
            click.echo(f"Services: {', '.join(app.services) or 'none'}.")
            where = shown_url(store_url)
            click.echo(f"Workflows: {', '.join(app.workflows) or 'none'}. Store: {where}.")
            serving = None
            if door and listening:
                here = answer(wiring, door, listening, stop, _ANSWERS, engine=engine)
                serving = asyncio.create_task(here)
            click.echo("Ctrl-C stops.")
            await until(stop, follow(engine))
            if serving:
                await serving
    click.echo("Stopped.")


_ANSWERS = "Answers at {}.".format


def _listening(door: Door | None) -> AbstractContextManager[socket.socket | None]:
    from contextlib import nullcontext

    from pavane.doors.rest.serve import listen

    return listen(door.host, door.port, locked=door.locked) if door else nullcontext()
