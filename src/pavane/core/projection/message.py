"""What roles say to each other: the messages of the abort protocol, addressed by coordinates."""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

At = tuple[int, ...]
"""A coordinate: the index in each enclosing loop or for-each, outermost first, from 1."""

START: Final = "start"  # client → home of the root: open it
TOKEN: Final = "token"  # go on at `node`
DATA: Final = "data"  # values that the receiver reads later
FAIL: Final = "fail"  # member → home: `node` failed for good
ASK: Final = "ask"  # pivot's role or child's home → home: may we pass?
GO: Final = "go"  # the answer
FREEZE: Final = "freeze"  # home → member: stop for good
FROZEN: Final = "frozen"  # the answer: these must be undone
UNDO: Final = "undo"  # home → member
UNDONE: Final = "undone"  # the answer
CANCEL: Final = "cancel"  # owner of an any-join → home of a losing branch
CANCELLED: Final = "cancelled"  # the answer
SETTLE: Final = "settle"  # home → owner of an any-join: tell me when your losers have answered
SETTLED: Final = "settled"  # the answer
HUMAN: Final = "human"  # member → home: an undo gave up
STOP: Final = "stop"  # operator → home: cancel the execution
SIGNAL: Final = "signal"  # somebody outside → owner of a waiting step
RESOLVE: Final = "resolve"  # operator → owner of what gave up: retry, done; or → home: abandon

# Outcomes of a token.
DONE: Final = "done"
FAILED: Final = "failed"  # a branch of an any-join that did not make it
COUNT: Final = "count"  # for-each → its join: how many there are
# Outcome of a failure.
PERHAPS: Final = "perhaps"  # the last attempt may have taken effect, or still may


class Reported(msgspec.Struct, frozen=True, gc=False):
    """A member's answer to a freeze, one of its lines: this was done and must be undone."""

    node: str
    at: At


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message between roles. `scope` and `generation` say to which scope instance it belongs.

    For a token `node` and `at` are where it goes, `source` and `source_at` where it comes from. The
    fields that a kind does not use are left at their defaults. `values` are (name, JSON) pairs.
    """

    kind: str
    to: str
    sender: str
    scope: str = ""
    generation: At = ()
    node: str = ""
    at: At = ()
    source: str = ""
    source_at: At = ()
    outcome: str = ""
    count: int = 0
    report: tuple[Reported, ...] = ()
    values: tuple[tuple[str, At, bytes], ...] = ()
    something: bool = False  # UNDONE: there was something to undo
    cause: str = ""
    reason: str = ""


_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a10")


def message_id(execution: str, message: Message) -> str:
    """The id: the same for every retry, redelivery and re-dispatch; no time and no chance in it."""
    parts = (
        execution,
        message.kind,
        message.to,
        message.scope,
        message.generation,
        message.node,
        message.at,
        message.sender,
        message.source,
        message.source_at,
        message.outcome,
    )
    return str(uuid.uuid5(_SPACE, "\0".join(map(str, parts))))


def execution_of(workflow: str, key: str) -> str:
    """The id of the execution that a start key names: the same key never starts twice."""
    return str(uuid.uuid5(_SPACE, f"start\0{workflow}\0{key}"))


def child_execution(execution: str, scope: str, generation: At) -> str:
    """The id under which people see a scope instance; the root's is the execution's own."""
    if not scope:
        return execution
    return str(uuid.uuid5(_SPACE, f"scope\0{execution}\0{scope}\0{generation}"))
