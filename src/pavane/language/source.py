"""The text of a function that is read: its syntax tree, its places, the names it sees."""

from __future__ import annotations

import ast
import builtins
import inspect
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Final

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

MISSING: Final = object()
"""Stands for a name that is defined nowhere."""


class SourceMissing(Exception):
    """Internal: the text of a function cannot be found; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file in which a function stands, and what its free names mean there."""

    file: str
    lines: tuple[str, ...]
    node: FunctionNode
    names: dict[str, Any] = field(repr=False, compare=False)

    def place(self, node: ast.AST) -> tuple[int, int]:
        """Line and column of a node, both from 1; the column counts characters."""
        line = getattr(node, "lineno", 0)
        offset = getattr(node, "col_offset", 0)
        encoded = self.text(line).encode()[:offset]
        return line, len(encoded.decode(errors="ignore")) + 1

    def text(self, line: int) -> str:
        """A line without its end."""
        return self.lines[line - 1].rstrip("\r\n") if 0 < line <= len(self.lines) else ""

    def at(self, node: ast.AST) -> str:
        """File name (without folders, so that it reads the same everywhere) and line."""
        name = self.file.replace("\\", "/").rsplit("/", 1)[-1]
        return f"{name}:{self.place(node)[0]}"

    def lookup(self, name: str) -> Any:
        """What a name from outside the function means, or MISSING."""
        found = self.names.get(name, MISSING)
        return getattr(builtins, name, MISSING) if found is MISSING else found


def read_source(function: FunctionType) -> Source:
    """The source of a plain function; SourceMissing where there is none or it has changed."""
    code = function.__code__
    try:
        lines, _ = inspect.findsource(function)
    except (OSError, TypeError, IndexError) as error:
        raise SourceMissing(
            f"the source of {function.__qualname__} cannot be found (it was defined in"
            f" {code.co_filename!r}); a workflow is read from its file, so put it in one"
        ) from error
    try:
        tree = ast.parse("".join(lines), filename=code.co_filename)
    except SyntaxError as error:
        raise _changed(function, code) from error
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode) and node.name == code.co_name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno:
                return Source(code.co_filename, tuple(lines), node, _names(function))
    raise _changed(function, code)


def _changed(function: FunctionType, code: CodeType) -> SourceMissing:
    return SourceMissing(
        f"the source of {function.__qualname__} is not at line {code.co_firstlineno} of"
        f" {code.co_filename!r} any more; import it again"
    )


def _names(function: FunctionType) -> dict[str, Any]:
    """Globals and closure. Cells are read now: what they hold when the function is needed."""
    names = dict(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # a name that is assigned further down and has no value yet
            continue
    return names
