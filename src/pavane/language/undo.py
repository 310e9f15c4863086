"""Binding the task that undoes a step: to the step's inputs by name, then to its result."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Undo
from pavane.language.contract import RESULT, is_none, is_object, wire_value
from pavane.language.offers import TaskOffer
from pavane.language.outside import is_constant

if TYPE_CHECKING:
    import ast

    from pavane.language.work import Site


def bind_undo(
    site: Site,
    node: ast.AST,
    ref: str,
    *,
    step: TaskOffer,
    given: frozenset[str],
    undo: TaskOffer,
) -> Undo | None:
    """The undo of a step, or None after a finding.

    A parameter that bears the name of an input gets it; the one left over gets the result.
    """
    inputs: dict[str, Any] = {}
    left: list[inspect.Parameter] = []
    for name, parameter in undo.signature.parameters.items():
        own = step.signature.parameters.get(name)
        if own is None:
            left.append(parameter)
        elif name in given:
            inputs[name] = f"${{{ref}.input.{name}}}"
        elif parameter.default is inspect.Parameter.empty:
            if not is_constant(own.default):
                site.refuse(
                    node,
                    f"the undo {undo.name} needs '{name}', which this call of {step.name} leaves"
                    " to its default",
                    f"Give '{name}' here.",
                )
                return None
            inputs[name] = wire_value(own.default)
    wanted = _result_parameter(site, node, step, undo, left)
    if wanted is None:
        return None
    if wanted:
        output = "output" if is_object(step.returns) else f"output.{RESULT}"
        inputs[wanted] = f"${{{ref}.{output}}}"
    return Undo(name=undo.name, input_parameters=inputs, service=undo.service)


def _result_parameter(
    site: Site, node: ast.AST, step: TaskOffer, undo: TaskOffer, left: list[inspect.Parameter]
) -> str | None:
    """The parameter that gets the step's result, empty for none; None after a finding."""
    needed = [each for each in left if each.default is inspect.Parameter.empty]
    if len(needed) > 1:
        names = ", ".join(f"'{each.name}'" for each in needed)
        site.refuse(
            node,
            f"the undo {undo.name} takes {names}, which are no inputs of {step.name}; only"
            " one parameter can get its result",
            f"Name the others like the parameters of {step.name}.",
        )
        return None
    if not needed and len(left) != 1:
        return ""
    wanted = (needed or left)[0]
    if not is_none(step.returns):
        return wanted.name
    if not needed:
        return ""
    site.refuse(
        node,
        f"the undo {undo.name} takes '{wanted.name}', which is no input of {step.name}, and"
        f" {step.name} gives no result",
        f"Name it like a parameter of {step.name}, or let {step.name} return it.",
    )
    return None
