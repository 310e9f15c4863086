"""The `pavane` evaluator: one Python-like expression over an execution's data, safe and bounded.

Names are roots (`workflow`, a step's reference name; `ref("a-b")` for one that is no Python name).
`a.b` and `a["b"]` read the member of a map. A missing member is an error that names the path; read
it with `.get("b")` where it may be missing. A root that does not exist reads as null.
"""

from __future__ import annotations

from typing import Any

from pavane.core.expressions import calls, comprehensions, members, nodes
from pavane.core.expressions.bounds import Refused, Run
from pavane.core.expressions.compiler import Compiler, Node
from pavane.core.expressions.place import expression_error
from pavane.core.expressions.roots import Lookup, Read, deduplicate
from pavane.core.expressions.source import parse

_HANDLERS = {**nodes.HANDLERS, **members.HANDLERS, **comprehensions.HANDLERS, **calls.HANDLERS}


class Expression:
    """A compiled expression; immutable, and free of state between evaluations."""

    __slots__ = ("_evaluate", "_variables", "names", "reads", "source", "where")

    def __init__(self, source: str, where: str, compiler: Compiler, evaluate: Node) -> None:
        self.source = source
        self.where = where
        self.names: tuple[str, ...] = tuple(compiler.names)
        """The roots that it names."""
        self.reads: tuple[Read, ...] = deduplicate(compiler.reads)
        """What it reads below them, as far as that is written in the expression."""
        self._variables = compiler.variables
        self._evaluate = evaluate

    def evaluate(self, lookup: Lookup) -> Any:
        """The value, with the types that conversions gave it (see wire.py for its JSON form).

        ExpressionError says what could not be evaluated, where, and what to do.
        """
        try:
            return self._evaluate(Run(lookup, self._variables))
        except Refused as refused:
            raise expression_error(refused, self.source, self.where) from refused.__cause__


def compile_expression(source: str, *, where: str = "") -> Expression:
    """Compile an expression; `where` says in errors where it stands.

    ExpressionError for anything malformed, not available or too big.
    """
    text = source.strip()
    compiler = Compiler(_HANDLERS)
    try:
        evaluate = compiler.compile(parse(text))
    except Refused as refused:
        raise expression_error(refused, text, where) from refused.__cause__
    return Expression(text, where, compiler, evaluate)
