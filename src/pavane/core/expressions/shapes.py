"""Telling JSON-like values apart, in words that the type checker understands."""

from __future__ import annotations

from typing import Any, TypeGuard


def is_map(value: Any) -> TypeGuard[dict[Any, Any]]:
    """Whether it has members."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a list, as JSON has them."""
    return isinstance(value, list)


def is_series(value: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether it is a list, or a tuple that an expression made."""
    return isinstance(value, (list, tuple))


def is_chain(value: Any) -> TypeGuard[list[Any]]:
    """Whether `+` and `*` lengthen it: a text, list or tuple (the checker sees a list)."""
    return isinstance(value, (str, list, tuple))


def is_sized(value: Any) -> TypeGuard[list[Any]]:
    """Whether it has elements: also a text, map or range (the checker sees a list)."""
    return isinstance(value, (list, tuple, dict, str, range))
