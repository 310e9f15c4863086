"""Finding what a parsed path names in the data; bounded, and never deeper than its own stack."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from pavane.core.expressions.bounds import Refused
from pavane.core.expressions.paths import (
    Filter,
    Function,
    Indexes,
    Names,
    Path,
    Scan,
    Slice,
    Step,
    Wildcard,
)
from pavane.core.expressions.roots import Lookup
from pavane.core.expressions.shapes import is_list, is_map

MAX_SELECTED = 1_000_000
"""Values that one path may touch."""


class _Missing:
    """The type of MISSING."""


MISSING: Any = _Missing()
"""What a definite path gives where nothing stands; distinct from null."""


class Search:
    """One evaluation of a path with everything that its filters read."""

    __slots__ = ("left", "lookup")

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.left = MAX_SELECTED

    def spend(self, count: int) -> None:
        """Count values touched; raises Refused beyond the bound."""
        self.left -= count
        if self.left < 0:
            raise Refused(
                f"the path touches more than {MAX_SELECTED} values",
                "Name the values more precisely, or do it in a task.",
            )

    def absolute(self, path: Path) -> Any:
        """The value of a path from a root; MISSING where a definite one names nothing."""
        try:
            root = self.lookup.root(path.root)
        except KeyError:
            return MISSING if path.definite else []
        return self.below(path, root)

    def below(self, path: Path, start: Any) -> Any:
        """The value of a path's steps from a value that is at hand."""
        found = [start]
        steps = path.steps
        last = len(steps) - 1
        definite = path.definite
        for position, step in enumerate(steps):
            if isinstance(step, Function):
                argument = found if not _definite(steps[:position]) else (found or [MISSING])[0]
                return _call(step.name, argument)
            found = self._advance(step, found, leaf=position == last)
            self.spend(1 + len(found))
            if not found:
                break
        if not definite:
            return found
        return found[0] if found else MISSING

    def _advance(self, step: Step, found: list[Any], *, leaf: bool) -> list[Any]:
        """What one step gives for all values found so far."""
        if isinstance(step, str):
            return [v[step] for v in found if is_map(v) and step in v]
        if isinstance(step, int):
            return [v[step] for v in found if is_list(v) and -len(v) <= step < len(v)]
        if isinstance(step, Scan):
            return self._scan(step.step, found, leaf=leaf)
        given: list[Any] = []
        for value in found:
            chosen = self._choose(step, value, leaf=leaf)
            self.spend(1 + len(chosen))
            given.extend(chosen)
        return given

    def _choose(self, step: Step, value: Any, *, leaf: bool) -> list[Any]:
        if isinstance(step, Wildcard):
            return list(children(value))
        if isinstance(step, Filter):
            items: list[Any] = [value] if is_map(value) else _items(value)
            self.spend(len(items))
            return [item for item in items if step.test(item, self)]
        if isinstance(step, Names):
            if not is_map(value):
                return []
            if leaf:
                return [{name: value[name] for name in step.names if name in value}]
            return [value[name] for name in step.names if name in value]
        items = _items(value)
        if isinstance(step, Slice):
            return items[step.start : step.stop]
        if isinstance(step, Indexes):
            return [items[i] for i in step.indexes if -len(items) <= i < len(items)]
        raise AssertionError(f"no such step: {step}")

    def _scan(self, step: Step, found: list[Any], *, leaf: bool) -> list[Any]:
        """The step on each value and on all that is inside it, outer before inner."""
        given: list[Any] = []
        pending: list[Any] = list(reversed(found))
        while pending:
            value = pending.pop()
            self.spend(1)
            if not (is_map(value) or is_list(value)):
                continue
            if isinstance(step, Filter):
                # As in Jayway: the maps and lists themselves are tested, so none comes twice.
                if step.test(value, self):
                    given.append(value)
            elif isinstance(step, Names) and is_map(value):
                if all(name in value for name in step.names):
                    given.extend(self._choose(step, value, leaf=leaf))
            else:
                given.extend(self._advance(step, [value], leaf=leaf))
            pending.extend(reversed(children(value)))
        return given


def _definite(steps: tuple[Step, ...]) -> bool:
    return all(isinstance(step, (str, int)) for step in steps)


def _items(value: Any) -> list[Any]:
    return value if is_list(value) else []


def children(value: Any) -> list[Any]:
    """The members of a map or the items of a list; nothing for anything else."""
    if is_map(value):
        return list(value.values())
    return _items(value)


def _call(name: str, value: Any) -> Any:
    """A path function; what has no meaning for the value gives MISSING, and so null."""
    if name in ("length", "size"):
        return len(value) if is_map(value) or is_list(value) else MISSING
    if name == "keys":
        return list(value) if is_map(value) else MISSING
    items = _items(value)
    if name in ("first", "last"):
        return items[0 if name == "first" else -1] if items else MISSING
    numbers = [n for n in items if isinstance(n, (int, float)) and not isinstance(n, bool)]
    if not numbers:
        return MISSING
    try:
        result = float(_AGGREGATES[name](numbers))
    except OverflowError:
        return MISSING
    return result if isfinite(result) else MISSING


# Jayway gives a floating-point number for each of them, also over integers.
_AGGREGATES: dict[str, Callable[[list[int | float]], int | float]] = {
    "min": min,
    "max": max,
    "sum": sum,
    "avg": lambda numbers: sum(numbers) / len(numbers),
}
