"""Names from outside the workflow: constants are folded in, the rest has a message of its own."""

from __future__ import annotations

import ast
import enum
import inspect
import types
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pavane.language.offers import is_task, is_workflow, word_of
from pavane.language.source import MISSING
from pavane.language.values import Value, constant

if TYPE_CHECKING:
    from pavane.language.expressions import Reader

_SCALARS = (str, int, float, bool, Decimal, date, datetime, time, timedelta, UUID, enum.Enum)


def static(reader: Reader, node: ast.expr) -> Any:
    """The Python object that a name or dotted name from outside stands for, or MISSING."""
    if isinstance(node, ast.Name):
        return MISSING if reader.is_own(node.id) else reader.site.source.lookup(node.id)
    if isinstance(node, ast.Attribute):
        base = static(reader, node.value)
        if base is MISSING or not _is_namespace(base):
            return MISSING
        return (
            inspect.getattr_static(base, node.attr, MISSING)
            if isinstance(base, type) and not isinstance(base, enum.EnumMeta)
            else getattr(base, node.attr, MISSING)
        )
    return MISSING


def _is_namespace(thing: Any) -> bool:
    return isinstance(thing, (types.ModuleType, type, enum.Enum))


def is_constant(thing: Any) -> bool:
    """Whether an object from outside can be folded into a definition."""
    if isinstance(thing, (tuple, frozenset)):
        return all(is_constant(item) for item in thing)  # pyright: ignore[reportUnknownVariableType]  # any tuple
    return thing is None or isinstance(thing, _SCALARS)


def name(reader: Reader, node: ast.Name) -> Value:
    """A name that is no variable of the workflow."""
    found = reader.site.source.lookup(node.id)
    if found is not MISSING:
        return folded(reader, node, found)
    known = [*reader.site.source.names, *(n for level in reader.bindings.levels for n in level.own)]
    close = get_close_matches(node.id, known, 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return reader.refuse(
        node, f"'{node.id}' is not defined{hint}", "Define it, or import it above the workflow."
    )


def folded(reader: Reader, node: ast.expr, thing: Any) -> Value:
    """An object from outside as a value, if it is a constant."""
    shown = ast.unparse(node)
    if is_constant(thing):
        return constant(thing)
    if is_task(thing) or is_workflow(thing):
        return reader.refuse(
            node, f"{shown} is a step, not a value", f"Call it: `await {shown}(…)`."
        )
    if word_of(thing):
        return reader.refuse(
            node,
            f"`{shown}` is a word of the language, not a value",
            f"Call it: `{shown}(…)`.",
        )
    return reader.refuse(
        node,
        f"'{shown}' is {described(thing)}; only constants can be read from outside the workflow",
        "Use a text, number, bool, None, Decimal, date, enum member or a tuple of these; or pass"
        " it in as a parameter.",
    )


def described(thing: Any) -> str:
    """What an object is, in a few words."""
    if isinstance(thing, types.ModuleType):
        return "a module"
    if isinstance(thing, type):
        return "a class"
    if callable(thing):
        return "a function"
    kind = type(thing).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
