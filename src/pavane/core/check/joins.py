"""Refuses forks without a join, and joins that could wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Layout, Place
from pavane.core.check.suggestions import did_you_mean
from pavane.core.model.workflow import CHOICES, FORKS


def check(layout: Layout) -> Iterator[str]:
    """Find forks and joins that do not stand together, and `joinOn` that cannot come true."""
    for place in layout.places:
        if place.step.type in FORKS:
            behind = place.behind()
            if behind is None or behind.type != "JOIN":
                kind = place.step.type
                yield f"{place.name}: a {kind} needs a JOIN directly behind it; put one there."
        elif place.step.type == "JOIN":
            before = place.before()
            if before is None or before.type not in FORKS:
                yield (
                    f"{place.name}: a JOIN without a FORK_JOIN directly in front of it never "
                    "opens; put the FORK_JOIN there, or remove it."
                )
            elif before.type == "FORK_JOIN":  # behind the other kind it is computed
                for ref in dict.fromkeys(place.step.join_on):
                    yield from (f"{place.name}: {text}" for text in _waits(layout, place, ref))
        elif place.step.type == "EXCLUSIVE_JOIN":
            yield from (f"{place.name}: {text}" for text in _meets(layout, place))
        elif place.step.join_on:
            yield f"{place.name}: only a JOIN has `joinOn`; this is a {place.step.type}."


def _meets(layout: Layout, join: Place) -> Iterator[str]:
    """What an EXCLUSIVE_JOIN looks at must have ended, or never begin, when it is reached."""
    named = {
        "joinOn": join.step.join_on,
        "defaultExclusiveJoinTask": join.step.default_exclusive_join_task,
    }
    for field, refs in named.items():
        for ref in dict.fromkeys(refs):
            looked_at = layout.by_ref.get(ref)
            if looked_at is None:
                guess = did_you_mean(ref, layout.by_ref) or "name a step in front of it."
                yield f"`{field}` names {ref!r}, and there is no such step; {guess}"
            else:
                yield from (f"`{field}` names {ref!r}, {why}" for why in _no_end(join, looked_at))


def _no_end(join: Place, looked_at: Place) -> Iterator[str]:
    around = {id(place.siblings): place.index for place in join.chain()}
    inside: list[Place] = []
    place = looked_at
    while id(place.siblings) not in around:
        assert place.inside is not None  # the outermost list is around both
        place = place.inside
        inside.append(place)
    if place.index >= around[id(place.siblings)]:
        yield "which does not stand in front of it; name steps that do."
    elif other := [each for each in inside if each.step.type not in CHOICES]:
        yield (
            f"which is inside {other[-1].ref!r} and may not have ended alone; "
            "name what the flow comes to behind it."
        )


def _waits(layout: Layout, join: Place, ref: str) -> Iterator[str]:
    fork = join.siblings[join.index - 1].ref
    awaited = layout.by_ref.get(ref)
    if awaited is None:
        guess = did_you_mean(ref, layout.by_ref) or f"name a step of a branch of {fork!r}."
        yield f"`joinOn` names {ref!r}, and there is no such step; {guess}"
        return
    around = awaited.chain()[:-1]
    refs = [place.ref for place in around]
    if fork not in refs:
        yield (
            f"`joinOn` names {ref!r}, which is in no branch of {fork!r}, so it would not wait for "
            "it; name the last step of each branch."
        )
        return
    loops = [p.ref for p in around[refs.index(fork) :] if p.step.type == "DO_WHILE"]
    if loops:
        yield (
            f"`joinOn` names {ref!r}, which is inside the loop {loops[0]!r} and runs any number of "
            f"times; wait for {loops[0]!r} itself."
        )
        return
    choices = [p.ref for p in around[refs.index(fork) :] if p.step.type in CHOICES]
    if choices:
        yield (
            f"`joinOn` names {ref!r}, which runs only if the SWITCH {choices[0]!r} takes "
            f"{awaited.chain()[refs.index(choices[0]) + 1].branch}, so it could wait for ever; "
            f"put a step (a NOOP will do) behind {choices[0]!r} and wait for that."
        )
