"""What the iterations of a loop hand on to each other, and to what stands behind the loop."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step
from pavane.language.bindings import Bindings, Entry, LocalFunction, Unassigned, changes
from pavane.language.jumps import Jump
from pavane.language.kinds import joined
from pavane.language.liveness import Names
from pavane.language.values import POISON, Value, path, same

if TYPE_CHECKING:
    from pavane.language.writer import Writer

UNSETTLED: Any = object()
"""Instead of a type: iterations disagree on more than the value, so that nothing is handed on."""

Place = tuple[int, str]
"""Level and name of a variable."""


@dataclass(slots=True)
class Leap:
    """The end of an iteration on one way through the body: to the next one, or out of the loop."""

    node: Jump
    bindings: Bindings
    steps: list[Step]  # the list at whose end it stands
    ref: str = ""  # the SWITCH that chose this way; empty where there is none
    case: str | None = None  # its case; None for the default
    others: tuple[str, ...] = ()  # then: the cases that it is not

    @property
    def breaks(self) -> bool:
        return isinstance(self.node, ast.Break)


@dataclass(slots=True)
class Round:
    """One reading of a loop's body."""

    misplaced: frozenset[Jump]
    leaps: list[Leap] = field(default_factory=list[Leap])

    def note(self, node: Jump, bindings: Bindings, steps: list[Step]) -> None:
        """An iteration ends here."""
        self.leaps.append(Leap(node, bindings, steps))


@dataclass(frozen=True, slots=True)
class Carried:
    """The variables as an iteration finds them: those handed on are workflow variables."""

    head: Bindings
    variables: dict[Place, str]
    kinds: dict[Place, Any]


