"""Hand-written handlers, as the participant sees them: who listens to what, and a call that

never raises.

Promises:

1. total: whatever the user's function does (raise, return nonsense, hang beyond its time, emit
   what it did not declare) is in `Handled`; `call` raises only what is not the function's:
   CancelledError when it is cancelled from outside, what ends the program, and StoreError when
   the service's database has trouble: then nothing came of it, and it may be called again.
2. all or nothing: `emitted` is what the handler returned and published explicitly, published ones
   first, in order; it is empty unless the ending is "done". After `call` returned, nothing that
   the function left behind can add to it.
3. unstamped: events in `emitted` have a type, a topic, data, and a key if their type names one;
   id, source, time, correlation and causation are the caller's.
4. frozen: topics and listeners stay the same for the life of the object.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

import msgspec

from pavane.core.decide.retries import Policy
from pavane.core.model.event import CloudEvent, Outgoing

Ending = Literal["done", "failed", "final", "quarantined"]
"""failed may be tried again, final may not; quarantined: the data is not what the type promises."""


class Listener(msgspec.Struct, frozen=True):
    """A handler: its name in the service, the event types that it takes, how it is tried again.

    `ordered`: of two messages with the same key, the later one waits for the earlier.
    """

    name: str
    types: frozenset[str]
    policy: Policy
    ordered: bool = True


class Facts(msgspec.Struct, frozen=True):
    """A message and the circumstances of handling it; `attempt` is 1 for the first."""

    event: CloudEvent
    correlation: str
    causation: str  # of the message, "" where nothing is known to have caused it
    idempotency_key: str
    attempt: int = 1
    deadline_at: int = 0  # epoch ms, 0 = none


class Handled(msgspec.Struct, frozen=True):
    """What became of it. `reason` says why it failed, or what was odd about its success."""

    ending: Ending
    emitted: list[Outgoing] = []
    reason: str = ""


class Handlers(Protocol):
    """The handlers of one service. See the module for the promises."""

    @property
    def topics(self) -> Sequence[str]:
        """Where the events come from that somebody here listens to."""
        ...

    @property
    def types(self) -> Collection[str]:
        """The types of events that somebody here takes."""
        ...

    def listening(self, type: str) -> Sequence[Listener]:
        """Who takes events of this type; empty when nobody does."""
        ...

    def find(self, name: str) -> Listener | None:
        """The handler of this name, if it is (still) there."""
        ...

    async def call(self, listener: Listener, facts: Facts) -> Handled:
        """Let the handler handle the message, within the time that its policy gives."""
        ...
