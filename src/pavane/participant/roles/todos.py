"""Names and bodies of what a participant has yet to do: attempts at work, and timers."""

from __future__ import annotations

import msgspec

from pavane.core.projection.local import Arm, Await, Disarm, Forget, Rang, Run
from pavane.core.projection.message import At
from pavane.ports.ledger import Todo

_encode = msgspec.msgpack.Encoder().encode


class Work(msgspec.Struct, frozen=True):
    """The body of a todo: enough to go on from after a restart."""

    definition: str
    node: str
    at: At
    run: Run | None = None
    what: str = ""  # of a timer; "event" of a step that waits for one
    causation: str = ""


_decode = msgspec.msgpack.Decoder(Work).decode


def run_name(node: str, at: At, undo: bool, attempt: int) -> str:
    """The todo of an attempt at a step, or at its undo."""
    return f"{'undo' if undo else 'run'} {node} {at} {attempt}"


def timer_name(timer: Arm | Disarm | Rang) -> str:
    """The todo of a timer."""
    return f"timer {timer.what} {timer.node} {timer.at}"


def of_run(execution: str, definition: str, run: Run, causation: str) -> Todo:
    """An attempt that is about to begin, or has begun."""
    body = _encode(Work(definition, run.node, run.at, run=run, causation=causation))
    return Todo(execution, run_name(run.node, run.at, run.undo, run.attempt), 0, run.task, body)


def of_timer(execution: str, definition: str, arm: Arm) -> Todo:
    """A time to be rung at."""
    body = _encode(Work(definition, arm.node, arm.at, what=arm.what))
    return Todo(execution, timer_name(arm), arm.due, "", body)


def wait_name(wait: Await | Forget) -> str:
    """The todo of a step that waits for an event."""
    return f"event {wait.node} {wait.at}"


def of_wait(execution: str, definition: str, wait: Await) -> Todo:
    """A step that waits for an event; its queue says for which."""
    body = _encode(Work(definition, wait.node, wait.at, what="event"))
    return Todo(execution, wait_name(wait), 0, wait.queue, body)


def read(todo: Todo) -> Work:
    """What a todo is about."""
    return _decode(todo.body)
