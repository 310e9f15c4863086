"""One thing for a participant to take in: a message, a result, a timer; and who waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from pavane.core.model.journal import Note
from pavane.core.projection.local import Local, Lost, Run
from pavane.core.projection.message import Message
from pavane.participant.roles.todos import Work
from pavane.ports.bus import Delivery
from pavane.ports.ledger import Todo


class Item(msgspec.Struct, eq=False):
    """`done` names the todos that go with it, `taken` what was set aside and is handled now.

    `notes` is told with it.
    """

    execution: str
    definition: str
    event: Message | Local | None  # None: only write down what was held back
    delivery: Delivery | None = None
    causation: str = ""
    answer: asyncio.Future[Any] | None = None
    done: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    tries: int = 0
    counts: bool = True  # False: a result that came too late, and changed nothing

    def settle(self, value: object) -> None:
        """Answer whoever waits for it."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(value)


def lost_attempt(todo: Todo, work: Work, run: Run) -> Item:
    """An attempt that a process had in its hands when it died."""
    lost = Lost(run.node, run.at, run.attempt, run.undo)
    causation, done = work.causation, (todo.name,)
    return Item(todo.execution, work.definition, lost, causation=causation, done=done)
