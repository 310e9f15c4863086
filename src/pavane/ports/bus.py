"""The bus: events from one service's log to every group that subscribes to their topic.

Promises (each is watched by the contract suite, and by one adapter that breaks it; an adapter
declares in `features` which of the optional ones it keeps):

1. durable: when `publish` returns, the events survive the death of the publisher.
2. again: every group that subscribed to the topic gets each event at least once, until one of its
   members says `done`, also while the group has no member; what was taken and not said to be done
   comes again, to another member or after the member's connection is gone.
3. shared: members of one group share its events; groups do not take events from each other.
4. intact: attributes and data arrive as they were published, byte for byte.
5. delayed: what is given `back` with a delay comes again not before it has passed, and is counted
   in `Delivery.times`.
6. bounded: a member is given at most `limit` events at once, and no more than `capacity`
   unfinished ones in all.
7. ordered (a feature): events with the same key on one topic come in the order of their
   publishing, and not to another member before the earlier ones are done, as long as none of them
   is given back. The key "" has no order.
8. kept (a feature): a group that subscribes later gets what was published before.

`take` waits; every other method returns soon. All are called from one event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.ports.ledger import Ledger

INNER = "_pavane."
"""Topics that begin so are for what Pavane's parts tell each other."""
JOURNAL = "_pavane.journal"
PASSING: Final = "~"
"""On a bus with the feature "passing" a group whose name begins so passes with its process:

it gets everything from the beginning each time, nothing is kept for it, and processes share nothing
of it.
"""


def role_topic(role: str) -> str:
    """Where messages to one role of a choreography go."""
    return f"_pavane.role.{role}"


_TASKS: Final = "_pavane.tasks."
REPORTS: Final = "_pavane.reports"
"""Where services that take their tasks from the bus say what became of them, and that they live."""
SERVERS: Final = "_pavane.servers"
"""The group of all orchestrator nodes on a bus."""


def task_topic(service: str) -> str:
    """Where a service that takes its tasks from the bus gets them."""
    return _TASKS + service


def task_group(service: str) -> str:
    """The group that shares the tasks of a service: all its processes."""
    return f"{service}.tasks"


def orders_topic(service: str) -> str:
    """Where the processes of such a service hear what is meant for each of them."""
    return f"_pavane.workers.{service}"


def group_of(topic: str) -> str:
    """The one group that an inner topic is for, "" where others may listen as well."""
    if topic == REPORTS:
        return SERVERS
    if topic.startswith(_TASKS):
        return task_group(topic.removeprefix(_TASKS))
    return topic.removeprefix(role_topic("")) if topic.startswith(role_topic("")) else ""


def is_shared_out(topic: str) -> bool:
    """Whether its messages are single pieces of work, in no order, for whoever has room."""
    return topic.startswith(_TASKS)


class Delivery(msgspec.Struct, frozen=True):
    """An event that was handed to a member of a group; `tag` is the adapter's own.

    `fault` says why a message is no event; `event` then holds its bytes, under an id of its own.
    `key` is the one within which order matters, where the message has it beside the event: what
    other programs publish need not say it in an attribute.
    """

    topic: str
    event: CloudEvent
    times: int = 1  # how often it was delivered to this group, as far as the bus knows
    tag: object = None
    fault: str = ""
    key: str = ""


class Published(msgspec.Struct, frozen=True):
    """Events of one type from one source, as far as logs still have them; times are epoch ms."""

    type: str
    source: str
    count: int
    first_at: int
    last_at: int


class Subscription(Protocol):
    """One member of a group."""

    async def take(self, limit: int) -> list[Delivery]:
        """The next events, at least one: waits until there is one, or until it is closed ([]).

        Cancelled, it has taken nothing.
        """
        ...

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """They are committed: never deliver them to this group again."""
        ...

    async def back(self, delivery: Delivery, delay_ms: int) -> None:
        """Deliver it again later."""
        ...

    async def close(self) -> None:
        """Leave the group; what was taken and is not done goes to others."""
        ...


@runtime_checkable
class StandingBy(Protocol):
    """A subscription that knows when another process is the active one of its group."""

    @property
    def active(self) -> bool:
        """Whether it can be given something now."""
        ...


class Bus(Protocol):
    """Event transport. See the module for the promises."""

    features: frozenset[str]

    async def open(self) -> None:
        """Begin to serve."""
        ...

    async def close(self) -> None:
        """Stop serving; closing twice is fine."""
        ...

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Hand events over, in this order. ConnectionFailedError: none may be taken for sent."""
        ...

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> Subscription:
        """Join a group that gets the events of these topics."""
        ...


@runtime_checkable
class KeepingBus(Protocol):
    """A bus that outlives its processes, and has the feature "passing"."""

    async def read_up(self, group: str) -> None:
        """Wait until a group of this process has done all that is on its topics now.

        It must have a member that takes. ConnectionFailedError when that is not so within a minute.
        """
        ...

    async def undone_since(self, group: str) -> int:
        """When the oldest event was written that a group of this process has not done (ms).

        0: it has done all that came to this process; 1: that is not known.
        """
        ...


@runtime_checkable
class LaggingBus(Protocol):
    """A bus that knows how far groups are behind, on all processes together."""

    async def lag(
        self, groups: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, dict[str, int]]:
        """How many messages wait for each group, by group and topic.

        `groups`, with their topics: those of them that are there. None: those that have a member
        in this process. What was taken and is not done may be in it or not. ConnectionFailedError.
        """
        ...


@runtime_checkable
class LogBus(KeepingBus, Protocol):
    """A bus that reads ledgers' logs itself (the feature "log"), so that nothing is relayed."""

    def adopt(self, ledger: Ledger, group: str) -> bool:
        """Read this open ledger's log from now on, and keep in it how far its group has come.

        False where the bus cannot reach the ledger; its log is then relayed as to any other bus.
        """
        ...

    def news(self, ledger: Ledger) -> None:
        """Something was committed; whoever waits for it is woken."""
        ...

    async def prune(self, ledger: Ledger | None, before: int) -> int:
        """Forget records of an adopted ledger's log, and of this process's own, from before a time

        (ms), up to what every known group has done; how many went. StoreError when it cannot be
        said who has done what: then nothing goes.
        """
        ...

    async def published(self) -> list[Published]:
        """Which events stand in the logs now, other than what Pavane's parts tell each other.

        Of several logs a type and source may come more than once. ConnectionFailedError where a
        log cannot be read.
        """
        ...
