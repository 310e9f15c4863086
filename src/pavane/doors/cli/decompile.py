"""`pavane decompile`: a Python module that stands for a definition in JSON."""

from __future__ import annotations

from pathlib import Path

import click

from pavane.errors import UsageError


@click.command()
@click.argument("file", metavar="FILE.json")
def command(file: str) -> None:
    """Print a workflow definition in JSON as Python that compiles to the same definition.

    Steps that have no form in the workflow language are written out with all their fields. Of the
    tasks only names and parameters are known, so the module has a stub for each.
    """
    import msgspec

    from pavane.core.model.workflow import Workflow
    from pavane.sdk.decompiled import decompile

    try:
        body = Path(file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}.", "Name a file with a definition in JSON."
        ) from error
    try:
        workflow = msgspec.json.decode(body, type=Workflow)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{file} is no workflow definition: {error}.",
            "It is one object, as `pavane compile` prints it or Conductor stores it.",
        ) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not JSON: {error}.", "Correct it there.") from error
    if not workflow.name or not workflow.tasks:
        raise UsageError(
            f"{file} is no workflow definition: it has no {'tasks' if workflow.name else 'name'}.",
            "It is one object, as `pavane compile` prints it or Conductor stores it.",
        )
    click.echo(decompile(workflow), nl=False)
