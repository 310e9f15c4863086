"""The working copy of one turn of one role: rows read and written, messages and commands made."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from pavane.core.model.journal import Note
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Choreography, Node, Scope, named
from pavane.core.projection.local import Command
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import (
    FreezeRow,
    GateRow,
    Key,
    Row,
    ScopeRow,
    StepRow,
    ValueRow,
)

ROOT = "(root)"
"""Around the root scope stands nothing; its row has a place of its own."""


class RowMissingError(Exception):
    """The turn needs rows that were not given; kind "*" asks for a whole scope instance."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.key = key


class Rows(Protocol):
    """What is known of an execution's rows at this role; raises RowMissingError for the rest."""

    def get(self, key: Key) -> Row | None:
        """The row, or None where it is known to be absent."""
        ...

    def of_scope(self, scope: str, generation: At) -> Iterable[tuple[Key, Row]]:
        """Every row of a scope instance."""
        ...


class AllRows:
    """Rows that are all there is: for explorers and tests."""

    __slots__ = ("rows",)

    def __init__(self, rows: Mapping[Key, Row]) -> None:
        self.rows = rows

    def get(self, key: Key) -> Row | None:
        return self.rows.get(key)

    def of_scope(self, scope: str, generation: At) -> Iterable[tuple[Key, Row]]:
        return [
            (key, row)
            for key, row in self.rows.items()
            if key.scope == scope and key.generation == generation
        ]


class Reaction(msgspec.Struct, frozen=True):
    """What a message, result or timer brings about, all of it in one transaction."""

    rows: dict[Key, Row]
    sent: tuple[Message, ...]
    commands: tuple[Command, ...]
    notes: tuple[Note, ...]


class Turn:
    """Reads fall through to the given rows; writes stay in here."""

    def __init__(
        self, choreography: Choreography, role: str, rows: Rows, now: int, execution: str
    ) -> None:
        self.choreography = choreography
        self.role = role
        self.now = now
        self.execution = execution
        self.given = rows
        self.changed: dict[Key, Row] = {}
        self.sent: list[Message] = []
        self.here: deque[Message] = deque()  # to this role itself: part of the same turn
        self.commands: list[Command] = []
        self.notes: list[Note] = []

    def reaction(self) -> Reaction:
        """All that has come about."""
        return Reaction(self.changed, tuple(self.sent), tuple(self.commands), tuple(self.notes))

    # --- places ---------------------------------------------------------------------------------

    def node(self, id: str) -> Node:
        """A node by its id."""
        return self.choreography.nodes[id]

    def scope_of(self, node: Node) -> Scope:
        """The scope in which a node stands."""
        return self.choreography.scopes[node.scope]

    def generation(self, node: Node, at: At) -> At:
        """The instance of the scope in which the node stands at this coordinate."""
        return at[: self.choreography.scopes[node.scope].depth]

    def shown(self, node: Node, at: At) -> str:
        """A step as people name it: in a loop with its iteration."""
        return named(node, at[self.choreography.seen_in(node).depth :])

    def home_of(self, path: str) -> str:
        """The role that settles a scope."""
        return self.choreography.scopes[path].home

    # --- rows -----------------------------------------------------------------------------------

    def key(self, node: Node, at: At, kind: str) -> Key:
        """Where a node's row stands."""
        return Key(node.scope, self.generation(node, at), kind, node.id, at)

    def read(self, key: Key) -> Row | None:
        """A row as it is now."""
        found = self.changed.get(key)
        return found if found is not None else self.given.get(key)

    def step_row(self, node: Node, at: At) -> StepRow | None:
        row = self.read(self.key(node, at, "step"))
        assert row is None or isinstance(row, StepRow)
        return row

    def gate_row(self, node: Node, at: At) -> GateRow:
        row = self.read(self.key(node, at, "gate"))
        assert row is None or isinstance(row, GateRow)
        return row or GateRow()

    def scope_row(self, path: str, generation: At) -> ScopeRow | None:
        row = self.read(self.scope_key(path, generation))
        assert row is None or isinstance(row, ScopeRow)
        return row

    def scope_key(self, path: str, generation: At) -> Key:
        """Where a scope's row stands: with the rows of the scope around it, at the same home."""
        scope = self.choreography.scopes[path]
        if not path:
            return Key(ROOT, (), "scope", "", ())
        outer = generation[: self.choreography.scopes[scope.parent].depth]
        return Key(scope.parent, outer, "scope", path, generation)

    def freeze_row(self, path: str, generation: At) -> FreezeRow | None:
        row = self.read(Key(path, generation, "freeze", "", ()))
        assert row is None or isinstance(row, FreezeRow)
        return row

    def value_row(self, name: str, scope: str, generation: At, at: At) -> ValueRow | None:
        row = self.read(Key(scope, generation, "value", name, at))
        assert row is None or isinstance(row, ValueRow)
        return row

    def rows_of(self, path: str, generation: At) -> dict[Key, Row]:
        """Every row of this role in a scope instance, as it is now."""
        found = dict(self.given.of_scope(path, generation))
        for key, row in self.changed.items():
            if key.scope == path and key.generation == generation:
                found[key] = row
        return found

    def put_step(self, node: Node, at: At, row: StepRow) -> StepRow:
        """Write a step's row; its status may change only as the table allows."""
        key = self.key(node, at, "step")
        old = self.read(key)
        before = old.status if isinstance(old, StepRow) else ""
        if before != row.status and row.status not in r.STEP_CHANGES[before]:
            raise AssertionError(f"{node.id} {at}: {before} cannot become {row.status}")
        self.changed[key] = row
        return row

    def put_gate(self, node: Node, at: At, row: GateRow) -> GateRow:
        self.changed[self.key(node, at, "gate")] = row
        return row

    def put_scope(self, path: str, generation: At, row: ScopeRow) -> ScopeRow:
        """Write a scope's row; its status may change only as the table allows."""
        key = self.scope_key(path, generation)
        old = self.read(key)
        before = old.status if isinstance(old, ScopeRow) else ""
        if before != row.status and row.status not in r.SCOPE_CHANGES[before]:
            raise AssertionError(f"scope {path} {generation}: {before} cannot become {row.status}")
        self.changed[key] = row
        return row

    def put_freeze(self, path: str, generation: At, row: FreezeRow) -> FreezeRow:
        self.changed[Key(path, generation, "freeze", "", ())] = row
        return row

    # --- what goes out --------------------------------------------------------------------------

    def send(self, kind: str, to: str, path: str, generation: At, **fields: Any) -> None:
        """Send a message; one to this role itself is handled later in the same turn."""
        message = Message(kind, to, self.role, path, generation, **fields)
        if to == self.role:
            self.here.append(message)
        else:
            self.sent.append(message)

    def do(self, command: Command) -> None:
        """Something to be done when the turn is committed."""
        self.commands.append(command)
