"""Where events and the steps that wait for them meet, whichever comes first.

For each queue (an event type with values of its fields) the ledger keeps the steps that wait and,
for a bounded time, the events that came. Its revision makes the meeting sure: of an event and a
step that come at the same time, the later one to be written sees the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import msgspec

from pavane.core.decide.event_waits import PREFIX, Heard, queues_of_event
from pavane.core.model.event import CloudEvent
from pavane.ports.clock import Clock
from pavane.ports.ledger import ALL, Entry, Ledger, Loaded, RowKey, Todo

_EARLY: Final = "early"
_WAIT: Final = "wait"
_EXPIRY: Final = "expiry"

Commit = Callable[[Entry], Awaitable[bool]]


class Early(msgspec.Struct, frozen=True):
    """An event that is kept for steps to come."""

    until: int
    event: CloudEvent


class Met(NamedTuple):
    """A queue that an event belongs to, and the steps that wait there."""

    queue: str
    waits: list[bytes]


class Meetings:
    """What is kept in the ledger of one service. `commit` writes an entry and says whether it won.

    Events come again and steps begin again without harm; each event is kept once.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, commit: Commit, heard: Callable[[], Heard]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._commit = commit
        self._heard = heard

    @property
    def types(self) -> set[str]:
        """The types of events that somebody may wait for."""
        return set(self._heard())

    # --- events ---------------------------------------------------------------------------------

    async def keep(self, event: CloudEvent) -> list[Met]:
        """Keep an event for its time; who waits for it now, also when it was kept before."""
        try:
            data: Any = msgspec.json.decode(event.data or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return []  # nobody can tell what it says
        queues = queues_of_event(event.type, data, self._heard())
        return [await self._keep(queue, event, ms) for queue, ms in queues.items()]

    async def _keep(self, queue: str, event: CloudEvent, keep_ms: int) -> Met:
        message = f"{event.id}/{queue}"
        while True:
            loaded = await self._load(queue)
            met = Met(queue, [body for key, body in loaded.rows.items() if key.group == _WAIT])
            if await self._ledger.seen([message]):
                return met
            now = self._clock.now()
            early = Early(now + keep_ms, event)
            entry = Entry(
                execution=queue,
                revision=loaded.revision,
                message=message,
                rows={RowKey(_EARLY, f"{now:015} {event.id}"): msgspec.msgpack.encode(early)},
                at=now,
            )
            if not _early(loaded):
                entry.todos = [Todo(queue, _EXPIRY, due=early.until)]
            if await self._commit(entry):
                return met

    async def early(self, queue: str) -> list[CloudEvent]:
        """The events that are kept in a queue, the earliest first."""
        return [early.event for _, early in _early(await self._load(queue))]

    # --- steps ----------------------------------------------------------------------------------

    async def begin(self, queue: str, name: str, wait: bytes) -> list[CloudEvent]:
        """A step waits from now on; the events that came before it."""
        key = RowKey(_WAIT, name)
        while True:
            loaded = await self._load(queue)
            if loaded.rows.get(key) == wait or await self._write(queue, loaded, {key: wait}):
                return [early.event for _, early in _early(loaded)]

    async def end(self, queue: str, name: str) -> None:
        """The step waits no longer."""
        key = RowKey(_WAIT, name)
        while True:
            loaded = await self._load(queue)
            if key not in loaded.rows or await self._write(queue, loaded, {key: b""}):
                return

    # --- time -----------------------------------------------------------------------------------

    @staticmethod
    def owns(todo: Todo) -> bool:
        """Whether a timer of the ledger is for here."""
        return not todo.queue and todo.execution.startswith(PREFIX)

    async def fire(self, todo: Todo) -> None:
        """Forget the events whose time is over."""
        now, queue = self._clock.now(), todo.execution
        while True:
            loaded = await self._load(queue)
            kept = _early(loaded)
            over = {key: b"" for key, early in kept if early.until <= now}
            next_due = min((early.until for _, early in kept if early.until > now), default=0)
            if await self._write(queue, loaded, over, next_due=next_due):
                return

    # --- the ledger -----------------------------------------------------------------------------

    async def _load(self, queue: str) -> Loaded:
        keys = [RowKey(_EARLY, ALL), RowKey(_WAIT, ALL)]
        return (await self._ledger.load({queue: keys}))[queue]

    async def _write(
        self, queue: str, loaded: Loaded, rows: dict[RowKey, bytes], *, next_due: int = -1
    ) -> bool:
        """Write rows; `next_due` sets the timer anew (0: none), and by default leaves it."""
        gone = {key for key, body in rows.items() if not body}
        left = (loaded.rows.keys() - gone) | (rows.keys() - gone)
        entry = Entry(
            execution=queue,
            revision=loaded.revision,
            rows=rows,
            closed=not left,
            at=self._clock.now(),
        )
        if next_due >= 0:
            entry.done = [_EXPIRY]
            entry.todos = [Todo(queue, _EXPIRY, due=next_due)] if next_due else []
        return await self._commit(entry)


def _early(loaded: Loaded) -> list[tuple[RowKey, Early]]:
    return [
        (key, msgspec.msgpack.decode(body, type=Early))
        for key, body in sorted(loaded.rows.items())
        if key.group == _EARLY
    ]