class Cycle:
    """One loop; `after` is live behind it, `head` whenever it decides on another iteration."""

    def __init__(self, writer: Writer, ref: str, *, after: Names, head: Names) -> None:
        self.after = after
        self.head = head
        self._writer = writer
        self._ref = ref
        self._before = writer.bindings
        self._settings: dict[int, dict[str, Any]] = {}

    def guess(self, names: Iterable[str]) -> dict[Place, Any]:
        """What the text of the loop assigns and somebody reads later, with its first type."""
        levels = self._before.levels
        found: dict[Place, Any] = {}
        for name in names:
            own = self._before.level_of(name)
            place = (next(i for i, each in enumerate(levels) if each is own), name) if own else None
            if place is not None and self._is_handed_on(place):
                found[place] = self._entering(place).type  # type: ignore[union-attr]  # it is handed on
        return found

    def untyped(self, wanted: Mapping[Place, Any]) -> dict[Place, Any]:
        """The same, for types that never settle."""
        return {place: kind if kind is UNSETTLED else Any for place, kind in wanted.items()}

    def carry(self, wanted: Mapping[Place, Any]) -> Carried:
        """The variables at the head of an iteration, with workflow variables for what is wanted."""
        head, variables = self._before.fork(), dict[Place, str]()
        for (level, name), kind in wanted.items():
            if kind is UNSETTLED:
                head.levels[level].entries[name] = Unassigned()
                continue
            variable = self._writer.work.variables.new(self._ref)
            variables[level, name] = variable
            head.levels[level].entries[name] = path("workflow", "variables", variable, tp=kind)
        return Carried(head, variables, dict(wanted))

    def also_wanted(self, carried: Carried, made: Round) -> dict[Place, Any] | None:
        """What must be handed on, where it is more, or of another type, than was thought."""
        wanted: dict[Place, Any] = {}
        for leap in made.leaps:
            for place in changes(carried.head, leap.bindings):
                if self._is_unsettled(place, leap):
                    wanted[place] = UNSETTLED
                elif place[1] in self._live(leap) and self._is_handed_on(place):
                    wanted.setdefault(place)
        places = [*carried.kinds, *(each for each in wanted if each not in carried.kinds)]
        kinds = {place: wanted.get(place) or self._kind(place, made, carried) for place in places}
        return None if kinds == carried.kinds else kinds

    def settle(self, carried: Carried, made: Round, *, forever: bool) -> dict[Place, Entry]:
        """Write SET_VARIABLE where iterations end; gives what is meant behind the loop."""
        results: dict[Place, Entry] = {}
        touched: dict[Place, None] = dict.fromkeys(carried.variables)
        for leap in made.leaps:
            touched.update(dict.fromkeys(changes(carried.head, leap.bindings)))
        outs = [leap for leap in made.leaps if leap.breaks]
        variables = dict(carried.variables)
        for place in touched:
            results[place] = self._behind(place, carried, outs, variables, forever=forever)
        for leap in made.leaps:
            self._set_variables(carried, leap, variables, results)
        return results

    def begin(self, node: ast.AST, carried: Carried) -> list[Step]:
        """The SET_VARIABLE in front of the loop, if anything is handed on."""
        inputs = {
            variable: self._writer.template(node, value)
            for place, variable in carried.variables.items()
            if isinstance(value := self._entering(place), Value)
        }
        names = {variable: name for (_, name), variable in carried.variables.items()}
        return self._setting(node, inputs, names)

    def _behind(
        self,
        place: Place,
        carried: Carried,
        outs: list[Leap],
        variables: dict[Place, str],
        *,
        forever: bool,
    ) -> Entry:
        """What a variable means behind the loop; it gets a workflow variable if it needs one."""
        ways = [self._meaning(place, leap.bindings) for leap in outs]
        if not forever:
            ways.append(self._meaning(place, carried.head))
        if place[1] not in self.after or not ways:
            return Unassigned()
        if all(way is ways[0] for way in ways) and not self._is_passing(ways[0], place, variables):
            return ways[0]
        values = [way for way in ways if isinstance(way, Value)]
        if len(values) < len(ways):
            return Unassigned()
        if any(value.poison for value in values):
            return POISON
        if place not in variables:
            variables[place] = self._writer.work.variables.new(self._ref)
        kind = joined([value.type for value in values])
        return path("workflow", "variables", variables[place], tp=kind)

    def _is_passing(self, way: Entry, place: Place, variables: Mapping[Place, str]) -> bool:
        """Whether a meaning holds only in its iteration: it reads what is set at its end."""
        if not isinstance(way, Value):
            return isinstance(way, LocalFunction)
        if place in variables and same(way, self._variable(variables[place])):
            return False
        shown = {*variables.values()}
        return any(
            isinstance(node, ast.Attribute) and node.attr in shown
            for expr in _written_out(way)
            for node in ast.walk(expr)
        )

    @staticmethod
    def _variable(name: str) -> Value:
        return path("workflow", "variables", name)

    def _set_variables(
        self,
        carried: Carried,
        leap: Leap,
        variables: dict[Place, str],
        results: dict[Place, Entry],
    ) -> None:
        inputs: dict[str, Any] = {}
        names: dict[str, str] = {}
        for place, variable in variables.items():
            own, value = self._variable(variable), self._meaning(place, leap.bindings)
            behind = results[place]
            needed = (
                isinstance(behind, Value) and same(behind, own)
                if leap.breaks
                else place in carried.variables and place[1] in self.head | self.after
            )
            if not needed or not isinstance(value, Value) or value.poison or same(value, own):
                continue
            inputs[variable] = self._writer.template(leap.node, value)
            names[variable] = place[1]
        leap.steps.extend(self._setting(leap.node, inputs, names))

    def _setting(self, node: ast.AST, inputs: dict[str, Any], names: dict[str, str]) -> list[Step]:
        if not inputs:
            return []
        name = self._writer.work.names.new(f"set_{self._ref}")
        step = Step(
            name=name, task_reference_name=name, type="SET_VARIABLE", input_parameters=inputs
        )
        with self._writer.aside() as written:
            self._writer.emit(node, step, variables={key: names[key] for key in inputs})
        return written

    def _live(self, leap: Leap) -> Names:
        return self.after if leap.breaks else self.head

    def _meaning(self, place: Place, bindings: Bindings) -> Entry:
        level, name = place
        entry = bindings.levels[level].entries.get(name, Unassigned())
        return self._writer.site.frame.meaning(entry)

    def _entering(self, place: Place) -> Entry:
        return self._meaning(place, self._before)

    def _is_handed_on(self, place: Place) -> bool:
        """Whether a variable has a value already, and is read in another iteration or behind."""
        if place[1] not in self.head | self.after:
            return False
        entry = self._entering(place)
        return isinstance(entry, Value) and not entry.poison

    def _is_unsettled(self, place: Place, leap: Leap) -> bool:
        """Whether a local function would be another one, or none, in the next iteration."""
        if leap.breaks or place[1] not in self.head | self.after:
            return False
        entry, then = self._entering(place), self._meaning(place, leap.bindings)
        return isinstance(entry, LocalFunction) or (
            isinstance(entry, Value) and not isinstance(then, Value)
        )

    def _kind(self, place: Place, made: Round, carried: Carried) -> Any:
        """The type of what iterations find: from before the loop, or from another iteration."""
        if carried.kinds.get(place) is UNSETTLED:
            return UNSETTLED
        values = [self._entering(place)]
        values += [self._meaning(place, leap.bindings) for leap in made.leaps if not leap.breaks]
        return joined([value.type for value in values if isinstance(value, Value)])


def _written_out(value: Value) -> Iterator[ast.expr]:
    """All expressions that a value may be written as."""
    yield value.expr
    if value.guarded is not None:
        yield value.guarded
    for inner in (*(value.parts or ()), *(value.fields or {}).values()):
        yield from _written_out(inner)
