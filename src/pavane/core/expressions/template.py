"""Input parameters with `${…}` in them: compiled once, filled in for every step.

Differences from Conductor, on purpose: the names of environment variables do not win over roots
(what a step reads must not depend on the machine that decides); values inside a text are written
as JSON, where Java wrote maps its own way; values that were filled in are never read again.
"""

from __future__ import annotations

from typing import Any, cast

from pavane.core.expressions.bounds import Refused
from pavane.core.expressions.evaluator import compile_expression
from pavane.core.expressions.jsonpath import parse_path
from pavane.core.expressions.paths import Path
from pavane.core.expressions.pieces import Computed, Embedded, Piece, split
from pavane.core.expressions.place import expression_error
from pavane.core.expressions.readers import Part, concatenated, constant, reader
from pavane.core.expressions.roots import Lookup, Read, deduplicate
from pavane.core.expressions.wire import to_wire
from pavane.errors import ExpressionError

__all__ = ["Lookup", "Read", "Template", "compile_template"]

MAX_TEMPLATE_DEPTH = 100


class Template:
    """A compiled JSON value; immutable, and safe to share."""

    __slots__ = ("_render", "constant", "dynamic", "reads")

    def __init__(self, compiler: _Compiler, render: Part) -> None:
        self.reads: tuple[Read, ...] = deduplicate(compiler.reads)
        """What it reads, as far as that is written in it."""
        self.dynamic: bool = compiler.dynamic
        """Whether an expression inside an expression makes `reads` incomplete."""
        self.constant: bool = compiler.constant
        """Whether there is no expression in it."""
        self._render = render

    def render(self, lookup: Lookup) -> Any:
        """A new value with everything filled in; what was filled in is shared with the lookup.

        ExpressionError when a computed value cannot be evaluated, or a path touches too much.
        A path that names nothing gives null.
        """
        return self._render(lookup)


def compile_template(value: Any, *, where: str = "") -> Template:
    """Compile a JSON value; `where` (such as `inputParameters`) begins the path in errors.

    ExpressionError for the first expression that is malformed.
    """
    compiler = _Compiler()
    return Template(compiler, compiler.value(value, where, 0))


class _Compiler:
    """Compiles one template and collects what it reads."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.dynamic = False
        self.constant = True

    def value(self, value: Any, where: str, depth: int) -> Part:
        if depth > MAX_TEMPLATE_DEPTH:
            raise ExpressionError(
                f"{where[:200]}: the value is nested more than {MAX_TEMPLATE_DEPTH} deep.",
                "Make it flatter.",
            )
        if isinstance(value, str):
            return self.text(value, where)
        if isinstance(value, dict):
            entries = cast("dict[Any, Any]", value)
            return self.members(entries, where, depth)
        if isinstance(value, (list, tuple)):
            return self.items(cast("list[Any]", value), where, depth)
        return constant(value)

    def members(self, value: dict[Any, Any], where: str, depth: int) -> Part:
        fixed = dict(value)
        filled: list[tuple[Any, Part]] = []
        for key, item in value.items():
            if _is_fixed(item):
                continue
            part = self.value(item, f"{where}.{key}" if where else str(key), depth + 1)
            fixed[key] = None  # keeps the member's place among the others
            filled.append((key, part))
        changes = tuple(filled)

        def render(lookup: Lookup) -> dict[Any, Any]:
            made = fixed.copy()
            for key, part in changes:
                made[key] = part(lookup)
            return made

        return render

    def items(self, value: list[Any], where: str, depth: int) -> Part:
        parts = tuple(self.value(v, f"{where}[{i}]", depth + 1) for i, v in enumerate(value))
        return lambda lookup: [part(lookup) for part in parts]

    def text(self, text: str, where: str) -> Part:
        try:
            pieces = split(text)
            if not pieces:
                return constant(text)
            parts = [self.piece(piece, where) for piece in pieces]
        except Refused as refused:
            raise expression_error(refused, text, where) from refused.__cause__
        if len(pieces) == 1:
            return parts[0]
        return concatenated(parts, where)

    def piece(self, piece: Piece, where: str) -> Part:
        if isinstance(piece, str):
            return constant(piece)
        self.constant = False
        if isinstance(piece, Computed):
            return self.computed(piece.source, where)
        return self.embedded(piece, where)

    def computed(self, source: str, where: str) -> Part:
        expression = compile_expression(source, where=where)
        self.reads.extend(expression.reads)

        def render(lookup: Lookup) -> Any:
            value = expression.evaluate(lookup)
            try:
                return to_wire(value)
            except ExpressionError as error:
                place = f"{where}, `{expression.source[:80]}`" if where else expression.source[:80]
                raise ExpressionError(f"{place}: {error.message}", error.remedy) from error

        return render

    def embedded(self, piece: Embedded, where: str) -> Part:
        first = piece.parts[0] if piece.parts else ""
        if len(piece.parts) > 1 or not isinstance(first, str):
            return self.nested(piece, where)
        if not first.strip():
            return constant("")
        path = _parse(first, where)
        self.reads.extend(path.reads)
        return reader(path, where)

    def nested(self, piece: Embedded, where: str) -> Part:
        """An expression whose path is known only when the ones inside it are."""
        self.dynamic = True
        first = piece.parts[0]
        self.reads.append(_known(first if isinstance(first, str) else ""))
        inner = concatenated([self.piece(part, where) for part in piece.parts], where)

        def render(lookup: Lookup) -> Any:
            text = inner(lookup)
            if not text.strip():
                return ""
            try:
                path = parse_path(text.strip())
            except Refused:
                return None  # as in Conductor: data made it a text that names nothing
            return reader(path, where)(lookup)

        return render


def _is_fixed(value: Any) -> bool:
    """Whether a member is the same in every rendering, and cannot be changed by who gets it."""
    return not isinstance(value, (str, dict, list, tuple)) or (
        isinstance(value, str) and "${" not in value
    )


def _parse(text: str, where: str) -> Path:
    try:
        return parse_path(text.strip())
    except Refused as refused:
        raise expression_error(refused, text.strip(), where) from refused.__cause__


def _known(text: str) -> Read:
    """What the beginning of a path says about what is read, where its end is not known yet."""
    text = text.lstrip()
    for at in range(len(text) - 1, -1, -1):
        if text[at] not in ".[":
            continue
        try:
            path = parse_path(text[:at])
        except Refused:
            continue
        keys = path.keys
        if keys is not None:
            return Read(path.root, keys)
    return Read("")
