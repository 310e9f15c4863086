"""Errors of expressions as people read them: where, which part, what is wrong, what to do."""

from __future__ import annotations

from pavane.core.expressions.bounds import Refused
from pavane.errors import ExpressionError


def expression_error(refused: Refused, source: str, where: str) -> ExpressionError:
    """The public error: where, the part of the source, its column, what is wrong, the remedy."""
    lines = source.split("\n")
    line = lines[min(refused.line, len(lines) - 1)]
    place = f"`{_excerpt(line, refused.column or 0)}`"
    if refused.column is not None:
        place += f", column {refused.column + 1}"
    if len(lines) > 1:
        place += f" of line {refused.line + 1}"
    if where:
        place = f"{where}, {place}"
    stop = "" if refused.message.endswith("?") else "."
    return ExpressionError(f"{place}: {refused.message}{stop}", refused.remedy)


def _excerpt(line: str, column: int, width: int = 80) -> str:
    if len(line) <= width:
        return line
    start = max(0, min(column - width // 2, len(line) - width))
    before = "…" if start else ""
    after = "…" if start + width < len(line) else ""
    return f"{before}{line[start : start + width]}{after}"
