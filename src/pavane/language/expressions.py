"""Reading data expressions: names, fields, operations; what Python means, over paths."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from pavane.language import (
    calls,
    comparing,
    comprehensions,
    displays,
    fields,
    narrowing,
    outside,
    texts,
)
from pavane.language.bindings import Bindings, LocalFunction, Unassigned
from pavane.language.kinds import joined
from pavane.language.matches import IsA, Narrowed, Refused
from pavane.language.operands import native, operand_truth
from pavane.language.values import (
    MAX_SIZE,
    POISON,
    Value,
    constant,
    size_of,
)
from pavane.language.work import Site

AwaitHook = Callable[[ast.Await], Value]

UNASSIGNED = (
    "'{}' may be unassigned here (assigned only in a branch or loop that may not run);"
    " give it a value before"
)
UNDONE = (
    "'{}' is not known where the `try` that assigns it has failed: that may be before or after it"
)
NOT_SKIPPABLE = (
    "a step cannot be awaited inside a condition that may be skipped, a comprehension or a loop"
    " test; await it on its own line first"
)


class Reader:
    """Reads the expressions of one function; `on_await` turns an awaited call into steps."""

    def __init__(
        self,
        site: Site,
        bindings: Bindings,
        on_await: AwaitHook | None = None,
        inlined: tuple[object, ...] = (),
    ) -> None:
        self.site = site
        self.bindings = bindings
        self.inlined = inlined
        self._on_await = on_await
        self._skippable = 0

    def inlining(self, site: Site, bindings: Bindings, function: object) -> Reader:
        """A reader for the expression of a helper; nothing can be awaited in it."""
        return Reader(site, bindings, None, (*self.inlined, function))

    def read(self, node: ast.expr) -> Value:
        """The value of an expression; findings are noted and give POISON."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            if isinstance(node, ast.NamedExpr):
                self.bindings.set(node.target.id, POISON)
            word, remedy = _WORDS.get(type(node), (f"`{ast.unparse(node)}`", "Do it in a task."))
            return self.refuse(node, f"{word} is not part of the workflow language", remedy)
        value = handler(self, node)
        is_display = value.parts is not None or value.fields is not None
        if not is_display and size_of(value.expr) > MAX_SIZE:
            return self.refuse(
                node,
                "this value is too long an expression: what its variables stand for is written"
                " out in it",
                "Work it out in a task.",
            )
        return value

    def test(self, node: ast.expr) -> Value:
        """An expression that Python only tests for truth."""
        value = self.read(node)
        if value.poison:
            return POISON
        return Value(operand_truth(self.site, node, value), type=bool, native=True)

    def refuse(self, node: ast.AST, message: str, remedy: str = "") -> Value:
        """Note a finding; gives POISON."""
        self.site.refuse(node, message, remedy)
        return POISON

    @contextmanager
    def skippable(self) -> Generator[None]:
        """Where nothing may be awaited, because Python might not come here, or come often."""
        self._skippable += 1
        try:
            yield
        finally:
            self._skippable -= 1

    # names

    def is_own(self, name: str) -> bool:
        """Whether a name is a variable of the workflow."""
        return self.bindings.level_of(name) is not None

    def local_function(self, node: ast.expr) -> LocalFunction | None:
        """The local `async def` that a name stands for."""
        level = self.bindings.level_of(node.id) if isinstance(node, ast.Name) else None
        if level is None or not isinstance(node, ast.Name) or node.id not in level.entries:
            return None
        found = self.site.frame.meaning(level.entries[node.id])
        return found if isinstance(found, LocalFunction) else None

    def name(self, node: ast.Name) -> Value:
        """A variable, or a constant from outside the workflow."""
        level = self.bindings.level_of(node.id)
        if level is None:
            return outside.name(self, node)
        entry = level.entries.get(node.id, Unassigned())
        found = self.site.frame.meaning(entry)
        if isinstance(found, Unassigned) and found.undone:
            return self.refuse(node, UNDONE.format(node.id), "Assign it in the `except` as well.")
        if isinstance(found, Unassigned):
            return self.refuse(node, UNASSIGNED.format(node.id))
        if isinstance(found, LocalFunction):
            return self.refuse(
                node,
                f"'{node.id}' is an `async def` of this workflow, not a value",
                f"Call it: `await {node.id}(…)`, or inside `gather(…)`.",
            )
        return found

    # operations

    def await_(self, node: ast.Await) -> Value:
        """An awaited call."""
        if self._skippable:
            return self.refuse(node, NOT_SKIPPABLE)
        if self._on_await is None:
            return self.refuse(
                node, "nothing can be awaited here", "Await it in the workflow itself."
            )
        return self._on_await(node)

    def literal(self, node: ast.Constant) -> Value:
        """A literal."""
        if node.value is None or isinstance(node.value, (str, bool, int, float)):
            return constant(node.value)
        return self.refuse(
            node, f"{ast.unparse(node)} cannot travel as JSON", "Use texts, numbers, lists."
        )

    def set_refused(self, node: ast.Set) -> Value:
        """A set has no JSON form."""
        return self.refuse(node, "a set cannot travel as JSON", "Write a list.")

    def boolean(self, node: ast.BoolOp) -> Value:
        """`and`, `or`: the value of an operand, as in Python."""
        values = [self.read(node.values[0])]
        with self.skippable():
            values += [self.read(each) for each in node.values[1:]]
        if any(value.poison for value in values):
            return POISON
        pairs = [*zip(node.values, values, strict=True)]
        if isinstance(node.op, ast.And):  # what always holds decides nothing
            pairs = [pair for pair in pairs[:-1] if not _is_true(pair[1])] + pairs[-1:]
        if len(pairs) == 1:
            return values[-1]
        written = [
            operand_truth(self.site, each, value)
            if index < len(pairs) - 1
            else native(self.site, each, value)
            for index, (each, value) in enumerate(pairs)
        ]
        tp = joined([value.type for _, value in pairs])
        return Value(ast.BoolOp(node.op, written), type=tp, native=True)

    def unary(self, node: ast.UnaryOp) -> Value:
        """`not x`, `-x`, `+x`."""
        value = self.read(node.operand)
        if value.poison:
            return POISON
        if isinstance(node.op, ast.Not):
            tested = operand_truth(self.site, node.operand, value)
            return Value(ast.UnaryOp(node.op, tested), type=bool, native=True)
        if isinstance(node.op, ast.Invert):
            return self.refuse(node, "`~` is not part of the workflow language", "Use `not`.")
        number: Any = value.expr.value if isinstance(value.expr, ast.Constant) else None
        if type(number) in (int, float):
            return constant(-number if isinstance(node.op, ast.USub) else number)
        operand = native(self.site, node.operand, value)
        return Value(ast.UnaryOp(node.op, operand), type=value.type, native=True)

    def arithmetic(self, node: ast.BinOp) -> Value:
        """`+`, `-`, `*`, `/`, `//`, `%`, `**`."""
        return comparing.combine(self.site, node, self.read(node.left), self.read(node.right))

    def comparison(self, node: ast.Compare) -> Value:
        """Comparisons; `in` may look into a set display."""
        operands = [self.read(node.left)]
        for index, each in enumerate(node.comparators):
            look = isinstance(node.ops[index], (ast.In, ast.NotIn)) and isinstance(each, ast.Set)
            with self.skippable() if index else _nothing():
                operands.append(displays.listed(self, each) if look else self.read(each))  # type: ignore[arg-type]  # `look` says that it is a set
        return comparing.compare(self.site, node, operands)

    def conditional(self, node: ast.IfExp) -> Value:
        """`a if test else b`."""
        test = self.test(node.test)
        with self.skippable():
            body, orelse = self.read(node.body), self.read(node.orelse)
        if test.poison or body.poison or orelse.poison:
            return POISON
        if isinstance(test.expr, ast.Constant):
            return body if test.expr.value else orelse
        chosen = native(self.site, node.body, body), native(self.site, node.orelse, orelse)
        tp = joined([body.type, orelse.type])
        return Value(ast.IfExp(test.expr, *chosen), type=tp, native=True)


