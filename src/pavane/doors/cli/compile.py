"""`pavane compile`: the JSON that a workflow function stands for."""

from __future__ import annotations

import click

from pavane.errors import UsageError


@click.command()
@click.argument("target", metavar="APP:WORKFLOW")
def command(target: str) -> None:
    """Print the definition of a workflow as JSON, as a Conductor user would have written it.

    The workflow may be left out where APP has only one.
    """
    import msgspec

    from pavane.sdk.application.loading import load_app

    loaded = load_app(target)
    if len(loaded.workflows) != 1:
        names = ", ".join(loaded.workflows) or "none"
        raise UsageError(
            f"'{target}' does not name one workflow.", f"Write APP:WORKFLOW; there is {names}."
        )
    (workflow,) = loaded.workflows.values()
    body = msgspec.json.encode(workflow.definition)
    click.echo(msgspec.json.format(body, indent=2).decode())
