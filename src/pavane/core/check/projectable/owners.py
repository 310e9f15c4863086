"""Refuses steps that belong to nobody, and undos that belong to somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Place
from pavane.core.check.projectable.offered import task_of
from pavane.core.check.projectable.parts import Part
from pavane.core.model.workflow import CHOICES


def check(part: Part) -> Iterator[str]:
    """Find steps without an owner, undos of another owner, and parts that nobody plays."""
    offered = part.offered
    for place in part.layout.places:
        step = task_of(place.step)
        if step is None:
            continue
        owner = offered.owner(step)
        if not owner:
            yield (
                f"{place.name}: no service owns the task {step.name!r}{_case(place)}, so in a "
                f"choreography nobody would do it; {_suggestion(part, place)}"
            )
        undo = step.undo
        other = offered.owner_of_undo(undo) if undo is not None else ""
        if undo is not None and owner and other and other != owner:
            yield (
                f"{place.name}: its undo {undo.name!r} is a task of {other}, but what it needs to "
                f"know stays with {owner}, who did the work; offer a task of {owner} that undoes "
                "it."
            )
    outermost = part.outer is None or not part.outer.choreographed
    if outermost and not _home(part) and not _anybody(part):
        yield (
            "No service takes part in it, so nobody could play it; add a step that a service "
            "does, or name a `home`."
        )


def _case(place: Place) -> str:
    """The case in which a step stands: it is seen only when that is taken."""
    for each in reversed(place.chain()):
        if each.inside is not None and each.inside.step.type in CHOICES:
            return f" in {each.branch} of {each.inside.ref!r}"
    return ""


def _suggestion(part: Part, place: Place) -> str:
    """Who it could be: the owner of its undo, or of the step that is written next to it."""
    undo = place.step.undo
    who = part.offered.owner_of_undo(undo) if undo is not None else ""
    if who:
        return f"write `service`: {who!r}, which owns its undo."
    places = part.layout.places
    here = next(index for index, each in enumerate(places) if each is place)
    for near in (*reversed(places[:here]), *places[here + 1 :]):
        task = task_of(near.step)
        who = part.offered.owner(task) if task is not None else ""
        if who:
            return f"write `service` on it, such as {who!r}, which does {near.ref!r}."
    return "write `service` on it, or in the definition of its task."


def _home(part: Part) -> str:
    param = part.holder.step.sub_workflow_param if part.holder is not None else None
    return part.layout.workflow.home or (param.home if param is not None else "")


def _anybody(part: Part) -> bool:
    waits = ("WAIT", "HUMAN")
    if any(
        task_of(place.step) or place.step.type in waits
        for place in part.layout.places
        if _named(place)
    ):
        return True
    return bool(part.unknown) or any(_anybody(child) for child in part.children.values())


def _named(place: Place) -> bool:
    """A task without an owner is a finding of its own; a wait may name who waits."""
    return task_of(place.step) is not None or bool(place.step.service)
