"""Writing the steps of a block of statements, in the order in which Python would do them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

import msgspec

from pavane.core.expressions.template import compile_template
from pavane.core.model.workflow import Step
from pavane.errors import ExpressionError
from pavane.language import (
    awaited,
    conditions,
    endings,
    faithful,
    loops,
    refusals,
    scopes,
    tries,
)
from pavane.language.bindings import Bindings, LocalFunction, defaults_of
from pavane.language.carried import Round
from pavane.language.contract import without_none
from pavane.language.expressions import Reader
from pavane.language.frames import Frame
from pavane.language.kinds import element, is_known
from pavane.language.liveness import Liveness
from pavane.language.liveness import Names as LiveNames
from pavane.language.values import POISON, Value, stepped, template
from pavane.language.work import Site, Work

_COLUMN = re.compile(r", column \d+")  # of the expression, where the finding has its own

Place = Literal["workflow", "scope", "try", "branch"]


class Writer:
    """Turns statements into steps; knows the variables, and where a `return` may stand."""

    def __init__(
        self, site: Site, bindings: Bindings, liveness: Liveness, returns: Any, label: str
    ) -> None:
        self.site = site
        self.liveness = liveness
        self.returns = returns
        self.label: str = label  # the name of the definition being written
        self.place: Place = "workflow"
        self.nested = 0  # how many `if`s and loops stand around
        self.round: Round | None = None  # the loop whose body is being read
        self.caught: Value | None = None  # in an `except`: why what it caught failed
        self.steps: list[Step] = []
        self.outputs: dict[str, Any] | None = None
        self.active: tuple[ast.AST, ...] = ()  # local functions being read, against recursion
        self.reader = Reader(site, bindings, self.awaited)

    @property
    def work(self) -> Work:
        return self.site.work

    @property
    def bindings(self) -> Bindings:
        return self.reader.bindings

    @bindings.setter
    def bindings(self, bindings: Bindings) -> None:
        self.reader.bindings = bindings

    def refuse(self, node: ast.AST, message: str, remedy: str = "") -> Value:
        """Note a finding; gives POISON."""
        self.site.refuse(node, message, remedy)
        return POISON

    def awaited(self, node: ast.Await) -> Value:
        """The value of an awaited call."""
        return awaited.await_value(self, node)

    def emit(self, node: ast.AST, step: Step, **notes: Any) -> None:
        """Append a step that comes from a node of the source."""
        pavane = {"at": self.site.source.at(node), **notes}
        self.steps.append(msgspec.structs.replace(step, metadata={"pavane": pavane}))

    def nothing_to_do(self, node: ast.AST) -> None:
        """Emit a NOOP, where a definition has data but no steps."""
        name = self.work.names.new("nothing")
        self.emit(node, Step(name=name, task_reference_name=name, type="NOOP"))

    @contextmanager
    def aside(self) -> Generator[list[Step]]:
        """Write into a list of its own."""
        outer, self.steps = self.steps, []
        try:
            yield self.steps
        finally:
            self.steps = outer

    @contextmanager
    def within(
        self, frame: Frame, bindings: Bindings, label: str, place: Place
    ) -> Generator[list[Step]]:
        """Write another definition: the inside of a scope."""
        before = self.site, self.bindings, self.place, self.nested, self.label, self.round
        caught, self.caught = self.caught, None
        self.site = replace(self.site, frame=frame)
        self.reader.site, self.bindings = self.site, bindings
        self.place, self.nested, self.label = place, 0, label
        self.round = None
        try:
            with self.aside() as steps:
                yield steps
        finally:
            self.site, self.bindings, self.place, self.nested, self.label, self.round = before
            self.caught = caught
            self.reader.site = self.site

    def template(self, node: ast.AST, value: Value) -> Any:
        """A value as it stands in the definition; what the evaluator refuses is a finding."""
        if value.poison:
            return None
        try:
            made = template(value)
            compile_template(made)
        except ExpressionError as error:
            self.refuse(node, _COLUMN.sub("", error.message).rstrip("."), error.remedy)
            return None
        except ValueError as error:  # an f-string that cannot be written back
            self.refuse(node, f"this cannot be written as one expression: {error}")
            return None
        if _is_computed(made):
            self.work.uses.add("computed")
        return made

    # statements

    def block(self, statements: Sequence[ast.stmt], after: LiveNames) -> bool:
        """Write statements; `after` is live behind them. Whether Python goes on after them."""
        for index, statement in enumerate(statements):
            rest = statements[index + 1 :]
            whole = loops.moved(self, statement, rest)
            if whole is not None:
                return conditions.write_if(self, whole, after)
            live = self.liveness.before(rest, after)
            handler = _STATEMENTS.get(type(statement))
            if handler is None:
                refusals.statement(self, statement)
            elif not handler(self, statement, live):
                return False
        return True

    def assign(self, node: ast.Assign, live: LiveNames) -> bool:
        """`x = …`, `a, b = …`, `a = b = …`."""
        value = self.reader.read(node.value)
        for each in node.targets:
            self.bind(each, value)
        return True

    def annotated(self, node: ast.AnnAssign, live: LiveNames) -> bool:
        """`x: T = …`."""
        if node.value is not None:
            self.bind(node.target, self.reader.read(node.value))
        return True

    def augmented(self, node: ast.AugAssign, live: LiveNames) -> bool:
        """`x += …` over data."""
        if not isinstance(node.target, ast.Name):
            self.refuse(node.target, refusals.UNCHANGEABLE)
            return True
        name = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        both = ast.copy_location(ast.BinOp(name, node.op, node.value), node)
        self.bind(node.target, self.reader.read(both))
        return True

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a target."""
        if isinstance(target, ast.Name):
            self.bindings.set(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target, value)
        elif isinstance(target, ast.Starred):
            self.refuse(
                target,
                "`*` in an assignment is not part of the workflow language",
                "Give each value its own name, or read the rest as x[1:].",
            )
            self.bind(target.value, POISON)
        else:
            self.refuse(target, refusals.UNCHANGEABLE)

    def _unpack(self, target: ast.Tuple | ast.List, value: Value) -> None:
        parts = self._parts(target, value)
        for index, each in enumerate(target.elts):
            self.bind(each, POISON if parts is None else parts[index])

    def _parts(self, target: ast.Tuple | ast.List, value: Value) -> tuple[Value, ...] | None:
        if value.poison:
            return None
        wanted = len(target.elts)
        parts = value.parts
        if parts is None:
            kinds = _tuple_kinds(value.type)
            if kinds is None:
                self.refuse(
                    target,
                    "only the results of gather and tuples of known length can be unpacked",
                    "Read the parts one by one: x[0], x[1].",
                )
                return None
            parts = tuple(
                Value(stepped(value.expr, index), type=element(value.type, index))
                for index in range(kinds)
            )
        if len(parts) != wanted:
            self.refuse(
                target,
                f"{len(parts)} values cannot be unpacked into {wanted} names",
                "Write as many names as there are values.",
            )
            return None
        return parts

    def bare(self, node: ast.Expr, live: LiveNames) -> bool:
        """An expression that stands alone: an awaited step, or a docstring."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, (str, type(...))):
            return True
        if isinstance(node.value, ast.Await):
            self.reader.read(node.value)
        elif (
            isinstance(node.value, ast.Call) and faithful.word_in(self, node.value) == "definition"
        ):
            faithful.write_definition(self, node.value)
        else:
            refusals.no_effect(self, node.value)
        return True

    def matched(self, node: ast.Match, live: LiveNames) -> bool:
        """`match decision(…)`; any other is read as `if`s before."""
        return faithful.write_decision(self, node)

    def nothing(self, node: ast.stmt, live: LiveNames) -> bool:
        """`pass`."""
        return True

    def branch(self, node: ast.AsyncFunctionDef, live: LiveNames) -> bool:
        """A local `async def`: read where it is called."""
        if node.decorator_list:
            self.refuse(
                node.decorator_list[0], "a local `async def` takes no decorators", "Leave it out."
            )
        defaults = {name: self.reader.read(value) for name, value in defaults_of(node).items()}
        depth = len(self.bindings.levels)
        self.bindings.set(node.name, LocalFunction(node, depth, defaults))
        return True


def _is_computed(made: Any) -> bool:
    if isinstance(made, str):
        return "${=" in made
    if isinstance(made, dict):
        return any(_is_computed(item) for item in made.values())  # pyright: ignore[reportUnknownVariableType]  # JSON-like data
    if isinstance(made, list):
        return any(_is_computed(item) for item in made)  # pyright: ignore[reportUnknownVariableType]  # JSON-like data
    return False


def _tuple_kinds(tp: Any) -> int | None:
    """The length of a tuple type, if it is fixed."""
    inner = without_none(tp)[0]
    arguments = get_args(inner)
    if get_origin(inner) is not tuple or not is_known(inner) or Ellipsis in arguments:
        return None
    return len(arguments)


Handler = Callable[[Writer, Any, LiveNames], bool]

_STATEMENTS: dict[type[ast.stmt], Handler] = {
    ast.Assign: Writer.assign,
    ast.AnnAssign: Writer.annotated,
    ast.AugAssign: Writer.augmented,
    ast.Expr: Writer.bare,
    ast.Pass: Writer.nothing,
    ast.AsyncFunctionDef: Writer.branch,
    ast.Match: Writer.matched,
    ast.If: conditions.write_if,
    ast.While: loops.write_while,
    ast.For: loops.write_for,
    ast.Break: loops.write_jump,
    ast.Continue: loops.write_jump,
    ast.AsyncWith: scopes.write_scope,
    ast.Try: tries.write_try,
    ast.Return: endings.write_return,
    ast.Raise: endings.write_raise,
    ast.Nonlocal: Writer.nothing,
}
