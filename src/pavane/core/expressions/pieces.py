"""Splitting the text of a parameter into what is literal and what stands in `${…}`.

As Conductor does: braces inside an expression pair up, `$${` is a literal `${`, and an expression
inside an expression is worked out first. Beyond Conductor: a brace in quotes, inside the brackets
of a path or in the source of a computed value `${= … }`, is only a character; and an expression
that is never closed is an error instead of a text.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from pavane.core.expressions.bounds import Refused
from pavane.core.expressions.source import code_tokens

MAX_NESTING = 20
"""Expressions inside one another."""


class Computed(msgspec.Struct, frozen=True):
    """`${= source }`."""

    source: str


class Embedded(msgspec.Struct, frozen=True):
    """`${parts}`: the text of a path, in which other expressions may stand."""

    parts: tuple[Piece, ...]


Piece: TypeAlias = str | Computed | Embedded


def split(text: str) -> list[Piece]:
    """The pieces of a text; raises Refused for an expression that is not closed."""
    pieces: list[Piece] = []
    literal: list[str] = []
    at = 0
    while (found := text.find("${", at)) >= 0:
        if found > at and text[found - 1] == "$":
            literal += (text[at : found - 1], "${")
            at = found + 2
            continue
        literal.append(text[at:found])
        piece, at = _read_expression(text, found, 1)
        if joined := "".join(literal):
            pieces.append(joined)
        literal.clear()
        pieces.append(piece)
    literal.append(text[at:])
    if joined := "".join(literal):
        pieces.append(joined)
    return pieces


def _read_expression(text: str, begin: int, depth: int) -> tuple[Piece, int]:
    """The expression whose `${` stands at `begin`, and where it ends."""
    if depth > MAX_NESTING:
        raise Refused(
            f"expressions are nested more than {MAX_NESTING} deep", "Nest fewer.", column=begin
        )
    if text.startswith("=", begin + 2):
        return _read_computed(text, begin)
    return _read_path(text, begin, depth)


def _read_computed(text: str, begin: int) -> tuple[Piece, int]:
    open_braces = 0
    for at, char in code_tokens(text, begin + 3):
        if char == "{":
            open_braces += 1
        elif char == "}":
            if open_braces == 0:
                return Computed(text[begin + 3 : at]), at + 1
            open_braces -= 1
    raise _unclosed(begin)


def _read_path(text: str, begin: int, depth: int) -> tuple[Piece, int]:
    parts: list[Piece] = []
    since = at = begin + 2
    braces = brackets = 0
    quote = ""
    while at < len(text):
        char = text[at]
        if text.startswith("${", at):
            if at > since and text[at - 1] == "$":
                parts.append(text[since : at - 1] + "${")
                braces += not quote
                since = at = at + 2
            else:
                parts.append(text[since:at])
                piece, at = _read_expression(text, at, depth + 1)
                parts.append(piece)
                since = at
            continue
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"" and brackets:
            quote = char
        elif char in "[]":
            brackets = max(0, brackets + (1 if char == "[" else -1))
        elif char == "{":
            braces += 1
        elif char == "}":
            if not braces:
                parts.append(text[since:at])
                return Embedded(_joined(parts)), at + 1
            braces -= 1
        at += 1
    raise _unclosed(begin)


def _joined(parts: list[Piece]) -> tuple[Piece, ...]:
    """Neighbouring texts as one, empty ones gone."""
    joined: list[Piece] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _unclosed(begin: int) -> Refused:
    return Refused(
        "`${` is never closed",
        "Close it with `}`, or write `$${` for a literal `${`.",
        column=begin,
    )
