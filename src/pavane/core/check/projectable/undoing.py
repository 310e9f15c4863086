"""Refuses effects that could be left standing in an abort, and undos that are more than that."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from pavane.core.check.layout import Place
from pavane.core.check.projectable.offered import task_of
from pavane.core.check.projectable.parts import Part, Risk, counting_fork
from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.model.workflow import Step


def check(part: Part) -> Iterator[str]:
    """Find effects without an undo where something can still fail, and undos with marks."""
    for place in part.layout.places:
        step = task_of(place.step)
        if step is None:
            continue
        if not part.elsewhere:
            yield from _marked(part, place)
        if _needs_undo(part, step):
            cause = _cause(part, place)
            if cause:
                yield (
                    f"{place.name}: it has an effect and no undo, and it may have to be undone: "
                    f"{cause}, and an operator may cancel; {_way_out(part, step)}"
                )


def _needs_undo(part: Part, step: Step) -> bool:
    return not (step.pivot or step.undo or part.offered.is_read_only(step))


def _way_out(part: Part, step: Step) -> str:
    definition = part.offered.definition(step)
    known = f" (such as {definition.undo!r})" if definition and definition.undo else ""
    return (
        f"write `undo=`{known} on it, `pivot=True` if there is no way back behind it, or "
        "`read_only=True` on its task if that has no effect."
    )


def _cause(part: Part, place: Place) -> str:
    """Why an effect might have to be undone, in its own scope or in one around it, or ""."""
    level: Part | None = part
    here: Place | None = place
    while level is not None and here is not None:
        inner = here is not place
        passed = any(level.ways.surely_before(pivot, here) for pivot in level.sure)
        if passed or (inner and here.step.pivot):
            return ""  # a pivot binds all scopes around it
        found = "" if level.elsewhere else _cause_in(level, here)
        if found:
            return found + (_where(level) if inner else "")
        here, level = level.holder, level.outer
    return ""


def _cause_in(level: Part, here: Place) -> str:
    fork = counting_fork(here)
    if fork is not None:
        return f"its branch of {fork.ref!r} may lose"
    if here.step.type == DYNAMIC_FORK and any(risk.place is here for risk in level.risks):
        return "another of its branches can fail"
    # Where nothing runs beside it, what is written in front of it has ended well.
    begin = (
        0 if here.forked or here.loops() else bisect_right(level.risks, here.number, key=_number)
    )
    for risk in level.risks[begin:]:
        where = level.ways.may_follow(here, risk.place)
        if not where:
            continue
        if any(level.ways.surely_before(pivot, risk.place) for pivot in level.sure):
            continue
        return f"{where} it {risk.place.ref!r} {risk.what}"
    if level.deadline_s:
        return f"the deadline of {level.deadline_s:g} s may pass"
    return ""


def _number(risk: Risk) -> int:
    return risk.place.number


def _where(level: Part) -> str:
    name = level.holder.ref if level.holder is not None else level.layout.workflow.name
    return f" (in {name!r} around it)"


def _marked(part: Part, place: Place) -> Iterator[str]:
    undo = place.step.undo
    if undo is None:
        return
    definition = part.offered.of_undo(undo)
    if definition is not None and definition.undo:
        yield (
            f"{place.name}: its undo {undo.name!r} has an undo of its own ({definition.undo!r}), "
            "and an undo is not undone; take it away there."
        )
    for other in part.layout.places:
        step = task_of(other.step)
        if step is not None and step.name == undo.name and (step.pivot or step.undo):
            mark = "pivot" if step.pivot else "undo"
            yield (
                f"{place.name}: its undo {undo.name!r} is also the step {step.ref!r}, which has "
                f"`{mark}`; use a task for the undo that has neither."
            )
