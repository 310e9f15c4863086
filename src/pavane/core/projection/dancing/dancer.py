"""What a role does with a message, a result or a timer: one turn, pure, all of it or nothing."""

from __future__ import annotations

from pavane.core.projection import message as m
from pavane.core.projection.choreography import Node
from pavane.core.projection.dancing.barrier import Barrier
from pavane.core.projection.dancing.events import Events
from pavane.core.projection.dancing.gates import Gates
from pavane.core.projection.dancing.settling import Settling
from pavane.core.projection.dancing.turn import Reaction
from pavane.core.projection.dancing.undos import Undos
from pavane.core.projection.local import Attempted, DeadLetter, Happened, Local, Lost, Rang
from pavane.core.projection.message import At, Message


class Dancer(Settling, Undos, Events, Gates, Barrier):
    """One role's part of a choreography. Made for one turn; the rows given say what was before.

    Raises RowMissingError where a row is needed that was not given: load it and ask again.
    """

    def take(self, event: Message | Local) -> Reaction:
        """What the event brings about, with all that this role says to itself because of it."""
        if isinstance(event, Message):
            self._hear(event)
        elif isinstance(event, Attempted):
            (self.on_undo_attempted if event.undo else self.on_attempted)(event)
        elif isinstance(event, Lost):
            (self.lost_undo if event.undo else self.lost_step)(event)
        elif isinstance(event, DeadLetter):
            self.on_dead_letter(event)
        elif isinstance(event, Happened):
            self.on_happened(event)
        else:
            self._ring(event)
        while self.here:
            self._hear(self.here.popleft())
        return self.reaction()

    def _hear(self, message: Message) -> None:
        getattr(self, _HEARD[message.kind])(message)

    def _ring(self, event: Rang) -> None:
        getattr(self, _RUNG[event.what])(event)

    def on_token(self, message: Message) -> None:
        """The flow comes to a node of this role."""
        node = self.node(message.node)
        self.keep(message.values)
        if self.is_frozen(node.scope, self.generation(node, message.at)):
            return
        if node.kind == "join":
            self.arrive_at_join(node, message)
        else:
            self.arrive(node, message.at, message.source)

    def begin(self, node: Node, at: At, came: str) -> None:
        """A token is here, and all the data: each kind of node begins in its own way."""
        match node.kind:
            case "step":
                self.begin_step(node, at)
            case "scope":
                self.begin_scope(node, at)
            case "end":
                self.begin_end(node, at, came)
            case _:
                getattr(self, _BEGUN[node.kind])(node, at)

    def on_go(self, message: Message) -> None:
        """Permission to pass a pivot."""
        node = self.node(message.node)
        (self.go_scope if node.kind == "scope" else self.go_step)(node, message.at)

    def on_dead_letter(self, event: DeadLetter) -> None:
        """A token never came: its node has failed, unless nothing may begin here any more."""
        node = self.node(event.node)
        if self.is_frozen(node.scope, self.generation(node, event.at)):
            return
        (self.miss_scope if node.kind == "scope" else self.miss_step)(node, event.at)

    def on_undo(self, message: Message) -> None:
        """A step, a child scope, or the whole although it ended well, is to be undone."""
        if not message.node:
            self.undo_root()
            return
        node = self.node(message.node)
        (self.undo_scope if node.kind == "scope" else self.undo_step)(node, message.at)

    def on_resolve(self, message: Message) -> None:
        """A person settles what gave up."""
        if message.outcome == "abandon":
            self.abandon(message)
        elif message.source == "undo":
            self.resolve_undo(self.node(message.node), message.at, message)
        elif message.sender == self.home_of(message.scope):
            self.resolve_step(self.node(message.node), message.at, message)
        else:
            self.let_resolve(message)


# By name, so that a subclass may change one of them.
_HEARD = {
    m.START: "on_start",
    m.TOKEN: "on_token",
    m.DATA: "on_data",
    m.FAIL: "on_fail",
    m.ASK: "on_ask",
    m.GO: "on_go",
    m.FREEZE: "on_freeze",
    m.FROZEN: "on_frozen",
    m.UNDO: "on_undo",
    m.UNDONE: "on_undone",
    m.CANCEL: "on_cancel",
    m.CANCELLED: "on_cancelled",
    m.SETTLE: "on_settle",
    m.SETTLED: "on_settled",
    m.HUMAN: "on_human",
    m.STOP: "on_stop",
    m.SIGNAL: "on_signal",
    m.RESOLVE: "on_resolve",
}
_BEGUN = {
    "wait": "begin_wait",
    "instant": "begin_instant",
    "meet": "begin_meet",
    "break": "begin_break",
    "finish": "begin_finish",
    "publish": "begin_publish",
    "choice": "begin_choice",
    "each": "begin_each",
    "loop": "begin_loop",
    "iteration": "begin_iteration",
    "again": "begin_again",
}
_RUNG = {
    "retry": "retry_rang",
    "undo": "undo_rang",
    "deadline": "deadline_rang",
    "grace": "grace_rang",
    "wait": "wait_rang",
    "scope": "scope_rang",
    "again": "again_rang",
}
