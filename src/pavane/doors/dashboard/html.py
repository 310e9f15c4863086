"""HTML put together from values: whatever is not markup of ours is escaped, so nothing gets in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TypeAlias

_VOID = frozenset({"input", "link", "meta", "br", "hr"})


class Markup(str):
    """Text that is HTML already. Only this module makes it from strings."""

    __slots__ = ()


Child: TypeAlias = "str | int | float | Markup | Sequence[Child] | None"
Value: TypeAlias = "str | int | float | bool | None"


def text(child: Child) -> str:
    """A child as HTML; strings are escaped, None is nothing."""
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str | int | float):
        return escape(str(child))
    return "".join(map(text, child))


def tag(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """An element. In attribute names `_` stands for `-`, a trailing one for nothing.

    None and False leave an attribute out, True writes its name alone.
    """
    written: list[str] = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        written.append(f" {attribute}" if value is True else f' {attribute}="{escape(str(value))}"')
    opening = f"<{name}{''.join(written)}>"
    if name in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{text(children)}</{name}>")


def joined(*children: Child) -> Markup:
    """Several children as one."""
    return Markup(text(children))


def document(head: Markup, body: Markup) -> str:
    """A whole page."""
    return f"<!doctype html>{tag('html', head, body, lang='en')}"
