"""What was really done and undone, and what must never be done: the judge of every transition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Choreography, comes_before
from pavane.core.projection.message import At
from pavane.core.projection.rows import ScopeRow

Place = tuple[str, At]
"""A node at a coordinate."""

DOUBLE_EFFECT: Final = "double effect"
DOUBLE_UNDO: Final = "double undo"
PIVOT_UNDONE: Final = "undo of a pivot"
UNDER_CONSEQUENCE: Final = "undo under a consequence"
AFTER_UNDO: Final = "act after its cause was undone"
ENDED_SCOPE: Final = "act or undo in a scope that has ended"

_ENDED = frozenset({r.CLOSED, r.ABORTED, r.REVERTED, r.DEAD})


class Deed(NamedTuple):
    """What a transition does to the world. Effects and branches are numbers; -1 is none."""

    act: int = -1
    again: bool = False  # an attempt that was perhaps made before: the same effect, not another
    undo: int = -1
    pivot: int = -1  # a pivot whose undo begins
    won: int = 0  # branches that win at their joins, as bits


class Done(NamedTuple):
    """What stands, what was undone, which branches have won: bits."""

    stands: int = 0
    undone: int = 0
    won: int = 0


class Glimpse(NamedTuple):
    """What the judge asks about the rows as they were before the transition."""

    scope: Callable[[str, At], ScopeRow | None]
    running: Callable[[], int]  # effects that an attempt may still bring about, as bits


class World:
    """Numbers effects as they are met, and knows which is a consequence of which."""

    def __init__(self, choreography: Choreography) -> None:
        self.choreography = choreography
        self.effects: list[Place] = []
        self.done: list[Done] = [Done()]
        self._effect_numbers: dict[Place, int] = {}
        self._done_numbers: dict[Done, int] = {Done(): 0}
        self._branches: dict[Place, int] = {}
        self._chains: list[tuple[Place, ...]] = []
        self._after: list[int] = []  # by effect: effects that may be consequences of it
        self._before: list[int] = []
        self._pairs: dict[tuple[int, int], tuple[Place, int]] = {}

    def effect(self, node: str, at: At) -> int:
        """The number of a step's effect."""
        place = (node, at)
        if place not in self._effect_numbers:
            self._meet(place)
        return self._effect_numbers[place]

    def branch(self, node: str, at: At) -> int:
        """The bit of a branch that may win."""
        return 1 << self._branches.setdefault((node, at), len(self._branches))

    def standing(self, number: int) -> frozenset[Place]:
        """The effects that stand."""
        return frozenset(self._named(self.done[number].stands))

    def _named(self, bits: int) -> list[Place]:
        return [place for i, place in enumerate(self.effects) if bits >> i & 1]

    def _meet(self, place: Place) -> None:
        number = len(self.effects)
        self._effect_numbers[place] = number
        self.effects.append(place)
        self._chains.append(self._chain(place))
        self._after.append(0)
        self._before.append(0)
        for other in range(number):
            for one, two in ((number, other), (other, number)):
                if self._may_cause(one, two):
                    self._after[one] |= 1 << two
                    self._before[two] |= 1 << one

    def _chain(self, place: Place) -> tuple[Place, ...]:
        """The scopes around a step, outermost first, as steps of what is around them; then it."""
        found, (node, at) = [place], place
        path = self.choreography.nodes[node].scope
        while path:
            scope = self.choreography.scopes[path]
            found.append((path, at[: scope.depth]))
            path = scope.parent
        return tuple(reversed(found))

    def _may_cause(self, one: int, two: int) -> bool:
        """Whether the graph leads from one effect to the other, in the scope that holds both.

        A branch of a some-join leads out of itself only where it has won: `_pairs` keeps what of
        the first effect stands directly in that scope, and the branches that must have won.
        """
        mine, theirs = self._chains[one], self._chains[two]
        shared = 0
        while mine[shared] == theirs[shared]:
            shared += 1
        if not comes_before(self.choreography, mine[shared], theirs[shared]):
            return False
        branches = 0
        for node, at in mine[shared:]:
            if self.choreography.nodes[node].gate:
                branches |= self.branch(node, at)
        self._pairs[one, two] = (mine[shared], branches)
        return True

    # --- judging --------------------------------------------------------------------------------

    def apply(self, number: int, deed: Deed, glimpse: Glimpse) -> tuple[int, str, str]:
        """The world after a deed; what is wrong with the deed ("" if nothing), and in words."""
        done, wrong, told = self.done[number], "", ""
        stands, undone, won = done
        if deed.act >= 0:
            bit = 1 << deed.act
            if not (deed.again and stands & bit):
                wrong, told = self._judge_act(done, deed.act, glimpse)
            stands |= bit
        if deed.undo >= 0:
            bit = 1 << deed.undo
            wrong, told = self._judge_undo(done, deed.undo, glimpse)
            undone |= stands & bit  # the undo of an unknown step may find nothing
            stands &= ~bit
        if deed.pivot >= 0:
            wrong, told = PIVOT_UNDONE, f"{self._name(deed.pivot)} must not be undone"
        after = Done(stands, undone, won | deed.won)
        known = self._done_numbers.setdefault(after, len(self.done))
        if known == len(self.done):
            self.done.append(after)
        return known, wrong, told

    def _judge_act(self, done: Done, effect: int, glimpse: Glimpse) -> tuple[str, str]:
        name = self._name(effect)
        if (done.stands | done.undone) >> effect & 1:
            return DOUBLE_EFFECT, f"{name} acts twice"
        for cause in _bits(done.undone & self._before[effect]):
            if self._is_cause(cause, effect, done, glimpse):
                return AFTER_UNDO, f"{name} acts after {self._name(cause)} was undone"
        return self._judge_scope(effect, f"{name} acts", glimpse)

    def _is_cause(self, cause: int, effect: int, done: Done, glimpse: Glimpse) -> bool:
        """Not a loser, and not in a child scope that was undone for reasons of its own."""
        (node, at), branches = self._pairs[cause, effect]
        if done.won & branches != branches:
            return False
        if self.choreography.nodes[node].kind != "scope":
            return True
        child = glimpse.scope(node, at)
        return child is not None and r.BY_UNDO in child.reasons

    def _judge_undo(self, done: Done, effect: int, glimpse: Glimpse) -> tuple[str, str]:
        name = self._name(effect)
        if done.undone >> effect & 1:
            return DOUBLE_UNDO, f"{name} is undone twice"
        for following in _bits((done.stands | glimpse.running()) & self._after[effect]):
            branches = self._pairs[effect, following][1]
            if done.won & branches == branches:
                how = "stands" if done.stands >> following & 1 else "is running"
                told = f"{name} is undone while {self._name(following)} {how}"
                return UNDER_CONSEQUENCE, told
        return self._judge_scope(effect, f"{name} is undone", glimpse)

    def _judge_scope(self, effect: int, what: str, glimpse: Glimpse) -> tuple[str, str]:
        around = [("", ()), *self._chains[effect][:-1]]
        for path, at in around:
            row = glimpse.scope(path, at)
            if row is not None and row.status in _ENDED:
                scope = f"scope {path}" if path else "the execution"
                return ENDED_SCOPE, f"{what} though {scope} is {row.status}"
        return "", ""

    def _name(self, effect: int) -> str:
        return name_of(*self.effects[effect])


def name_of(node: str, at: At) -> str:
    """A node at a coordinate, for people."""
    return node + (f"[{'.'.join(map(str, at))}]" if at else "")


def _bits(bits: int) -> list[int]:
    return [i for i in range(bits.bit_length()) if bits >> i & 1]
