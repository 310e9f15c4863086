"""`pavane watch`: executions as they go, from a server or a store that somebody else runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pavane.doors.cli.options import place_options
from pavane.doors.wiring import Wiring

if TYPE_CHECKING:
    from pavane.doors.cli.place import Place
    from pavane.engine.views.shapes import ExecutionView

POLL_S = 0.5
NEWEST = 20


@click.command()
@click.argument("execution_id", metavar="[ID]", required=False)
@place_options
@click.pass_obj
def command(
    wiring: Wiring, *, execution_id: str | None, server: str | None, store_url: str
) -> None:
    """Watch one execution until it ends, or without ID the newest ones until Ctrl-C."""
    from pavane.doors.cli.places import place

    here = place(wiring, server, store_url)
    try:
        _watch(here, execution_id)
    except KeyboardInterrupt:  # how watching ends
        return


def _watch(here: Place, execution_id: str | None) -> None:
    import time

    from pavane.core.model.status import ENDED
    from pavane.doors.cli.follow import display
    from pavane.doors.cli.render import execution_lines

    if execution_id:
        view = here.execution(execution_id)  # an unknown one is told before the screen changes
        with display() as screen:
            while view.status not in ENDED:
                screen.show([view])
                time.sleep(POLL_S)
                view = here.execution(execution_id)
        click.echo("\n".join(execution_lines(view)))
        return
    seen: dict[str, int] = {}
    with display() as screen:
        while True:
            screen.show(_changed(here, seen))
            time.sleep(POLL_S)


def _changed(here: Place, seen: dict[str, int]) -> list[ExecutionView]:
    """The newest executions that have been updated since they were last seen."""
    newest = here.find({"limit": NEWEST}).executions
    changed = [each for each in newest if seen.get(each.id) != each.updated_at]
    seen.clear()
    seen.update({each.id: each.updated_at for each in newest})
    return [here.execution(each.id) for each in reversed(changed)]
