"""One role's side of an exploration: each of its states once, and each turn played only once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import structs

from pavane.core.check.explore.mishaps import Event, Mishaps, dead_letter, own_events
from pavane.core.check.explore.played import Decision, Played, turns
from pavane.core.check.explore.post import Post
from pavane.core.check.explore.world import Deed, World, name_of
from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.turn import Reaction
from pavane.core.projection.local import Attempted, Lost, Rang, Run
from pavane.core.projection.rows import GateRow, Key, Row, ScopeRow, StepRow

Rows = Mapping[Key, Row]

ILLEGAL: Final = "illegal"
CALLED_TWICE: Final = "called twice"  # a task, for one attempt
NOT_CALLED: Final = "not called"  # a task, though its step says that an attempt is at work


class Way(NamedTuple):
    """One way that a turn may go."""

    event: Event
    state: int  # the role's state after it
    sent: int  # messages, as bits of the post
    letters: tuple[int, ...]  # the same, by number
    deed: Deed | None = None
    decisions: tuple[Decision, ...] = ()
    happened: bool | None = None  # whether an attempt that nobody heard of took effect
    error: str = ""  # a kind, a colon, and more in words

    def is_nothing(self, state: int) -> bool:
        """Whether nothing at all comes of it."""
        return (
            self.state == state and not self.sent and self.deed is None and not self.error
        )  # fmt: skip


class State:
    """A state of the role: its rows, and the turns played in it so far."""

    __slots__ = ("dull", "heard", "own", "rows", "running")

    def __init__(self, rows: dict[Key, Row], running: int) -> None:
        self.rows = rows
        self.running = running  # effects that attempts may bring about, as bits
        self.dull = 0  # messages that change nothing here
        self.heard: dict[int, tuple[Way, ...]] = {}
        self.own: tuple[Way, ...] | None = None


class Part:
    """A role: turns are played when they are first met, then looked up."""

    def __init__(
        self,
        choreography: Choreography,
        role: str,
        dancer: type[Played],
        mishaps: Mishaps,
        post: Post,
        world: World,
    ) -> None:
        self.choreography = choreography
        self.role = role
        self.states: list[State] = []
        self._numbers: dict[frozenset[tuple[Key, Row]], int] = {}
        self._dancer = dancer
        self._mishaps = mishaps
        self._post = post
        self._world = world
        self.number({})

    def number(self, rows: Rows) -> int:
        """The number of the role's state with these rows."""
        plain = {key: _plain(row) for key, row in rows.items()}
        known = self._numbers.setdefault(frozenset(plain.items()), len(self.states))
        if known == len(self.states):
            running = 0
            for key, row in plain.items():
                moving = isinstance(row, StepRow) and row.status in (r.RUNNING, r.LATE)
                if moving and self._has_effect(key):
                    running |= 1 << self._world.effect(key.name, key.at)
            self.states.append(State(plain, running))
        return known

    def _has_effect(self, key: Key) -> bool:
        node = self.choreography.nodes[key.name]
        return node.kind == "step" and not node.harmless

    def hear(self, state: int, letter: int) -> tuple[Way, ...]:
        """What may come of a message."""
        here = self.states[state]
        found = here.heard.get(letter)
        if found is None:
            message = self._post.messages[letter]
            dead = dead_letter(message, self._mishaps)
            events = [message, *([dead] if dead is not None else [])]
            found = here.heard[letter] = tuple(
                way for event in events for way in self._ways(here, event)
            )
            if all(way.is_nothing(state) for way in found):
                here.dull |= self._post.one(letter)
        return found

    def happen(self, state: int) -> tuple[Way, ...]:
        """What may come about without a message."""
        here = self.states[state]
        if here.own is None:
            events = own_events(self.choreography, self.role, here.rows, self._mishaps)
            here.own = tuple(
                way
                for event in events
                for way in self._ways(here, event)
                if not way.is_nothing(state)
            )
        return here.own

    def _ways(self, here: State, event: Event) -> Iterator[Way]:
        for decisions, reaction in turns(
            self._dancer, self.choreography, self.role, here.rows, event, self._mishaps
        ):
            wrong = reaction if isinstance(reaction, str) else self._misplaced(reaction)
            if wrong or isinstance(reaction, str):
                yield Way(event, 0, 0, (), decisions=decisions, error=f"{ILLEGAL}: {wrong}")
                continue
            state = self.number({**here.rows, **reaction.rows})
            letters = tuple(dict.fromkeys(self._post.number(each) for each in reaction.sent))
            sent = 0
            for letter in letters:
                sent |= self._post.one(letter)
            error = _uncalled(here.rows, event, reaction)
            way = Way(event, state, sent, letters, decisions=decisions, error=error)
            for happened, deed in self._deeds(here.rows, event, reaction):
                yield way._replace(deed=deed if deed != Deed() else None, happened=happened)

    def _misplaced(self, reaction: Reaction) -> str:
        """A coordinate that is too short or too long, in words."""
        for key in reaction.rows:
            node = self.choreography.nodes.get(key.name)
            if node is not None and len(key.at) != node.depth:
                return f"a row of {key.name} stands at {list(key.at)}"
        return ""

    def _deeds(
        self, rows: Rows, event: Event, reaction: Reaction
    ) -> Iterator[tuple[bool | None, Deed]]:
        """What a turn does to the world: two answers where nobody heard how an attempt ended."""
        deed = self._won(rows, reaction)
        for key, row in reaction.rows.items():
            if not isinstance(row, StepRow) or not self._has_effect(key):
                continue
            before = rows.get(key)
            old = before if isinstance(before, StepRow) else StepRow("")
            effect = self._world.effect(key.name, key.at)
            if self.choreography.nodes[key.name].pivot and row.status == r.UNDOING != old.status:
                deed = deed._replace(pivot=effect)
            if (getattr(event, "node", ""), getattr(event, "at", ())) != (key.name, key.at):
                continue
            if _undoes(event, old, row):
                deed = deed._replace(undo=effect)
            elif _acts(event, row):
                deed = deed._replace(act=effect, again=old.perhaps)
            elif _unheard(event, row):
                yield True, deed._replace(act=effect, again=old.perhaps)
                yield False, deed
                return
        yield None, deed

    def _won(self, rows: Rows, reaction: Reaction) -> Deed:
        won = 0
        for key, row in reaction.rows.items():
            old = rows.get(key)
            fired = isinstance(old, GateRow) and old.fired
            if not isinstance(row, GateRow) or not row.fired or fired:
                continue
            if self.choreography.nodes[key.name].mode == "some":
                for arrival in row.arrivals:
                    if arrival.outcome == m.DONE:
                        won |= self._world.branch(arrival.source, arrival.at)
        return Deed(won=won)


