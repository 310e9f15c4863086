"""The arguments of a call as values, in the order in which Python works them out."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pavane.language.values import Value

if TYPE_CHECKING:
    from pavane.language.expressions import Reader


def read_arguments(reader: Reader, node: ast.Call) -> tuple[list[Value], dict[str, Value]] | None:
    """The values of a call's arguments; None where one was refused."""
    positional: list[Value] = []
    named: dict[str, Value] = {}
    fine = True
    for each in node.args:
        if isinstance(each, ast.Starred):
            reader.refuse(each, "`*` in a call is not part of the workflow language", "Name them.")
            fine = False
            continue
        positional.append(reader.read(each))
    for each in node.keywords:
        if each.arg is None:
            reader.refuse(
                each.value, "`**` in a call is not part of the workflow language", "Name them."
            )
            fine = False
            continue
        named[each.arg] = reader.read(each.value)
    if not fine or any(value.poison for value in (*positional, *named.values())):
        return None
    return positional, named
