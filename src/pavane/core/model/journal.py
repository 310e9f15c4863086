"""What a role tells about an execution, for people: the observer rebuilds executions from it.

Journal records are never read by a participant and decide nothing. All records about one step come
from its owner, all about one scope from its home, so the newest is the one with the highest
position in that role's log; the observer needs no clock and no order across roles.
"""

from __future__ import annotations

import msgspec

At = tuple[int, ...]


class StepNote(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="step", tag_field="note", rename="camel"
):
    """An attempt at a step (or, with ref `undo:…`, at its undo) has this status now."""

    execution: str  # the root
    scope: str  # path of the scope in which the step stands, "" for the root
    generation: At  # which instance of that scope
    ref: str
    at: At  # the step's own coordinate; starts with the generation
    attempt: int
    type: str
    task: str
    status: str  # task statuses of core/model/status.py
    service: str = ""
    reason: str = ""
    input: msgspec.Raw = msgspec.Raw(b"")
    output: msgspec.Raw = msgspec.Raw(b"")
    due: int = 0  # waits until then (ms)
    holds: str = ""  # why it does not go on, in words; "" when it is simply at work
    child: str = ""  # path of the scope that the step stands for
    fork: str = ""  # branch of a FORK_JOIN_DYNAMIC: that one, whose coordinate `at` is
    place: int = 0  # and which branch it is, from 0
    opens: str = ""  # FORK_JOIN: the JOIN that waits from now on
    races: bool = False  # FORK_JOIN: that JOIN goes on when some of the branches are done
    joins: list[str] = []  # JOIN: whose outputs its own is made of
    body: list[str] = []  # DO_WHILE: what is directly in it
    iteration: int = 0  # DO_WHILE: not the loop, but this iteration of it has begun
    time: int = 0


class ScopeNote(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="scope", tag_field="note", rename="camel"
):
    """A scope instance has this status now; for the root this is the execution."""

    execution: str
    scope: str
    generation: At
    workflow: str
    version: int
    definition: str  # content hash of the root definition
    status: str  # execution statuses
    home: str
    cause: str = ""
    reason: str = ""
    failed_ref: str = ""
    parent: str = ""  # path of the enclosing scope
    parent_generation: At = ()
    parent_ref: str = ""  # the step that stands for it there
    key: str = ""
    correlation: str = ""
    input: msgspec.Raw = msgspec.Raw(b"")
    output: msgspec.Raw = msgspec.Raw(b"")
    variables: msgspec.Raw = msgspec.Raw(b"")  # as they are at the beginning
    waits_for: list[str] = []  # roles and steps that it waits for, in words
    attention: list[str] = []  # refs of what gave up and waits for a person
    deadline: int = 0
    time: int = 0


class EventNote(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="event", tag_field="note", rename="camel"
):
    """A hand-written handler has this to say about a message that it got.

    `status`: received, done, retrying, parked, quarantined, dead. `emitted` are the ids of what it
    published in the same transaction, with their types.
    """

    correlation: str  # the flow that the message belongs to
    message: str
    type: str
    handler: str
    service: str
    status: str
    causation: str = ""
    attempt: int = 0
    reason: str = ""
    emitted: list[tuple[str, str]] = []
    time: int = 0


class AsideNote(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="aside", tag_field="note", rename="camel"
):
    """A message stopped in a service that has it in its ledger, or goes on from there.

    `status` is parked, quarantined or dead while it waits, then resumed (by itself), redriven or
    discarded (by a person, `reason` says why). `payload` is the beginning of the data, as text.
    """

    id: str  # in the service's ledger
    service: str
    status: str
    message: str
    type: str
    execution: str = ""
    correlation: str = ""
    handler: str = ""
    reason: str = ""
    since: int = 0  # when it was set aside, this time; a request to settle it names it
    until: int = 0  # a parked one counts as dead from then on
    attempts: int = 0
    payload: str = ""
    encoding: str = ""  # of the payload: "" for UTF-8, or base64
    size: int = 0  # bytes of the whole data
    untold: bool = False  # a token, and no step tells that it does not go on
    time: int = 0


class ListensNote(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="listens", tag_field="note", rename="camel"
):
    """A service says which types of events somebody in it takes.

    It does when it begins, and again before that goes from its log. `by` says who, in words:
    handlers, steps that wait, workflows that are started.
    """

    service: str
    types: list[str]
    by: dict[str, list[str]] = {}
    time: int = 0


Note = StepNote | ScopeNote | EventNote | AsideNote | ListensNote
