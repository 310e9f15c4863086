"""What one conductor could bring about: every outcome of a definition, worked out from its blocks.

It shares no code with the dancers, the engine or the explorer. A run is not played: for each block
it says how that may end, and which effects then stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product

from pavane.core.check.explore import Mishaps
from pavane.core.projection.reading import blocks as b

At = tuple[int, ...]
Effects = frozenset[tuple[str, At]]
End = tuple[str, Effects]

ON = "on"  # the flow goes on behind it
OVER = "over"  # the flow goes to the end of its scope
BACK = "back"  # its scope takes everything back

NOTHING: Effects = frozenset()


def outcomes(root: b.Sub, mishaps: Mishaps) -> set[tuple[str, Effects]]:
    """How the execution may end, with the effects that then stand."""
    ends = _Conductor(mishaps).inside(root, "", ())
    return {("aborted", NOTHING) if how == BACK else ("closed", done) for how, done in ends}


class _Conductor:
    def __init__(self, mishaps: Mishaps) -> None:
        self.mishaps = mishaps

    def inside(self, sub: b.Sub, path: str, at: At) -> set[End]:
        """A scope; its deadline and its operator may come at any moment before a pivot."""
        ends = self.line(sub.body, path, at)
        found = {(BACK, NOTHING) if how == BACK else (ON, done) for how, done in ends}
        if sub.deadline or path in self.mishaps.stops:
            found.add((BACK, NOTHING))
        return found

    def line(self, body: Sequence[b.Block], path: str, at: At) -> set[End]:
        """One block after the other."""
        found: set[End] = {(ON, NOTHING)}
        for block in body:
            ends = self.block(block, path, at)
            found = {
                end
                for how, done in found
                for end in ([_both(done, end) for end in ends] if how == ON else [(how, done)])
            }
        return found

    def block(self, block: b.Block, path: str, at: At) -> set[End]:
        """How a block may end."""
        match block:
            case b.Step():
                return self.step(block, _id(path, block.ref), at)
            case b.Choice():
                ways = [*block.cases.values(), block.default]
                return {end for way in ways for end in self.line(way, path, at)}
            case b.Fork():
                return _side_by_side([self.line(each, path, at) for each in block.branches])
            case b.Some():
                return self.some(block, path, at)
            case b.Each():
                return {
                    end
                    for count in block.counts
                    for end in _side_by_side(
                        [self.line(block.body, path, (*at, i + 1)) for i in range(count)]
                    )
                }
            case b.Loop():
                return self.loop(block, path, at)
            case b.Sub():
                ends = self.branch(block, path, at)
                caught = ON if block.caught else BACK
                return {end if end[0] == ON else (caught, NOTHING) for end in ends}

    def step(self, step: b.Step, id: str, at: At) -> set[End]:
        if step.kind == "break":
            return {(BACK, NOTHING)}
        if step.kind == "finish":
            return {(OVER, NOTHING)}
        acts = step.kind == "step"
        found: set[End] = {(ON, frozenset({(id, at)}) if acts else NOTHING)}
        if step.fallible or step.late or id in self.mishaps.dead:
            found.add((ON if step.optional else BACK, NOTHING))
        return found

    def branch(self, sub: b.Sub, path: str, at: At) -> set[End]:
        id = _id(path, sub.ref)
        ends = self.inside(sub, id, at)
        return ends | {(BACK, NOTHING)} if id in self.mishaps.dead else ends

    def some(self, some: b.Some, path: str, at: At) -> set[End]:
        """Any so many of those that can succeed; back, if too many can fail."""
        ends = [self.branch(each, path, at) for each in some.branches]
        found: set[End] = set()
        for winners in combinations(ends, some.need):
            found |= _side_by_side([{end for end in each if end[0] == ON} for each in winners])
        may_fail = sum(any(how == BACK for how, _ in each) for each in ends)
        if may_fail > len(ends) - some.need:
            found.add((BACK, NOTHING))
        return found

    def loop(self, loop: b.Loop, path: str, at: At) -> set[End]:
        found: set[End] = {(ON, NOTHING)} if loop.listed else set()
        so_far: set[End] = {(ON, NOTHING)}
        for index in range(loop.times):
            ends = self.line(loop.body, path, (*at, index + 1))
            so_far = {_both(done, end) for _, done in so_far for end in ends}
            found |= so_far
            so_far = {end for end in so_far if end[0] == ON}
        return found


def _id(path: str, ref: str) -> str:
    return f"{path}/{ref}" if path else ref


def _both(done: Effects, end: End) -> End:
    how, more = end
    return (how, NOTHING) if how == BACK else (how, done | more)


def _side_by_side(branches: Iterable[set[End]]) -> set[End]:
    found: set[End] = set()
    for ends in product(*branches):
        assert not any(how == OVER for how, _ in ends), "an end beside other branches"
        if any(how == BACK for how, _ in ends):
            found.add((BACK, NOTHING))
        else:
            found.add((ON, frozenset().union(*(done for _, done in ends))))
    return found
