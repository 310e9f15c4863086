"""The rules of size: a file that wants to grow past them usually is two ideas."""

import ast
from collections.abc import Iterator

from tests.tidy.sources import Finding, Source

FILE_LINES = 400
FUNCTION_LINES = 70


def check(source: Source) -> Iterator[Finding]:
    """Find files and functions that are too long; a docstring does not count."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES:
        text = f"{lines} lines; at most {FILE_LINES}: which two ideas are in it?"
        yield source.finding(1, "file-length", text)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = function_lines(node)
            if length > FUNCTION_LINES:
                text = f"{node.name} has {length} lines; at most {FUNCTION_LINES}"
                yield source.finding(node.lineno, "function-length", text)


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines from `def` to its end, without its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        doc = node.body[0]
        lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return lines
