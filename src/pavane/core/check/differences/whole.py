"""What is different about a workflow as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from pavane.core.check.differences.change import Change, changed_keys, shown
from pavane.core.model.workflow import Workflow

_NEW_ONES: Final = "It counts for executions that start from now on."
_LIMIT: Final = (
    "How many run at once is counted over all versions, and the newest one says it; whether an "
    "execution is counted, and by which key, says the version that it goes by."
)
_NOT_MOVED: Final = "No execution can be moved."


def whole_changes(old: Workflow, new: Workflow) -> list[Change]:
    """Its differences, but for those of its steps, its name, version and description."""
    said: list[tuple[str, str]] = []
    if old.name != new.name:
        said.append((f"is `{new.name}`, was `{old.name}`", f"It is another one. {_NOT_MOVED}"))
    styles = [each.style or "orchestrated" for each in (old, new)]
    if styles[0] != styles[1]:
        said.append((f"is {styles[1]}, was {styles[0]}", f"{_NEW_ONES} {_NOT_MOVED}"))
    elif styles[0] == "choreographed":
        meaning = "Choreographed executions end by the version that they began with."
        said.append(("is choreographed", f"{meaning} {_NOT_MOVED}"))
    if keys := changed_keys(old.output_parameters, new.output_parameters):
        said.append((f"output: {keys}", "Executions that have not ended give the new one."))
    if keys := changed_keys(old.variables, new.variables):
        meaning = "A variable that is new is set in those that are moved; others stay as they are."
        said.append((f"variables at the start: {keys}", meaning))
    if keys := changed_keys(old.input_template, new.input_template):
        meaning = "A default that is new is added to the input of those that are moved."
        said.append((f"input defaults: {keys}", meaning))
    said += _limits(old, new)
    if old.failure_workflow != new.failure_workflow:
        was, now = shown(old.failure_workflow), shown(new.failure_workflow)
        said.append(
            (f"failure workflow: {now}, was {was}", "Executions that fail start the new one.")
        )
    if old.started_by != new.started_by:
        was, now = (shown(msgspec.to_builtins(each.started_by)) for each in (old, new))
        said.append((f"started by: {now}, was {was}", _NEW_ONES))
    for field in ("input_parameters", "input_schema", "output_schema", "restartable", "home"):
        if getattr(old, field) != getattr(new, field):
            was, now = shown(getattr(old, field)), shown(getattr(new, field))
            said.append((f"`{field}` is {now}, was {was}", _NEW_ONES))
    return [Change("changed", "", what, meaning) for what, meaning in said]


def _limits(old: Workflow, new: Workflow) -> Iterator[tuple[str, str]]:
    """How long an execution may take, and how many run at once."""
    times = [(each.timeout_seconds, each.timeout_policy) for each in (old, new)]
    if times[0] != times[1]:
        was, now = (f"{shown(seconds)} s ({policy})" for seconds, policy in times)
        yield f"time limit: {now}, was {was}", "It is counted from an execution's start."
    if old.rate_limit_config != new.rate_limit_config:
        was, now = (shown(msgspec.to_builtins(each.rate_limit_config)) for each in (old, new))
        yield f"limit: {now}, was {was}", _LIMIT
