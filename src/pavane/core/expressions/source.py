"""The text of a computed expression: bounded before it is parsed, so that parsing cannot hurt."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pavane.core.expressions.bounds import MAX_DEPTH, MAX_NODES, MAX_SOURCE_CHARS, Refused

_PREFIXES = frozenset("-+~")
_RECURSIVE_WORDS = ("not", "lambda", "else", "await", "**")
"""What Python's parser descends into once for each time it stands there."""


def code_characters(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """The characters that stand outside Python string literals, each with its index."""
    at = start
    while at < len(text):
        char = text[at]
        if char not in "'\"":
            yield at, char
            at += 1
            continue
        quote = char * 3 if text.startswith(char * 3, at) else char
        at += len(quote)
        while at < len(text) and not text.startswith(quote, at):
            at += 2 if text[at] == "\\" else 1
        at += len(quote)


def parse(source: str) -> ast.expr:
    """The syntax tree of an expression; raises Refused for anything malformed or too big."""
    if len(source) > MAX_SOURCE_CHARS:
        raise Refused(
            f"the expression is longer than {MAX_SOURCE_CHARS} characters",
            "Shorten it, or make it a task.",
        )
    if not source.strip():
        raise Refused("the expression is empty", "Write one after the `=`: ${= order.total * 2 }.")
    _check_nesting(source)
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        raise _malformed(error, source) from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep() from error
    except ValueError as error:  # null bytes, lone surrogates, numbers of thousands of digits
        raise Refused("the expression holds characters that cannot be read", "Remove them.") from (
            error
        )
    _check_size(tree)
    if not source.isascii():
        _count_characters(tree, source)
    return tree


def _malformed(error: SyntaxError, source: str) -> Refused:
    message = (error.msg or "malformed").split(".")[0].split(". ")[0]
    if "$" in source and "{" in source[source.find("$") :]:
        return Refused(
            "`${…}` cannot stand inside a computed value",
            "Write the path itself: workflow.input.order.total.",
        )
    return Refused(
        f"it is no expression: {message}",
        "Write one Python expression over workflow and step names.",
        line=(error.lineno or 1) - 1,
        column=max(0, (error.offset or 1) - 1),
    )


def _check_nesting(source: str) -> None:
    depth = prefixes = 0
    code: list[str] = []
    for at, char in code_characters(source):
        code.append(char)
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        if char in _PREFIXES:
            prefixes += 1
        elif not char.isspace():
            prefixes = 0
        if depth > MAX_DEPTH or prefixes > MAX_DEPTH:
            raise _too_deep(at)
    bare = "".join(code)
    if sum(bare.count(word) for word in _RECURSIVE_WORDS) > MAX_NODES // 2:
        raise _too_deep()


def _check_size(tree: ast.expr) -> None:
    nodes = 0
    pending: list[tuple[ast.AST, int]] = [(tree, 1)]
    while pending:
        node, depth = pending.pop()
        nodes += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        if nodes > MAX_NODES:
            raise Refused(
                f"the expression has more than {MAX_NODES} parts", "Shorten it, or make it a task."
            )
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.expr, ast.comprehension, ast.keyword)):
                pending.append((child, depth + 1))


def _count_characters(tree: ast.expr, source: str) -> None:
    """Make columns count characters: Python's count bytes."""
    lines = [line.encode() for line in source.split("\n")]
    for node in ast.walk(tree):
        if isinstance(node, (ast.expr, ast.keyword)) and node.lineno <= len(lines):
            before = lines[node.lineno - 1][: node.col_offset]
            node.col_offset = len(before.decode(errors="replace"))


def _too_deep(column: int | None = None) -> Refused:
    return Refused(
        f"the expression is nested more than {MAX_DEPTH} deep",
        "Make it simpler, or make it a task.",
        column=column,
    )