def _is_true(value: Value) -> bool:
    return isinstance(value.expr, ast.Constant) and value.expr.value is True


@contextmanager
def _nothing() -> Generator[None]:
    yield


_WORDS: dict[type[ast.expr], tuple[str, str]] = {
    ast.Lambda: ("`lambda`", "Write a comprehension, or a helper function of one expression."),
    ast.Yield: ("`yield`", "Return everything at the end."),
    ast.YieldFrom: ("`yield`", "Return everything at the end."),
    ast.NamedExpr: ("`:=`", "Assign it on a line of its own before."),
    ast.Starred: ("`*`", "Write the values one by one."),
    ast.Slice: ("a slice here", "Write x[a:b]."),
}


Handler = Callable[[Reader, Any], Value]

_HANDLERS: dict[type[ast.expr], Handler] = {
    ast.Constant: Reader.literal,
    ast.Name: Reader.name,
    ast.Attribute: fields.attribute,
    ast.Subscript: fields.subscript,
    ast.List: displays.listed,
    ast.Tuple: displays.listed,
    ast.Set: Reader.set_refused,
    ast.Dict: displays.mapping,
    ast.JoinedStr: texts.joined_text,
    ast.BoolOp: Reader.boolean,
    ast.UnaryOp: Reader.unary,
    ast.BinOp: Reader.arithmetic,
    ast.Compare: Reader.comparison,
    ast.IfExp: Reader.conditional,
    ast.Call: calls.call,
    ast.Await: Reader.await_,
    ast.ListComp: comprehensions.comprehension,
    ast.GeneratorExp: comprehensions.comprehension,
    ast.SetComp: comprehensions.refused_set,
    ast.DictComp: comprehensions.mapping,
    Narrowed: narrowing.narrowed,
    IsA: narrowing.is_a,
    Refused: narrowing.refused,
}
