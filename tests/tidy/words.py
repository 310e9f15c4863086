"""The rules of words: each module says why it is there, each silenced rule why it is silenced."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.tidy.sources import Finding, Source

_SILENCER = re.compile(
    r"#\s*(?:"
    r"noqa(?::\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?"
    r"|type:\s*ignore(?:\[[^\]]*\])?"
    r"|pyright:\s*(?:ignore(?:\[[^\]]*\])?|\w+\s*=\s*\w+|basic|standard)"
    r"|pragma:\s*no cover"
    r")(?P<reason>.*)"
)
_LATER = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + r"X)\b")
_MUDDLES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "base", "misc"}


def check(source: Source) -> Iterator[Finding]:
    """Find modules without a docstring, silencers without a reason, and names that say nothing."""
    marker = not source.text and source.path.startswith("tests/")
    if not marker and not ast.get_docstring(source.tree):
        yield source.finding(1, "docstring", "say in one sentence why this module exists")
    for part in source.path.removesuffix(".py").split("/"):
        if part in _MUDDLES:
            yield source.finding(1, "name", f"`{part}` says nothing: what has no name has no place")
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            yield from _check_comment(source, token.start[0], token.string)


def check_later(source: Source) -> Iterator[Finding]:
    """Find work put off in a comment; it belongs in the tracker, or done."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if _LATER.search(line):
            yield source.finding(number, "later", "finish it, or say in an issue what is left")


def _check_comment(source: Source, line: int, comment: str) -> Iterator[Finding]:
    for part in re.split(r"(?=#)", comment):
        match = _SILENCER.match(part)
        if match is None:
            continue
        # The reason may stand in the same comment or in one that follows on the line.
        rest = comment[comment.index(part) + match.start("reason") :]
        words = re.findall(r"[^\W\d_]{2,}", _SILENCER.sub(lambda m: m["reason"], rest))
        if len(words) < 2:
            text = f"`{part.strip()}` needs its reason on the same line"
            yield source.finding(line, "reason", text)
