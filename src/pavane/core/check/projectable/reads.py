"""Refuses expressions that only a conductor can answer, because it sees the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.check.layout import Layout, Place
from pavane.core.check.projectable.offered import task_of
from pavane.core.check.projectable.parts import Part, counting_fork
from pavane.core.check.reads import parameters
from pavane.core.expressions.template import Read, Template, compile_template
from pavane.core.model.workflow import CHOICES
from pavane.errors import ExpressionError

_WORKFLOW = ("input", "variables", "workflowId", "workflowType", "version", "correlationId")
_STEP = ("input", "output")


def check(part: Part) -> Iterator[str]:
    """Find reads of what no message carries, and reads that are known only at run time."""
    for place, where, template, _ in templates(part):
        name = place.name if place is not None else "The workflow's output"
        if template.dynamic:
            yield (
                f"{name}: {where} has an expression inside an expression, so nobody knows before "
                "the run what it reads and who must send it; write the path out."
            )
        for read in template.reads:
            text = _about(read, part.layout, place, where)
            if text:
                yield f"{name}: {where} {text}"


def templates(part: Part) -> Iterator[tuple[Place | None, str, Template, bool]]:
    """All that is filled in: whose it is, where it stands, and whether an undo reads it."""
    for place in part.layout.places:
        for where, value in _inputs(part, place):
            yield from ((place, where, each, False) for each in _compiled(where, value))
        if place.step.undo is not None:
            for key, value in place.step.undo.input_parameters.items():
                where = f"undo.inputParameters.{key}"
                yield from ((place, where, each, True) for each in _compiled(where, value))
    for key, value in part.layout.workflow.output_parameters.items():
        where = f"outputParameters.{key}"
        yield from ((None, where, each, False) for each in _compiled(where, value))


def _inputs(part: Part, place: Place) -> Iterator[tuple[str, Any]]:
    step = place.step
    yield from parameters(place)
    if step.items is not None:
        yield "items", step.items
    if step.type == "DO_WHILE" and step.loop_condition:
        yield "loopCondition", "${= " + step.loop_condition + " }"
    task = task_of(step)
    definition = part.offered.definition(task) if task is not None else None
    if definition is not None:
        for key, value in definition.input_template.items():
            yield f"inputTemplate.{key}", value


def _compiled(where: str, value: Any) -> Iterator[Template]:
    try:
        yield compile_template(value, where=where)
    except ExpressionError:  # found by another check
        return


def _about(read: Read, layout: Layout, place: Place | None, where: str) -> str:
    head = str(read.path[0]) if read.path else ""
    if read.root == "workflow":
        if head in _WORKFLOW:
            return ""
        known = ", ".join(_WORKFLOW)
        shown = f"workflow.{head}" if head else "the whole `workflow`"
        return (
            f"reads {shown}, which only a conductor knows; every role knows {known}, "
            "so pass in what you need."
        )
    other = layout.by_ref.get(read.root)
    if other is None:
        return ""
    if other.step.type == "DO_WHILE":
        return _about_loop(read, other, place)
    if head == "input" and _may_lose(other, place):
        return (
            f"reads {read.root}.input, of a branch that may lose before it has begun; read what "
            "that was made of."
        )
    if head in _STEP or (where == "loopCondition" and not head and other.step.type in CHOICES):
        return ""  # of a choice it may be asked whether it was made at all
    if head == "status" and other.step.type == "SUB_WORKFLOW":
        return ""
    shown = f"{read.root}.{head}" if head else f"the whole of {read.root!r}"
    return f"reads {shown}, which only a conductor knows; read {read.root}.output."


def _may_lose(other: Place, place: Place | None) -> bool:
    """Whether it is a branch that others may win over, and not the reader itself."""
    return place is not other and counting_fork(other) is not None


def _about_loop(read: Read, loop: Place, place: Place | None) -> str:
    head = str(read.path[0]) if read.path else ""
    if head != "output":
        shown = f"{read.root}.{head}" if head else f"the whole of {read.root!r}"
        return f"reads {shown}, which only a conductor knows; read {read.root}.output."
    inside = place is not None and (place is loop or loop.ref in place.loops())
    if inside and (len(read.path) < 2 or str(read.path[1]).isdigit()):
        return (
            f"reads what earlier iterations of {read.root!r} gave, inside that loop, where a role "
            "knows its own iteration; hand on in a variable what is needed."
        )
    return ""
