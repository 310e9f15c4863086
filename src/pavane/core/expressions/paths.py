"""What a parsed path of a `${…}` is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from pavane.core.expressions.roots import Read


class Names(msgspec.Struct, frozen=True):
    """`['a', 'b']`: a map of these members at the end of a path, else each of them in turn."""

    names: tuple[str, ...]


class Indexes(msgspec.Struct, frozen=True):
    """`[0, 2]`: these items of a list."""

    indexes: tuple[int, ...]


class Slice(msgspec.Struct, frozen=True):
    """`[1:3]`: a range of items, as Python slices a list."""

    start: int | None
    stop: int | None


class Wildcard(msgspec.Struct, frozen=True):
    """`*`: every member of a map, every item of a list."""


class Scan(msgspec.Struct, frozen=True):
    """`..step`: the step on this value and on everything inside it."""

    step: Step


class Filter(msgspec.Struct, frozen=True):
    """`[?(…)]`: the items for which the test holds."""

    test: Callable[[Any, Any], bool]
    """Called with the item and the search that goes on (see selection.py)."""
    paths: tuple[Path, ...]
    """The absolute paths that the test reads."""


class Function(msgspec.Struct, frozen=True):
    """`.length()`: one value worked out from what the path found."""

    name: str


Step: TypeAlias = str | int | Names | Indexes | Slice | Wildcard | Scan | Filter | Function

FUNCTIONS = ("length", "size", "min", "max", "sum", "avg", "keys", "first", "last")


class Path(msgspec.Struct, frozen=True):
    """A parsed path: a root name and the steps below it."""

    root: str
    """Empty in a path that starts at the item a filter looks at (`@.price`)."""
    steps: tuple[Step, ...]

    @property
    def definite(self) -> bool:
        """Whether it names at most one value (else it gives a list)."""
        steps = self.steps
        if steps and isinstance(steps[-1], (Function, Names)):
            if isinstance(steps[-1], Function):
                return True
            steps = steps[:-1]
        return all(isinstance(step, (str, int)) for step in steps)

    @property
    def keys(self) -> tuple[str | int, ...] | None:
        """The plain members and indexes, where the path is made of nothing else."""
        keys = tuple(step for step in self.steps if isinstance(step, (str, int)))
        return keys if len(keys) == len(self.steps) else None

    @property
    def reads(self) -> tuple[Read, ...]:
        """What the path reads: its static beginning, and what its filters read elsewhere."""
        known: list[str | int] = []
        for step in self.steps:
            if not isinstance(step, (str, int)):
                break
            known.append(step)
        found = [Read(self.root, tuple(known))] if self.root else []
        for step in self.steps:
            inner = step.step if isinstance(step, Scan) else step
            if isinstance(inner, Filter):
                for path in inner.paths:
                    found.extend(path.reads)
        return tuple(found)
