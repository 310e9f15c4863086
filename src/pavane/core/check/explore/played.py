"""The product's own dancer, played: who decides by data decides every way, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from msgspec import structs

from pavane.core.check.explore.mishaps import Event, Mishaps
from pavane.core.decide.retries import NO_POLICY, Policy
from pavane.core.model.journal import ScopeNote
from pavane.core.projection.choreography import Choreography, Node
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.dancing.turn import AllRows, Reaction
from pavane.core.projection.message import At
from pavane.core.projection.rows import Key, Row, ScopeRow

Decision = str | int | bool


class Undecided(Exception):
    """The turn comes to a decision that was not made beforehand."""

    def __init__(self, options: Sequence[Decision]) -> None:
        super().__init__(options)
        self.options = options


class Played(Dancer):
    """Decides as it is told, writes no journal, and knows the mishaps."""

    decisions: tuple[Decision, ...] = ()
    mishaps: Mishaps = Mishaps()
    made: int = 0  # so many of the decisions

    def told(self, options: Sequence[Decision]) -> Decision:
        """The next decision; raises Undecided when nobody has made it."""
        if self.made == len(self.decisions):
            raise Undecided(options)
        self.made += 1
        return self.decisions[self.made - 1]

    def case_of(self, node: Node, at: At) -> tuple[str, dict[str, Any]]:
        return str(self.told([*node.cases, ""])), {}

    def count_of(self, node: Node, at: At, count: int) -> int:
        del count
        known = [int(count) for count in node.cases]
        return int(self.told(known or self.mishaps.counts))

    def goes_in(self, node: Node, items: list[Any] | None) -> bool:
        del items
        return not node.listed or bool(self.told([True, False]))

    def goes_again(self, node: Node, at: At) -> bool:
        return at[-1] < (node.bound or self.mishaps.times) and bool(self.told([True, False]))

    def policy(self, node: Node) -> Policy:
        retries = self.mishaps.retries.get(node.id, 0)
        return Policy(retry_count=retries, timeout_policy="RETRY") if retries else NO_POLICY

    def undo_policy(self, node: Node) -> Policy:
        return Policy(retry_count=self.mishaps.undo_fails.get(node.id, 0))

    def note(
        self, node: Node, at: At, attempt: int, status: str, *, undo: bool = False, **more: Any
    ) -> None:
        """People do not read this run."""

    def note_scope(self, note: ScopeNote) -> None:
        """People do not read this run."""

    def picture(self, path: str, generation: At, row: ScopeRow) -> None:
        """People do not read this run."""


def played(dancer: type[Dancer]) -> type[Played]:
    """A dancer, played; also one that breaks a rule."""
    if dancer is Dancer:
        return Played
    return cast("type[Played]", type(f"Played{dancer.__name__}", (Played, dancer), {}))


def bare(choreography: Choreography) -> Choreography:
    """The same without the data: what is computed decides nothing here, so nobody computes it."""
    return structs.replace(
        choreography,
        nodes={id: _bare(node) for id, node in choreography.nodes.items()},
        scopes={
            path: structs.replace(scope, plan=None, workflow=None, deadline_ms=0)
            for path, scope in choreography.scopes.items()
        },
    )


def _bare(node: Node) -> Node:
    kind = "instant" if node.kind == "publish" else node.kind
    return structs.replace(node, plan=None, kind=kind)


def turns(
    dancer: type[Played],
    choreography: Choreography,
    role: str,
    rows: Mapping[Key, Row],
    event: Event,
    mishaps: Mishaps,
) -> Iterator[tuple[tuple[Decision, ...], Reaction | str]]:
    """Every turn that an event may bring about, with its decisions; text where it goes wrong."""
    ahead: list[tuple[Decision, ...]] = [()]
    while ahead:
        decisions = ahead.pop()
        player = dancer(choreography, role, AllRows(rows), 0, "x")
        player.decisions, player.mishaps = decisions, mishaps
        try:
            yield decisions, player.take(event)
        except Undecided as found:
            ahead += [(*decisions, option) for option in reversed(found.options)]
        except AssertionError as error:
            yield decisions, str(error) or "an assertion failed"