def _acts(event: Event, row: StepRow) -> bool:
    """Whether an attempt takes effect."""
    ended = isinstance(event, Attempted) and event.status == st.COMPLETED and not event.undo
    return ended and row.status == r.DONE


def _undoes(event: Event, old: StepRow, row: StepRow) -> bool:
    """Whether an undo takes effect: its own, or that of a person's hands."""
    if isinstance(event, Attempted):
        return event.status == st.COMPLETED and event.undo
    return old.status == r.PARKED and row.status == r.UNDONE


def _unheard(event: Event, row: StepRow) -> bool:
    """Whether an attempt is over, and nobody will ever hear whether it took effect."""
    if isinstance(event, Attempted):
        return event.status == st.CANCELED and not event.undo
    if isinstance(event, Rang):
        return event.what == "grace" or (event.what == "deadline" and row.status == r.RETRYING)
    return isinstance(event, Lost) and not event.undo


def _uncalled(rows: Rows, event: Event, reaction: Reaction) -> str:
    """What is wrong with the calls of tasks, if something is: one for each attempt that begins."""
    called = [each for each in reaction.commands if isinstance(each, Run)]
    calls = {(each.node, each.at, each.undo, each.attempt) for each in called}
    if len(calls) < len(called):
        return f"{CALLED_TWICE}: in one turn"
    begun = {
        (key.name, key.at, undo, attempt)
        for key, row in reaction.rows.items()
        if isinstance(row, StepRow)
        for undo, attempt in _begun(rows.get(key), row)
    }
    if isinstance(event, Lost):
        return ""
    for kind, differs in ((CALLED_TWICE, calls - begun), (NOT_CALLED, begun - calls)):
        if differs:
            return f"{kind}: {', '.join(name_of(call[0], call[1]) for call in sorted(differs))}"
    return ""


def _begun(old: Row | None, row: StepRow) -> Iterator[tuple[bool, int]]:
    was = old if isinstance(old, StepRow) else StepRow("")
    if row.status == r.RUNNING and (was.status, was.attempt) != (r.RUNNING, row.attempt):
        yield False, row.attempt
    waited = bool(was.due) or (was.status, was.undo_attempt) != (r.UNDOING, row.undo_attempt)
    if row.status == r.UNDOING and not row.due and waited:
        yield True, row.undo_attempt


def _plain(row: Row) -> Row:
    """The row without what only people read, and without an order that means nothing."""
    if isinstance(row, StepRow):
        return structs.replace(row, reason="", cause="")
    if isinstance(row, GateRow):
        arrivals = [structs.replace(each, reason="") for each in row.arrivals]
        return structs.replace(row, arrivals=tuple(sorted(arrivals, key=_key)))
    if isinstance(row, ScopeRow):
        return structs.replace(
            row,
            cause="",
            reason="",
            failed_ref="",
            reasons=tuple(sorted(row.reasons)),
            asked=tuple(sorted(row.asked)),
            answered=tuple(sorted(row.answered)),
            left=tuple(sorted(row.left, key=_key)),
            human=tuple(sorted(row.human)),
        )
    return row


def _key(item: object) -> str:
    return repr(item)
