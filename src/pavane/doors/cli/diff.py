"""`pavane diff`: two versions of a workflow, and what the difference means for what runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pavane.doors.cli.options import json_option, server_option
from pavane.errors import ConnectionFailedError, PavaneError, UsageError

if TYPE_CHECKING:
    from pavane.core.check.differences import Change
    from pavane.core.model.workflow import Workflow
    from pavane.doors.cli.remote import Remote
    from pavane.engine.views.shapes import StandingView

_WHICH = "Write APP:WORKFLOW, FILE.json, or NAME@VERSION with --server."
_MARKS = {"added": "+", "removed": "-", "changed": "~"}


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@json_option
@server_option("Read NAME@VERSION from this server, and say where its executions stand.")
def command(*, before: str, after: str, as_json: bool, server: str | None) -> None:
    """Show what is different between two versions of a workflow, step by step.

    A and B are APP:WORKFLOW, FILE.json, or NAME@VERSION of a server. For each difference it says
    what it means for executions that run by A; with --server also how many stand where.
    """
    import msgspec

    from pavane.core.check.differences import differences
    from pavane.core.model.workflow import content_hash
    from pavane.doors.cli.places import remote

    where = remote(server) if server else None
    old, new = _read(before, where), _read(after, where)
    changes = differences(old, new)
    standing = _standing(where, old, new) if where is not None else None
    if as_json:
        sides = [{"version": each.version, "definition": content_hash(each)} for each in (old, new)]
        told: dict[str, Any] = {"workflow": new.name, "before": sides[0], "after": sides[1]}
        told |= {"changes": changes, "standing": standing}
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
        return
    lines = [f"{new.name}: version {old.version} -> {new.version}", "", *_lines(changes)]
    if standing is not None:
        lines += ["", *_standing_lines(standing, new)]
    click.echo("\n".join(lines))


def _read(target: str, where: Remote | None) -> Workflow:
    from pavane.core.check import ensure_valid, read_workflow

    name, at, version = target.rpartition("@")
    if target.endswith(".json"):
        try:
            read = read_workflow(Path(target).read_bytes())
        except OSError as error:
            raise UsageError(f"'{target}' cannot be read: {error}.", _WHICH) from error
    elif at and version.isdecimal() and name:
        if where is None:
            raise UsageError(f"'{target}' is a version that a server has.", "Give its --server.")
        read = read_workflow(where.definition(name, int(version)))
    else:
        return _of_app(target)
    ensure_valid(read)
    return read


def _of_app(target: str) -> Workflow:
    from pavane.sdk.application.loading import load_app

    loaded = load_app(target)
    if len(loaded.workflows) != 1:
        names = ", ".join(loaded.workflows) or "none"
        raise UsageError(f"'{target}' does not name one workflow; there is {names}.", _WHICH)
    (workflow,) = loaded.workflows.values()
    return workflow.definition


def _lines(changes: list[Change]) -> list[str]:
    if not changes:
        return ["They do the same: what runs by one need not be moved to the other."]
    found: list[str] = []
    for each in changes:
        found += [f"{_MARKS[each.kind]} {each.step or '(all of it)'}: {each.what}"]
        found += [f"    {each.meaning}"]
    return found


def _standing(where: Remote, old: Workflow, new: Workflow) -> StandingView | None:
    """Asked of the server as far as it has the two; None where it has not even the first."""
    from pavane.core.check import read_workflow
    from pavane.core.model.workflow import content_hash

    def has(workflow: Workflow) -> bool:
        try:
            body = where.definition(workflow.name, workflow.version)
        except ConnectionFailedError:
            raise
        except PavaneError:
            return False
        return content_hash(read_workflow(body)) == content_hash(workflow)

    if not has(old):
        return None
    to = new.version if new.name == old.name and has(new) else None
    return where.standing(old.name, old.version, to)


def _standing_lines(found: StandingView, new: Workflow) -> list[str]:
    number = f"{found.executions}{'+' if found.more else ''}"
    lines = [f"Executions by version {found.version} that have not ended: {number}."]
    for group in found.groups:
        place = ", ".join(group.at) or "between steps"
        stands = place if group.status == "RUNNING" else f"{place} ({group.status})"
        verdict = {None: "", True: ": can be moved"}.get(
            group.fits, f": cannot be moved: {group.reason}"
        )
        lines.append(f"  {group.count:>5} at {stands}{verdict}")
    if found.to is None:
        lines.append(f"Register version {new.version} there to see which of them can be moved.")
    elif any(group.fits for group in found.groups):
        lines.append(f"`pavane move ID… --to {found.to} --server …` moves those that can be.")
    return lines
