"""Where the ways through an `if` meet again: what each variable means behind it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step
from pavane.language.bindings import Bindings, Entry, Unassigned, changes
from pavane.language.carried import Leap
from pavane.language.kinds import joined
from pavane.language.liveness import Names
from pavane.language.values import Value, path, same

if TYPE_CHECKING:
    from pavane.language.writer import Writer


@dataclass(slots=True)
class Arm:
    """One way through an `if`: its steps, and the variables at its end if Python goes on there."""

    key: str | None
    steps: list[Step]
    bindings: Bindings | None
    place: ast.AST
    leaps: list[Leap] = field(default_factory=list[Leap])  # the jumps out of an iteration in it


class Meeting:
    """The end of one `if`; where ways disagree about a variable, each sets a workflow variable."""

    def __init__(self, writer: Writer, ref: str, before: Bindings, arms: list[Arm]) -> None:
        self._writer = writer
        self._ref = ref
        self._before = before
        self._arms = [(arm, arm.bindings) for arm in arms if arm.bindings is not None]
        self._settings: list[dict[str, Any]] = [{} for _ in self._arms]
        self._carried: dict[str, str] = {}  # workflow variables, and what the author calls them

    def settle(self, live: Names) -> None:
        """Write SET_VARIABLE steps for the variables that are live, and note all meanings."""
        touched: dict[tuple[int, str], None] = {}
        for _, bindings in self._arms:
            touched.update(dict.fromkeys(changes(self._before, bindings)))
        results = {place: self._meaning(place, live) for place in touched}
        for (arm, _), inputs in zip(self._arms, self._settings, strict=True):
            if inputs:
                self._set_variables(arm, inputs)
        for (level, name), entry in results.items():
            self._before.levels[level].entries[name] = entry

    def _meaning(self, place: tuple[int, str], live: Names) -> Entry:
        level, name = place
        entries = [
            bindings.levels[level].entries.get(name, Unassigned()) for _, bindings in self._arms
        ]
        if all(entry is entries[0] for entry in entries):
            return entries[0]
        meanings = [self._writer.site.frame.meaning(entry) for entry in entries]
        values = [each for each in meanings if isinstance(each, Value)]
        if len(values) < len(meanings):
            return Unassigned(
                any(isinstance(each, Unassigned) and each.undone for each in meanings)
            )
        for value in values:
            if value.poison:
                return value
        if all(same(value, values[0]) and value.type == values[0].type for value in values):
            return values[0]
        return self._carry(values, name) if name in live else Unassigned()

    def _carry(self, values: list[Value], name: str) -> Value:
        variable = self._writer.work.variables.new(self._ref)
        self._carried[variable] = name
        for (arm, _), value, inputs in zip(self._arms, values, self._settings, strict=True):
            inputs[variable] = self._writer.template(arm.place, value)
        return path("workflow", "variables", variable, tp=joined([each.type for each in values]))

    def _set_variables(self, arm: Arm, inputs: dict[str, Any]) -> None:
        name = self._writer.work.names.new(f"set_{self._ref}")
        step = Step(
            name=name, task_reference_name=name, type="SET_VARIABLE", input_parameters=inputs
        )
        names = {key: self._carried[key] for key in inputs}
        with self._writer.aside() as written:
            self._writer.emit(arm.place, step, variables=names)
        arm.steps.extend(written)
