"""Lanes: messages that one handler takes one after the other, kept in the ledger while one fails.

A lane has rows only while its head is being retried or is dead. The ledger has taken over every
message in it: each is in the inbox, the head is a todo (retrying) or set aside (dead), the others
are rows that wait behind it. The revision of the lane lets one process alone settle its head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.participant.emitting import order_key_of
from pavane.ports.handlers import Listener
from pavane.ports.ledger import ALL, Aside, Entry, Loaded, RowKey, Todo

PREFIX: Final = "event/"
"""With this begin the lanes among the executions of a ledger."""

HEAD: Final = RowKey("lane", "head")
WAITING: Final = RowKey("waiting", ALL)
"""What waits behind the head."""

_FAILURES_MAX = 20
_REASON_CHARS = 2000


class Held(msgspec.Struct, frozen=True):
    """A message that the ledger keeps for a handler; `id` is its inbox id."""

    id: str
    handler: str
    event: CloudEvent


class Failure(msgspec.Struct, frozen=True):
    """An attempt that failed."""

    attempt: int
    at: int
    reason: str


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The message that the others of its lane wait for, and where those are: rows first to last."""

    id: str
    status: Literal["retrying", "dead"]
    attempts: int = 0  # that were made
    spared: int = 0  # of these, those before a person took it back: they do not count any more
    failures: tuple[Failure, ...] = ()  # the last ones
    first: int = 1
    last: int = 0


class Lane(msgspec.Struct, frozen=True):
    """A lane as the ledger has it."""

    name: str
    revision: int = 0
    head: Head | None = None

    def is_headed_by(self, held: Held) -> bool:
        """Whether it waits for this message to be tried again."""
        return self.head is not None and (self.head.id, self.head.status) == (held.id, "retrying")

    @property
    def attempts(self) -> int:
        """How often its head was tried."""
        return self.head.attempts if self.head is not None else 0


def lane_name(listener: Listener, event: CloudEvent, key: str = "") -> str:
    """The lane of a message: that of its key, or one of its own where order does not matter.

    `key` is what the message had beside the event.
    """
    if listener.ordered:
        return f"{PREFIX}{listener.name}/key/{order_key_of(event, key)}"
    return own_lane(listener.name, event)


def own_lane(handler: str, event: CloudEvent) -> str:
    """A lane for one message alone."""
    return f"{PREFIX}{handler}/message/{event.id}"


def read_lane(name: str, loaded: Loaded) -> Lane:
    """The lane from what was loaded of it."""
    body = loaded.rows.get(HEAD)
    head = msgspec.msgpack.decode(body, type=Head) if body else None
    return Lane(name, loaded.revision, head)


def waiting_key(head: Head) -> RowKey | None:
    """Where the message stands that comes after the head, if there is one."""
    return _waiting(head.first) if head.first <= head.last else None


def read_held(body: bytes) -> Held:
    """A message from a row or a todo."""
    return msgspec.msgpack.decode(body, type=Held)


def parked(lane: Lane, held: Held, now: int, records: list[Outgoing]) -> Entry:
    """The message waits behind the head of its lane."""
    assert lane.head is not None
    head = msgspec.structs.replace(lane.head, last=lane.head.last + 1)
    rows = {HEAD: body_of(head), _waiting(head.last): body_of(held)}
    return _entry(lane, now, records, message=held.id, rows=rows)


def retried(
    lane: Lane, held: Held, failed: Failure, due: int, now: int, records: list[Outgoing]
) -> Entry:
    """The message is its lane's head, and is tried again when it is due."""
    head = _after(lane, held, failed, "retrying")
    return _entry(
        lane,
        now,
        records,
        message="" if lane.head else held.id,
        rows={HEAD: body_of(head)},
        todos=[_todo(lane, held, due)],
    )


def died(lane: Lane, held: Held, failed: Failure, now: int, records: list[Outgoing]) -> Entry:
    """The message is set aside as dead, and stays its lane's head."""
    head = _after(lane, held, failed, "dead")
    return _entry(
        lane,
        now,
        records,
        message="" if lane.head else held.id,
        rows={HEAD: body_of(head)},
        done=[held.id] if lane.head else [],
        aside=[Aside(held.id, "dead", lane.name, history_of(head), held.event, now)],
    )


def left(
    lane: Lane,
    after: Held | None,
    now: int,
    records: list[Outgoing],
    *,
    aside: Sequence[Aside] = (),
    taken: Sequence[str] = (),
) -> Entry:
    """The head is settled: the one after it is the head now, and due; or the lane is over."""
    old = lane.head
    assert old is not None
    rows, todos = {HEAD: b""}, list[Todo]()
    if after is not None:
        head = Head(after.id, "retrying", first=old.first + 1, last=old.last)
        rows = {HEAD: body_of(head), _waiting(old.first): b""}
        todos = [_todo(lane, after, now)]
    return _entry(
        lane,
        now,
        records,
        rows=rows,
        done=[old.id] if old.status == "retrying" else [],
        todos=todos,
        aside=list(aside),
        taken=list(taken),
        closed=after is None,
    )


def taken_back(lane: Lane, held: Held, aside: str, now: int, records: list[Outgoing]) -> Entry:
    """What was set aside is its lane's head, and due; attempts made so far count no more."""
    old = lane.head or Head(held.id, "dead")
    head = msgspec.structs.replace(old, status="retrying", spared=old.attempts)
    return _entry(
        lane,
        now,
        records,
        rows={HEAD: body_of(head)},
        todos=[_todo(lane, held, now)],
        taken=[aside],
    )


def history_of(head: Head) -> str:
    """Why it failed, in words: the last reason, and what the attempts before said otherwise."""
    *before, last = head.failures
    if head.attempts == 1:
        return last.reason
    told = [f"{each.attempt}: {each.reason}" for each in before if each.reason != last.reason]
    also = f"; before that {'; '.join(told)}" if told else ""
    return shortened(f"{last.reason} (attempt {head.attempts}{also})")


def shortened(reason: str) -> str:
    """A reason that fits into a row."""
    return reason if len(reason) <= _REASON_CHARS else reason[:_REASON_CHARS] + "…"


def _after(lane: Lane, held: Held, failed: Failure, status: Literal["retrying", "dead"]) -> Head:
    old = lane.head or Head(held.id, "retrying")
    failures = (*old.failures, failed)[-_FAILURES_MAX:]
    return msgspec.structs.replace(old, status=status, attempts=failed.attempt, failures=failures)


def _waiting(number: int) -> RowKey:
    return RowKey("waiting", f"{number:010}")


def _todo(lane: Lane, held: Held, due: int) -> Todo:
    return Todo(lane.name, held.id, due=due, body=body_of(held))


def body_of(row: Head | Held) -> bytes:
    """A row, or the body of a todo."""
    return msgspec.msgpack.encode(row)


def _entry(
    lane: Lane,
    now: int,
    records: list[Outgoing],
    *,
    rows: dict[RowKey, bytes],
    message: str = "",
    done: Sequence[str] = (),
    todos: Sequence[Todo] = (),
    aside: Sequence[Aside] = (),
    taken: Sequence[str] = (),
    closed: bool = False,
) -> Entry:
    return Entry(
        execution=lane.name,
        revision=lane.revision,
        message=message,
        rows=rows,
        done=list(done),
        todos=list(todos),
        records=records,
        aside=list(aside),
        taken=list(taken),
        closed=closed,
        at=now,
    )
