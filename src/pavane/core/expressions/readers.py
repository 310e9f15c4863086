"""What fills one place of a template: closures that are made once and called for every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import msgspec

from pavane.core.expressions.bounds import Refused
from pavane.core.expressions.paths import Path
from pavane.core.expressions.roots import Lookup
from pavane.core.expressions.selection import MISSING, Search
from pavane.errors import ExpressionError

Part: TypeAlias = Callable[[Lookup], Any]
"""Gives the value of one place in a template."""

MAX_TEXT_CHARS = 10_000_000
"""Characters of one text after its expressions are filled in."""


def constant(value: Any) -> Part:
    """The same value every time."""
    return lambda lookup: value


def reader(path: Path, where: str) -> Part:
    """What a path names; null where it names nothing. Plain names are read without detours."""
    keys = path.keys
    if keys is None:
        return _searching(path, where)
    root = path.root
    if not all(isinstance(key, str) for key in keys):
        return _indexing(root, keys)

    def read(lookup: Lookup) -> Any:
        try:
            value: Any = lookup.root(root)
        except KeyError:
            return None
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError):
            return None  # a text as an index: only a map takes it, so nothing else is read
        return value

    return read


def _indexing(root: str, keys: tuple[str | int, ...]) -> Part:
    def read(lookup: Lookup) -> Any:
        try:
            value: Any = lookup.root(root)
        except KeyError:
            return None
        for key in keys:
            wanted = list if isinstance(key, int) else dict
            if not isinstance(value, wanted):
                return None
            try:
                value = cast("Any", value)[key]
            except (KeyError, IndexError):
                return None
        return value

    return read


def _searching(path: Path, where: str) -> Part:
    def read(lookup: Lookup) -> Any:
        try:
            found = Search(lookup).absolute(path)
        except Refused as refused:
            raise ExpressionError(
                f"{where or 'an expression'}: {refused.message}.", refused.remedy
            ) from refused
        return None if found is MISSING else found

    return read


def concatenated(parts: list[Part], where: str) -> Part:
    """One text of several values."""

    def render(lookup: Lookup) -> str:
        texts = [_embed(part(lookup), where) for part in parts]
        size = sum(len(text) for text in texts)
        if size > MAX_TEXT_CHARS:
            raise ExpressionError(
                f"{where or 'an expression'}: a text of {size} characters would result"
                f" (at most {MAX_TEXT_CHARS}).",
                "Pass the values on as they are instead of writing them into a text.",
            )
        return "".join(texts)

    return render


def _embed(value: Any, where: str) -> str:
    """A value inside a text: texts as they are, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(
            f"{where or 'an expression'}: a value cannot be written into the text: {error}.",
            "Pass it on as it is instead of writing it into a text.",
        ) from error
