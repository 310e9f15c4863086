"""Placeholders in the texts of a call: `{order}`, `{order.id}`; `{{` and `}}` are braces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pavane.errors import ExpressionError

Path = tuple[str, ...]

_PIECE = re.compile(
    r"(?P<open>\{\{)|(?P<close>\}\})|\{(?P<path>[A-Za-z_]\w*(?:\.\w+)*)\}|(?P<stray>[{}])"
)


def in_text(text: str) -> list[Path]:
    """The paths of the placeholders in a text; ExpressionError for a stray brace."""
    found: list[Path] = []
    for match in _PIECE.finditer(text):
        if match["stray"]:
            raise ExpressionError(
                f"{text!r} has a brace that belongs to no placeholder.",
                "Write {name} or {name.field}; {{ and }} for braces.",
            )
        if match["path"]:
            found.append(tuple(match["path"].split(".")))
    return found


def in_value(template: Any) -> Iterator[Path]:
    """The paths of the placeholders in all texts of a JSON value."""
    if isinstance(template, str):
        yield from in_text(template)
    elif isinstance(template, dict):
        for item in cast("dict[str, Any]", template).values():
            yield from in_value(item)
    elif isinstance(template, list):
        for item in cast("list[Any]", template):
            yield from in_value(item)


def alone(text: str) -> Path | None:
    """The path of a text that is one placeholder and nothing else."""
    match = _PIECE.fullmatch(text)
    return tuple(match["path"].split(".")) if match and match["path"] else None


def fill_text(text: str, put: Callable[[Path], str]) -> str:
    """The text with what `put` gives for each placeholder."""

    def one(match: re.Match[str]) -> str:
        if match["path"]:
            return put(tuple(match["path"].split(".")))
        return match[0][0]

    return _PIECE.sub(one, text)


def fill_value(template: Any, values: Mapping[str, Any]) -> Any:
    """The JSON value with its placeholders filled; one that is alone in its text keeps its type."""
    if isinstance(template, str):
        path = alone(template)
        if path is not None:
            return look_up(values, path)
        return fill_text(template, lambda path: as_text(look_up(values, path), path))
    if isinstance(template, dict):
        fields = cast("dict[str, Any]", template)
        return {key: fill_value(item, values) for key, item in fields.items()}
    if isinstance(template, list):
        return [fill_value(item, values) for item in cast("list[Any]", template)]
    return template


def look_up(values: Mapping[str, Any], path: Path) -> Any:
    """What lies at the path, None where there is nothing."""
    found: Any = values
    for name in path:
        if isinstance(found, Mapping):
            found = cast("Mapping[str, Any]", found).get(name)
        elif isinstance(found, list) and name.isdigit() and int(name) < len(cast("Any", found)):
            found = cast("list[Any]", found)[int(name)]
        else:
            return None
    return found


def as_text(value: Any, path: Path) -> str:
    """A plain value as the text that a URL or a header has; ExpressionError for any other."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    what = "null" if value is None else "no plain value"
    raise ExpressionError(
        f"{{{'.'.join(path)}}} is {what}, and cannot be put into a text.",
        "Let it be a text, a number or a boolean.",
    )
