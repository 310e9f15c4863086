"""`pavane start`: start an execution, and wait for it if asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pavane.doors.cli.main import DONE
from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring
from pavane.errors import ExecutionFailedError

if TYPE_CHECKING:
    import msgspec

    from pavane.sdk.application.loading import App

WAIT_S = 30


@click.command()
@click.argument("workflow")
@click.option(
    "--input", "payload", default="{}", metavar="JSON|@FILE", help="Input; @- reads stdin."
)
@click.option("--key", default="", help="Start key: the same key never starts twice.")
@click.option("--wait", is_flag=True, help="Wait for the end; exit 0 only when it COMPLETED.")
@click.option(
    "--app",
    default=None,
    metavar="APP",
    help="Run the services of APP in this process meanwhile (with --wait, without --server).",
)
@place_options
@click.pass_obj
def command(
    wiring: Wiring,
    *,
    workflow: str,
    payload: str,
    key: str,
    wait: bool,
    app: str | None,
    server: str | None,
    store_url: str,
) -> int:
    """Start an execution of WORKFLOW and print its id.

    Without --server it is put into the store, which must be free, and goes on when `pavane run` or
    `pavane server` uses that store; or at once, with --app and --wait.
    """
    from pavane.doors.cli.payload import read_payload
    from pavane.errors import UsageError

    body = read_payload(payload, "--input")
    if app and server:
        raise UsageError("--app and --server do not go together.", "Leave one of them out.")
    if app and not wait:
        raise UsageError("--app runs the services only while it waits.", "Add --wait.")
    if server:
        return _remote(server, workflow, body, key, wait)
    from pavane.doors.cli.places import bus_url, place

    if bus := bus_url():
        return _on_bus(wiring, bus, workflow, body, key, wait)
    if wait:
        import asyncio

        from pavane.sdk.application.loading import App, load_app

        loaded = load_app(app) if app else App("", {}, {})
        return asyncio.run(_embedded(wiring, store_url, loaded, workflow, body=body, key=key))
    click.echo(place(wiring, None, store_url).start(workflow, bytes(body), key))
    return DONE


def _remote(server: str, workflow: str, body: msgspec.Raw, key: str, wait: bool) -> int:
    from pavane.core.model.status import ENDED, NEEDS_ATTENTION
    from pavane.doors.cli.places import remote

    there = remote(server)
    execution_id = there.start(workflow, bytes(body), key)
    click.echo(execution_id)
    while wait:
        standing = there.wait(execution_id, WAIT_S)
        if standing.status in ENDED or standing.status == NEEDS_ATTENTION:
            return _tell(workflow, standing.status, standing.reason, standing.output)
    return DONE


def _on_bus(
    wiring: Wiring, bus: str, workflow: str, body: msgspec.Raw, key: str, wait: bool
) -> int:
    from pavane.doors.cli.on_bus import OnBus

    here = OnBus(wiring, bus)
    if not wait:
        click.echo(here.start(workflow, bytes(body), key))
        return DONE
    view = here.ended(workflow, bytes(body), key, click.echo)
    import msgspec

    return _tell(workflow, view.status, view.reason, msgspec.json.decode(bytes(view.output)))


async def _embedded(
    wiring: Wiring, store_url: str, app: App, workflow: str, *, body: msgspec.Raw, key: str
) -> int:
    import msgspec

    from pavane.doors.cli.stopping import stop_event, until
    from pavane.engine.views.reader import Reader

    stop = stop_event()
    async with wiring.running_engine(
        store_url, services=list(app.services.values()), workflows=list(app.workflows.values())
    ) as engine:
        execution_id = await engine.start_execution(workflow, bytes(body), key=key)
        click.echo(execution_id)
        if not app.services:
            click.echo("Waiting; no services run here (--app would run some).", err=True)
        if await until(stop, engine.wait(execution_id)) is None:
            raise ExecutionFailedError("Interrupted; the execution stays in the store.", "")
        summary, output = await Reader(engine.store).result(execution_id)
    return _tell(workflow, summary.status, summary.reason, msgspec.json.decode(output))


def _tell(workflow: str, status: str, reason: str, output: Any) -> int:
    """Print the output; ExecutionFailedError unless it COMPLETED."""
    import msgspec

    if status == "COMPLETED":
        click.echo(msgspec.json.format(msgspec.json.encode(output), indent=2))
        return DONE
    why = f": {reason.rstrip('.')}" if reason else ""
    raise ExecutionFailedError(
        f"{workflow} did not complete, it is {status}{why}.", "`pavane show ID` shows its steps."
    )
