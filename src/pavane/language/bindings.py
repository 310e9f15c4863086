"""What each variable of a workflow means at the point that is being read."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from pavane.language.values import Value


@dataclass(frozen=True, slots=True)
class Unassigned:
    """The variable has no value on some path that leads here; or a `try` that failed had one."""

    undone: bool = False


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """An `async def` inside the workflow: a branch, read where it is called."""

    node: ast.AsyncFunctionDef
    depth: int  # how many levels its body sees
    defaults: dict[str, Value]  # as they were where it was defined


@dataclass(frozen=True, slots=True)
class Outer:
    """A variable of the workflow around a scope, not yet read inside it."""

    entry: Entry


Entry = Value | Unassigned | LocalFunction | Outer


@dataclass(slots=True)
class Level:
    """The variables of one function: the workflow itself, or a local function in it."""

    own: frozenset[str]  # names that Python treats as local here
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def copy(self) -> Level:
        return Level(self.own, dict(self.entries))


@dataclass(slots=True)
class Bindings:
    """The levels that are visible at a point, outermost first."""

    levels: list[Level]

    def fork(self) -> Bindings:
        """A copy for a path that is read on its own."""
        return Bindings([level.copy() for level in self.levels])

    def level_of(self, name: str) -> Level | None:
        """The level to which a name belongs, or None if it comes from outside the workflow."""
        for level in reversed(self.levels):
            if name in level.own:
                return level
        return None

    def set(self, name: str, entry: Entry) -> None:
        """Assign a variable."""
        level = self.level_of(name) or self.levels[-1]
        level.entries[name] = entry

    def inside(self, depth: int, level: Level) -> Bindings:
        """What the body of a local function sees that was defined at `depth`."""
        return Bindings([*self.levels[:depth], level])


def changes(before: Bindings, after: Bindings) -> list[tuple[int, str]]:
    """Level and name of each variable that has another meaning afterwards, in a fixed order."""
    return [
        (index, name)
        for index, (old, new) in enumerate(zip(before.levels, after.levels, strict=True))
        for name in new.entries
        if new.entries[name] is not old.entries.get(name)
    ]


class _Assigned(ast.NodeVisitor):
    """Names that a function body binds, without the functions inside it."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.foreign: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.names[node.id] = None

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.names[node.name] = None

    visit_FunctionDef = _function
    visit_AsyncFunctionDef = _function
    visit_ClassDef = _function

    def visit_Lambda(self, node: ast.Lambda) -> None:
        return

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        return

    visit_ListComp = _comprehension
    visit_SetComp = _comprehension
    visit_DictComp = _comprehension
    visit_GeneratorExp = _comprehension

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.foreign.update(node.names)

    visit_Global = visit_Nonlocal  # type: ignore[assignment]  # refused elsewhere

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for each in node.names:
            self.names[each.asname or each.name.partition(".")[0]] = None

    visit_ImportFrom = visit_Import  # the name that ast.NodeVisitor looks for

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.names[node.name] = None
        self.generic_visit(node)


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """All parameters of a function, in the order of its signature."""
    spec = node.args
    extra = [each for each in (spec.vararg, spec.kwarg) if each is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *extra]


def defaults_of(node: ast.AsyncFunctionDef) -> dict[str, ast.expr]:
    """The defaults of a function's parameters, by name."""
    spec = node.args
    plain = [*spec.posonlyargs, *spec.args]
    last = plain[len(plain) - len(spec.defaults) :]
    pairs = [*zip(last, spec.defaults, strict=True)]
    named = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    pairs += [(each, default) for each, default in named if default is not None]
    return {each.arg: default for each, default in pairs}


def own_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """The names that are local to a function, by Python's rule."""
    visitor = _Assigned()
    for statement in node.body:
        visitor.visit(statement)
    names = {*visitor.names, *(each.arg for each in parameters(node))}
    return frozenset(names - visitor.foreign)


def foreign_names(node: ast.AsyncFunctionDef) -> frozenset[str]:
    """The names that a local function declares `nonlocal`."""
    visitor = _Assigned()
    for statement in node.body:
        visitor.visit(statement)
    return frozenset(visitor.foreign)


def assigned_names(statements: list[ast.stmt]) -> tuple[str, ...]:
    """The names that some statements bind, in source order."""
    visitor = _Assigned()
    for statement in statements:
        visitor.visit(statement)
    return tuple(visitor.names)
