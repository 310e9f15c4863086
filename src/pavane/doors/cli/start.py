"""`pavane start`: start an execution, and wait for it if asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pavane.doors.cli.main import DONE
from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring
from pavane.errors import ExecutionFailedError

if TYPE_CHECKING:
    from pavane.core.model.command import IfExists
    from pavane.doors.executions.asked import Start
    from pavane.sdk.application.loading import App

WAIT_S = 30
PRIORITY_MAX = 99
_STRATEGIES: dict[str, IfExists] = {
    "return": "return",
    "fail": "fail",
    "fail-if-running": "fail_if_running",
}


@click.command()
@click.argument("workflow")
@click.option(
    "--input", "payload", default="{}", metavar="JSON|@FILE", help="Input; @- reads stdin."
)
@click.option("--key", default="", help="Start key: the same key never starts twice.")
@click.option(
    "--if-exists",
    type=click.Choice(["return", "fail", "fail-if-running"]),
    default="return",
    help="With a key that was used: give that execution, or fail.",
)
@click.option("--priority", default=0, metavar="N", help="0 to 99: the highest is worked on first.")
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
    if_exists: str,
    priority: int,
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
    from pavane.doors.executions.asked import Start
    from pavane.errors import UsageError

    start = Start(
        workflow,
        bytes(read_payload(payload, "--input")),
        key=key,
        priority=_checked(priority),
        if_exists=_STRATEGIES[if_exists],
    )
    if if_exists != "return" and not key:
        raise UsageError(f"--if-exists {if_exists} says nothing without a key.", "Add --key KEY.")
    if app and server:
        raise UsageError("--app and --server do not go together.", "Leave one of them out.")
    if app and not wait:
        raise UsageError("--app runs the services only while it waits.", "Add --wait.")
    if server:
        return _remote(server, start, wait)
    from pavane.doors.cli.places import bus_url, place

    if bus := bus_url():
        return _on_bus(wiring, bus, start, wait)
    if wait:
        import asyncio

        from pavane.sdk.application.loading import App, load_app

        loaded = load_app(app) if app else App("", {}, {})
        return asyncio.run(_embedded(wiring, store_url, loaded, start))
    click.echo(place(wiring, None, store_url).start(start))
    return DONE


def _checked(priority: int) -> int:
    from pavane.errors import UsageError

    if not 0 <= priority <= PRIORITY_MAX:
        raise UsageError(f"--priority is {priority}.", f"Give 0 to {PRIORITY_MAX}.")
    return priority


def _remote(server: str, start: Start, wait: bool) -> int:
    from pavane.core.model.status import ENDED, NEEDS_ATTENTION
    from pavane.doors.cli.places import remote

    there = remote(server)
    execution_id = there.start(start)
    click.echo(execution_id)
    while wait:
        standing = there.wait(execution_id, WAIT_S)
        if standing.status in ENDED or standing.status == NEEDS_ATTENTION:
            return _tell(start.workflow, standing.status, standing.reason, standing.output)
    return DONE


def _on_bus(wiring: Wiring, bus: str, start: Start, wait: bool) -> int:
    from pavane.doors.cli.on_bus import OnBus

    here = OnBus(wiring, bus)
    if not wait:
        click.echo(here.start(start))
        return DONE
    view = here.ended(start, click.echo)
    import msgspec

    return _tell(start.workflow, view.status, view.reason, msgspec.json.decode(bytes(view.output)))


async def _embedded(wiring: Wiring, store_url: str, app: App, start: Start) -> int:
    import msgspec

    from pavane.doors.cli.stopping import stop_event, until
    from pavane.doors.executions.conducted import Conducted
    from pavane.engine.views.reader import Reader

    stop = stop_event()
    async with wiring.running_engine(
        store_url, services=list(app.services.values()), workflows=list(app.workflows.values())
    ) as engine:
        execution_id = await Conducted(engine).start(start)
        click.echo(execution_id)
        if not app.services:
            click.echo("Waiting; no services run here (--app would run some).", err=True)
        if await until(stop, engine.wait(execution_id)) is None:
            raise ExecutionFailedError("Interrupted; the execution stays in the store.", "")
        summary, output = await Reader(engine.store).result(execution_id)
    return _tell(start.workflow, summary.status, summary.reason, msgspec.json.decode(output))


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
