"""What may happen to a role at any moment: results, timers, people, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Choreography, Node
from pavane.core.projection.local import Attempted, DeadLetter, Local, Lost, Rang
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import Key, Row, ScopeRow, StepRow

Event = Message | Local


class Mishaps(msgspec.Struct, frozen=True):
    """What may happen beyond what the nodes and scopes say of themselves. Nodes by their ids."""

    retries: Mapping[str, int] = {}  # so often a failed or timed-out attempt is made again
    undo_fails: Mapping[str, int] = {}  # so often, before it succeeds
    undo_parks: frozenset[str] = frozenset()  # the undo may give up and wait for a person
    redrives: bool = False  # who then has it tried once more, or does it by hand
    dead: frozenset[str] = frozenset()  # tokens to these may be undeliverable
    lost: frozenset[str] = frozenset()  # attempts whose process may die, or obeys an interruption
    stops: frozenset[str] = frozenset()  # scopes that an operator may cancel, by path
    counts: tuple[int, ...] = (0, 1, 2)  # tried for a for-each that does not say how many
    times: int = 2  # tried for a loop that does not say how often


def own_events(
    choreography: Choreography, role: str, rows: Mapping[Key, Row], mishaps: Mishaps
) -> Iterator[Event]:
    """What may happen to a role by itself, with these rows, in an order that does not change."""
    if not rows and "" in mishaps.stops and role == choreography.root.home:
        yield Message(m.STOP, role, "")
    for key in sorted(rows):
        row = rows[key]
        if isinstance(row, StepRow):
            node = choreography.nodes[key.name]
            if node.kind == "step":
                frozen = Key(key.scope, key.generation, "freeze", "", ()) in rows
                yield from _attempt(node, key.at, row, mishaps, frozen=frozen)
                yield from _undo(node, key.at, row, mishaps)
            elif node.kind == "wait" and row.status == r.WAITING:
                yield from _wait(choreography, node, key.at)
        elif isinstance(row, ScopeRow):
            scope = choreography.scopes[key.name]
            if scope.deadline:
                yield Rang("scope", key.name, key.at)
            if key.name in mishaps.stops:
                yield Message(m.STOP, scope.home, "", key.name, key.at)


def _attempt(
    node: Node, at: At, row: StepRow, mishaps: Mishaps, *, frozen: bool
) -> Iterator[Local]:
    running, late = row.status == r.RUNNING, row.status == r.LATE
    lost = node.id in mishaps.lost
    if running or late:
        yield Attempted(node.id, at, row.attempt, st.COMPLETED)
    if late or (running and node.fallible):
        yield Attempted(node.id, at, row.attempt, st.FAILED_WITH_TERMINAL_ERROR)
    if running and row.attempt < mishaps.retries.get(node.id, 0):
        yield Attempted(node.id, at, row.attempt, st.FAILED)
    if running and node.late:
        yield Rang("deadline", node.id, at)
    if late:
        yield Rang("grace", node.id, at)
    if running and lost:
        yield Lost(node.id, at, row.attempt)
        if frozen:
            yield Attempted(node.id, at, row.attempt, st.CANCELED)
    if row.status == r.RETRYING:
        yield Rang("retry", node.id, at)


def _undo(node: Node, at: At, row: StepRow, mishaps: Mishaps) -> Iterator[Event]:
    if row.status == r.UNDOING and row.due:
        yield Rang("undo", node.id, at)
    elif row.status == r.UNDOING:
        yield Attempted(node.id, at, row.undo_attempt, st.COMPLETED, undo=True)
        if row.undo_attempt < mishaps.undo_fails.get(node.id, 0):
            yield Attempted(node.id, at, row.undo_attempt, st.FAILED, undo=True)
        if node.id in mishaps.undo_parks and not row.undo_round:
            status = st.FAILED_WITH_TERMINAL_ERROR
            yield Attempted(node.id, at, row.undo_attempt, status, undo=True)
    elif row.status == r.PARKED and mishaps.redrives:
        for outcome in ("retry", "done"):
            yield Message(
                m.RESOLVE, node.role, "", node.scope, node=node.id, at=at, source="undo",
                outcome=outcome,
            )  # fmt: skip


def _wait(choreography: Choreography, node: Node, at: At) -> Iterator[Event]:
    generation = at[: choreography.scopes[node.scope].depth]
    signal = Message(m.SIGNAL, node.role, "", node.scope, generation, node=node.id, at=at)
    yield msgspec.structs.replace(signal, outcome=st.COMPLETED)
    if node.fallible:
        yield msgspec.structs.replace(signal, outcome=st.FAILED)
    if node.late:
        yield Rang("wait", node.id, at)


def dead_letter(message: Message, mishaps: Mishaps) -> DeadLetter | None:
    """What a role may learn of a token instead of the token itself."""
    if message.kind == m.TOKEN and message.node in mishaps.dead:
        return DeadLetter(message.node, message.at)
    return None
