"""The text of a computed expression: bounded before it is parsed, so that parsing cannot hurt."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pavane.core.expressions.bounds import MAX_DEPTH, MAX_NODES, MAX_SOURCE_CHARS, Refused

_PREFIXES = frozenset("-+~")
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_MAX_RECURSIVE_WORDS = 400
_MAX_FSTRINGS = 4
"""f-strings inside one another."""
_RECURSIVE_WORDS = ("not", "lambda", "else", "await", "**")
"""What Python's parser descends into once for each time it stands there."""


def code_tokens(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """The characters of Python code, each with its index; a string literal comes as one token."""
    at = start
    while at < len(text):
        begin, char = at, text[at]
        if char in "'\"":
            quote = char * 3 if text.startswith(char * 3, at) else char
            at += len(quote)
            while at < len(text) and not text.startswith(quote, at):
                at += 2 if text[at] == "\\" else 1
            at += len(quote)
            yield begin, text[begin:at]
        else:
            yield begin, char
            at += 1


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


def _check_nesting(source: str, level: int = 0) -> None:
    """Refuse what Python's parser would descend into too far for the stack of a small thread."""
    opened: list[int] = []
    prefixes = waiting = 0
    code: list[str] = []
    for at, token in code_tokens(source):
        if len(token) > 1:
            code.append(" ")
            if "f" in source[max(0, at - 2) : at].lower():
                _check_fields(token, level)
        else:
            code.append(token)
        if token in _PREFIXES:
            prefixes += 1
        elif token in _OPENING:
            opened.append(prefixes)
            waiting += prefixes
            prefixes = 0
        elif token in _CLOSING:
            waiting -= opened.pop() if opened else 0
        elif not token.isspace():
            prefixes = 0
        if len(opened) + waiting + prefixes > MAX_DEPTH:
            raise _too_deep(at if level == 0 else None)
    bare = "".join(code)
    words = sum(bare.count(word) for word in _RECURSIVE_WORDS)
    if words > _MAX_RECURSIVE_WORDS or level > _MAX_FSTRINGS:
        raise _too_deep()


def _check_fields(literal: str, level: int) -> None:
    """Check what stands in the braces of an f-string: Python parses it as code."""
    at = 0
    while (at := literal.find("{", at)) >= 0:
        if literal.startswith("{{", at):
            at += 2
            continue
        begin = at + 1
        depth = 1
        for at, token in code_tokens(literal, begin):  # noqa: B007  # where it ends is used below
            depth += (token == "{") - (token == "}")
            if depth == 0:
                break
        _check_nesting(literal[begin:at], level + 1)
        at += 1


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
