"""How the flow goes on from a node: tokens to successors, data to readers, failures to the home."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from pavane.core.model import status as st
from pavane.core.model.journal import ScopeNote, StepNote
from pavane.core.projection import message as m
from pavane.core.projection.choreography import UNSEEN, Node, moved, named, own_fork
from pavane.core.projection.dancing.values import Values
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import StepRow

_CAUSES = {st.TIMED_OUT: st.TIMED_OUT, st.CANCELED: st.TERMINATED}


class Flow(Values, ABC):
    """What every kind of node needs; the parts of a dancer build on it."""

    # --- what other parts do --------------------------------------------------------------------

    @abstractmethod
    def answer_if_still(self, path: str, generation: At) -> None:
        """A frozen role reports as soon as nothing of it moves in the scope instance any more."""

    @abstractmethod
    def begin(self, node: Node, at: At, came: str) -> None:
        """A token is here, and all the data."""

    # --- going on -------------------------------------------------------------------------------

    def is_frozen(self, path: str, generation: At) -> bool:
        """Whether this role takes nothing new in the scope instance (rule 1: the tombstone)."""
        return self.freeze_row(path, generation) is not None

    def go_on(self, node: Node, at: At, *, missed: str = "") -> None:
        """The node is done: tokens to its successors, data to those who read it elsewhere.

        `missed` is why an optional node is done without success; a JOIN remembers it.
        """
        for target in node.after:
            told = missed if self.node(target).kind == "join" else ""
            reason = f"{self.shown(node, at)}: {told}" if told else ""
            self.token(node, at, target, reason=reason)
        self.tell(node, at)

    def token(
        self,
        node: Node,
        at: At,
        target: str,
        *,
        outcome: str = m.DONE,
        to_at: At | None = None,
        count: int = 0,
        reason: str = "",
        values: tuple[tuple[str, At, bytes], ...] = (),
    ) -> None:
        """Send a token; a loop is entered at its first iteration unless `to_at` says another."""
        there = self.node(target)
        where = moved(at, node.regions, there.regions) if to_at is None else to_at
        self.send(
            m.TOKEN,
            there.role,
            there.scope,
            self.generation(there, where),
            node=target,
            at=where,
            source=node.id,
            source_at=at,
            outcome=outcome,
            count=count,
            reason=reason,
            values=(*values, *self.parcels(node.brings.get(target, ()), at, there.role)),
        )

    def tell(self, node: Node, at: At) -> None:
        """Data straight to the roles that no token brings it to."""
        for role, names in node.tells.items():
            self.send(
                m.DATA,
                role,
                node.scope,
                self.generation(node, at),
                node=node.id,
                at=at,
                values=self.parcels(names, at, role),
            )

    def fail(self, node: Node, at: At, status: str, reason: str, *, perhaps: bool = False) -> None:
        """Tell the home that a node failed for good; `status` is that of its last attempt."""
        self.send(
            m.FAIL,
            self.home_of(node.scope),
            node.scope,
            self.generation(node, at),
            node=node.id,
            at=at,
            outcome=m.PERHAPS if perhaps else "",
            cause=_CAUSES.get(status, st.FAILED),
            reason=self.with_name(node, at, reason or status.lower()),
        )

    def with_name(self, node: Node, at: At, reason: str) -> str:
        """Why a node failed, with its name in front, once."""
        name = self.shown(node, at)
        return reason if reason.startswith(f"{name}: ") else f"{name}: {reason}"

    # --- tokens and data coming in --------------------------------------------------------------

    def has_begun(self, node: Node, at: At) -> bool:
        """Whether the coordinate was here before (rule 12: the row is the duplicate guard)."""
        if node.kind == "scope" and self.scope_row(node.child, at) is not None:
            return True
        return self.step_row(node, at) is not None

    def arrive(self, node: Node, at: At, came: str) -> None:
        """A token has come to a node that begins and ends."""
        if self.has_begun(node, at):
            return
        missing = self.missing(node, at, came)
        if missing:
            self.put_step(node, at, StepRow("ready", came=came))
            if node.kind not in UNSEEN:
                held = f"waits for data: {', '.join(missing)}"
                self.note(node, at, 0, st.SCHEDULED, holds=held)
        else:
            self.begin(node, at, came)

    def on_data(self, message: Message) -> None:
        """Values that something here reads: what waited for them begins."""
        self.keep(message.values)
        waiting: dict[str, None] = {}
        for name, _, _ in message.values:
            for id in self.choreography.readers.get((self.role, name), ()):
                waiting[id] = None
        for id in waiting:
            node = self.node(id)
            for at in self.places(node, message):
                row = self.step_row(node, at)
                ready = row is not None and row.status == "ready" and row.came
                if row is not None and ready and not self.missing(node, at, row.came):
                    self.begin(node, at, row.came)

    def places(self, node: Node, message: Message) -> list[At]:
        """Where a node may be waiting: in a loop that the data come into, in any iteration."""
        if node.depth <= len(message.at):
            return [message.at[: node.depth]]
        rows = self.rows_of(node.scope, message.generation)
        return [
            key.at
            for key, row in rows.items()
            if key.name == node.id and isinstance(row, StepRow) and row.status == "ready"
            if key.at[: len(message.at)] == message.at
        ]

    # --- for people -----------------------------------------------------------------------------

    def note(
        self, node: Node, at: At, attempt: int, status: str, *, undo: bool = False, **more: Any
    ) -> None:
        """An entry of the journal about a step."""
        for name in ("input", "output"):
            body = more.pop(name, b"")
            if body:  # an empty payload is left out: it is no JSON
                more[name] = msgspec.Raw(body)
        if node.kind == "loop" and node.plan is not None:
            more["body"] = list(node.plan.body)
        task, ref = node.task or node.ref, node.ref
        if node.stem:  # people know it as a step of its own
            more |= {"fork": self.node(own_fork(node)).ref, "place": at[-1] - 1}
            ref, at = named(node, at[-1:]), at[:-1]
        if undo and node.plan is not None and node.plan.undo is not None:
            task = node.plan.undo.name
        service = node.role if node.kind == "step" else ""
        if node.plan is not None:
            service = service or node.plan.service
        seen_in = self.choreography.seen_in(node)
        self.notes.append(
            StepNote(
                execution=self.execution,
                scope=seen_in.path,
                generation=at[: seen_in.depth],
                ref=f"undo:{ref}" if undo else ref,
                at=at,
                attempt=attempt,
                type=node.type,
                task=task,
                status=status,
                service=service,
                child="" if node.alone else node.child,
                time=self.now,
                **more,
            )
        )

    def note_scope(self, note: ScopeNote) -> None:
        """An entry of the journal about a scope."""
        self.notes.append(note)
