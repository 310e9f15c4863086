"""Every order of everything: breadth first through all states, so that what is found is short."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Literal

import msgspec

from pavane.core.check.explore.mishaps import Mishaps
from pavane.core.check.explore.parts import Part, Way
from pavane.core.check.explore.played import bare, played
from pavane.core.check.explore.post import Post
from pavane.core.check.explore.trace import Trace
from pavane.core.check.explore.world import Glimpse, Place, World, name_of
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.dancing.turn import ROOT
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import Key, ScopeRow

Network = Literal["many", "once"]
"""Each message delivered any number of times, at any later moment; or exactly once. Any order."""

STUCK: Final = "stuck"
STANDS: Final = "an effect stands after an abort"
TWO_IN_ONE: Final = "two messages under one id"
UNEXPECTED: Final = "outcome that was not expected"

HUMAN: Final = "needs a human"

_WIDTHS = {"many": 1, "once": 4}
_FIELD = 24  # bits for a role's state, and for the world's, within one number
_MASK = (1 << _FIELD) - 1

Outcome = tuple[str, frozenset[Place]]
"""How the execution ended ("closed", "aborted", "needs a human"), and the effects that stand."""


class Violation(msgspec.Struct, frozen=True):
    """Something that must never be, and the shortest way to it."""

    kind: str
    text: str
    trace: Trace


class Exploration(msgspec.Struct, frozen=True):
    """What was found."""

    network: Network
    states: int
    transitions: int
    ends: int
    outcomes: frozenset[Outcome]
    violation: Violation | None = None
    complete: bool = True


def explore(
    choreography: Choreography,
    network: Network = "many",
    *,
    mishaps: Mishaps | None = None,
    dancer: type[Dancer] = Dancer,
    expected: Collection[Outcome] | None = None,
    alarms: bool = True,
    limit: int = 0,
    patience: Callable[[], bool] | None = None,
) -> Exploration:
    """Try everything that may happen; stop at the first thing that must not.

    `expected`: no other outcomes may be reached; `alarms`: it may end with a call for a person. It
    is cut short after `limit` states (0 = never), or as soon as `patience` says no.
    """
    search = _Search(bare(choreography), network, dancer, mishaps or Mishaps())
    search.expected, search.alarms = expected, alarms
    return search.run(limit, patience or (lambda: True))


class _Search:
    def __init__(
        self,
        choreography: Choreography,
        network: Network,
        dancer: type[Dancer],
        mishaps: Mishaps,
    ) -> None:
        self.choreography = choreography
        self.network: Network = network
        self.post = Post(choreography.roles, _WIDTHS[network])
        self.world = World(choreography)
        player = played(dancer)
        self.parts = [
            Part(choreography, role, player, mishaps, self.post, self.world)
            for role in choreography.roles
        ]
        self.shifts = {part.role: i * _FIELD for i, part in enumerate(self.parts)}
        self.above = len(self.parts) * _FIELD  # the world's number
        self.homes = {path: scope.home for path, scope in choreography.scopes.items()}
        # A state: the numbers of all roles and of the world, and the messages that are under way.
        start = self.post.number(Message(m.START, choreography.root.home, ""))
        self.reached: list[tuple[int, int]] = [(0, self.post.one(start))]
        self.numbers: dict[tuple[int, int], int] = {self.reached[0]: 0}
        self.parents: list[tuple[int, int, Way | None]] = [(-1, 0, None)]
        self.transitions = 0
        self.ends = 0
        self.outcomes: set[Outcome] = set()
        self.expected: Collection[Outcome] | None = None
        self.alarms = True

    def run(self, limit: int, patience: Callable[[], bool]) -> Exploration:
        """Explore; the list of states grows while it is read."""
        violation, number, complete = None, 0, True
        while number < len(self.reached) and violation is None:
            if (limit and number >= limit) or (number % 256 == 255 and not patience()):
                complete = False
                break
            before = self.transitions
            violation = self._expand(number)
            if violation is None and self.transitions == before:
                violation = self._end(number)
            number += 1
        return Exploration(
            self.network,
            len(self.reached),
            self.transitions,
            self.ends,
            frozenset(self.outcomes),
            violation,
            complete and violation is None,
        )

    def _expand(self, number: int) -> Violation | None:
        """Everything that may happen next."""
        here, net = self.reached[number]
        width = self.post.width
        many, field = width == 1, (1 << width) - 1
        for index, part in enumerate(self.parts):
            own = here >> index * _FIELD & _MASK
            for way in part.happen(own):
                found = self._take(number, index, way, net | way.sent if many else net + way.sent)
                if found is not None:
                    return found
            pending = net & self.post.to[part.role]
            if many:
                pending &= ~part.states[own].dull
            while pending:
                letter = ((pending & -pending).bit_length() - 1) // width
                pending &= ~(field << letter * width)
                for way in part.states[own].heard.get(letter) or part.hear(own, letter):
                    left = net | way.sent if many else net - (1 << letter * width) + way.sent
                    found = self._take(number, index, way, left)
                    if found is not None:
                        return found
        return None

    def _take(self, number: int, index: int, way: Way, net: int) -> Violation | None:
        """Go one way: note the state that it leads to, and whether it may be gone at all."""
        here, before = self.reached[number]
        if way.error:
            kind, _, told = way.error.partition(": ")
            return self._violation(kind, told, number, index, way)
        shift = index * _FIELD
        there = here + (way.state - (here >> shift & _MASK) << shift)
        if way.deed is not None:
            done = here >> self.above
            after, wrong, told = self.world.apply(done, way.deed, self._glimpse(here))
            if wrong:
                return self._violation(wrong, told, number, index, way)
            there += after - done << self.above
        if there == here and net == before:
            return None
        self.transitions += 1
        key = (there, net)
        if key not in self.numbers:
            self.numbers[key] = len(self.reached)
            self.reached.append(key)
            self.parents.append((number, index, way))
            if way.sent & self.post.contested and self.post.width == 1:
                return self._contradiction(number, index, way, net)
        return None

    def _contradiction(self, number: int, index: int, way: Way, net: int) -> Violation | None:
        for letter in way.letters:
            if net & self.post.rivals.get(letter, 0):
                told = f"a second {self.post.messages[letter].kind}, with other content"
                return self._violation(TWO_IN_ONE, told, number, index, way)
        return None

    # --- looking at a state ---------------------------------------------------------------------

    def _glimpse(self, here: int) -> Glimpse:
        def scope(path: str, at: At) -> ScopeRow | None:
            home = self.homes[path]
            outer = self.choreography.scopes[self.choreography.scopes[path].parent]
            key = Key(outer.path, at[: outer.depth], "scope", path, at)
            if not path:
                key = Key(ROOT, (), "scope", "", ())
            shift = self.shifts[home]
            rows = self.parts[shift // _FIELD].states[here >> shift & _MASK].rows
            row = rows.get(key)
            return row if isinstance(row, ScopeRow) else None

        def running() -> int:
            found = 0
            for index, part in enumerate(self.parts):
                found |= part.states[here >> index * _FIELD & _MASK].running
            return found

        return Glimpse(scope, running)

    def _end(self, number: int) -> Violation | None:
        """Nothing can happen any more: is this an end?"""
        here = self.reached[number][0]
        self.ends += 1
        scopes = [
            (key, row)
            for index, part in enumerate(self.parts)
            for key, row in part.states[here >> index * _FIELD & _MASK].rows.items()
            if isinstance(row, ScopeRow)
        ]
        status = next((row.status for key, row in scopes if not key.name), "not begun")
        standing = self.world.standing(here >> self.above)
        names = ", ".join(sorted(name_of(*place) for place in standing))
        moving = [(key, row) for key, row in scopes if row.status in r.SCOPE_MOVING]
        if any(row.human for _, row in scopes):
            if not self.alarms:
                return self._violation(HUMAN, "for no reason", number)
            status = HUMAN
        elif status not in (r.CLOSED, r.ABORTED, r.DEAD):
            return self._violation(STUCK, f"the execution is {status} for ever", number)
        elif moving:
            key, row = moving[0]
            return self._violation(STUCK, f"scope {key.name} is {row.status} for ever", number)
        elif status != r.CLOSED and standing:
            return self._violation(STANDS, f"{names} after the abort", number)
        outcome = (r.ABORTED if status == r.DEAD else status, standing)
        if self.expected is not None and status != HUMAN and outcome not in self.expected:
            return self._violation(UNEXPECTED, f"{status}, with {names or 'nothing'}", number)
        self.outcomes.add(outcome)
        return None

    def _violation(
        self, kind: str, text: str, number: int, index: int = 0, last: Way | None = None
    ) -> Violation:
        """With the way from the start to here; breadth first, there is none shorter."""
        steps = [] if last is None else [(index, last)]
        while number:
            number, index, way = self.parents[number]
            assert way is not None
            steps.append((index, way))
        steps.reverse()
        return Violation(
            kind,
            text,
            Trace.of([(self.parts[index].role, way) for index, way in steps], self.post.messages),
        )
