"""Refuses joins that go on before each of their branches has come to its end."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import lists_of
from pavane.core.check.projectable.parts import Part
from pavane.core.model.workflow import CHOICES


def check(part: Part) -> Iterator[str]:
    """Find joins that do not wait for exactly the last step of each branch."""
    for place in part.layout.places:
        fork = place.before()
        if place.step.type != "JOIN" or fork is None or fork.type != "FORK_JOIN":
            continue
        last = {branch[-1].ref: branch[-1] for branch in fork.fork_tasks if branch}
        for ref in last:
            if ref not in place.step.join_on:
                yield (
                    f"{place.name}: it does not wait for {ref!r}, so the flow would go on while "
                    f"that branch of {fork.ref!r} is at work; add {ref!r} to `joinOn`."
                )
        for ref in dict.fromkeys(place.step.join_on):
            awaited = part.layout.by_ref.get(ref)
            if ref not in last and awaited is not None:
                yield (
                    f"{place.name}: it waits for {ref!r}, which is not the last step of a branch "
                    f"of {fork.ref!r}; name the last step of each branch, and nothing else."
                )
        for ref, step in last.items():
            chosen = step.type in CHOICES and any(steps for _, steps in lists_of(step))
            if chosen and ref in place.step.join_on:
                yield (
                    f"{place.name}: it waits for the {step.type} {ref!r}, which is over as soon as "
                    "it has chosen, while what it chose is still at work; put a NOOP behind "
                    f"{ref!r} and wait for that."
                )
