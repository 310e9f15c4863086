"""Hand-written handlers at work: one message in, one ledger transaction, records out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pavane.core.decide.retries import NO_POLICY, retry_delay_ms
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.participant.emitting import CAUSATION, correlation_of, emitted_id, inbox_id, stamped
from pavane.participant.handlers import lanes, taking_back
from pavane.participant.handlers.commits import Commits
from pavane.participant.handlers.keeping import Commit, Keeping
from pavane.participant.handlers.lanes import Failure, Held, Lane
from pavane.participant.handlers.queueing import AtOnce, Place, Queues
from pavane.ports.bus import Delivery
from pavane.ports.clock import Clock
from pavane.ports.handlers import Facts, Handled, Handlers, Listener
from pavane.ports.ledger import Aside, Entry, Ledger, Todo


class Reactions:
    """Runs the handlers of one service for the messages that it is given.

    Each handling ends in one transaction: the message goes into the inbox, and either what the
    handler emitted goes into the log, or the message into a lane (see `lanes`), where it is tried
    again or waits for a person. A crash before that leaves a message that comes again; a crash
    after it leaves a duplicate, which the inbox knows. The ids of emitted events depend on nothing
    but the consumed message, the handler and their number.

    While the ledger cannot write, handlings wait and are not given up. `commit` writes an entry and
    says whether it won; by default entries that are ready together share a transaction.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        handlers: Handlers,
        service: str,
        *,
        concurrency: int = 100,
        commit: Commit | None = None,
    ) -> None:
        self.handlers = handlers
        self.service = service
        self._ledger = ledger
        self._keeping = Keeping(ledger, clock, service, commit or Commits(ledger).commit)
        self._at_once = AtOnce(concurrency)
        self._queues = Queues()
        self._firing: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._ignored: set[str] = set()

    def on_commit(self, call: Callable[[Entry], None]) -> None:
        """Call it after each transaction: there may be records to send, or a new timer."""
        self._keeping.committed = call

    # --- what comes in --------------------------------------------------------------------------

    @property
    def topics(self) -> Sequence[str]:
        """Where the events come from that its handlers listen to."""
        return self.handlers.topics

    def listening(self) -> dict[str, list[str]]:
        """Its handlers, by the types of events that they take."""
        take = self.handlers.listening
        return {
            type: [f"handler {each.name}" for each in take(type)] for type in self.handlers.types
        }

    def hear(self, delivery: Delivery) -> asyncio.Future[Any]:
        """As `handle`, where others listen to the same topics as well."""
        return self.handle(delivery)

    def handle(self, delivery: Delivery) -> asyncio.Future[Any]:
        """Let every handler of its type handle it; when the future is done, acknowledge it.

        Call it in the order of the deliveries: it puts them in line before it returns. What was
        cancelled can be given again.
        """
        event = delivery.event
        listeners = self.handlers.listening(event.type)
        if not listeners:
            return asyncio.ensure_future(self._ignore(event))
        if len(listeners) == 1:
            return self._in_line(listeners[0], event, delivery.key)
        return asyncio.gather(*(self._in_line(each, event, delivery.key) for each in listeners))

    def _in_line(self, listener: Listener, event: CloudEvent, key: str) -> asyncio.Task[None]:
        held = Held(inbox_id(event.id, listener.name), listener.name, event)
        place = self._queues.take(lanes.lane_name(listener, event, key))
        task = asyncio.ensure_future(self._receive(listener, held, place))
        task.add_done_callback(lambda _: place.leave())
        return task

    async def _receive(self, listener: Listener, held: Held, place: Place) -> None:
        await place.come()
        keeping, handled = self._keeping, None
        while (lane := await keeping.standing(held, place.name)) is not None:
            if handled is None and lane.head is not None:
                if await self._park(lane, held):
                    return
                continue
            handled = handled or await self._call(listener, held, 1)
            if await self._settle(lane, listener, held, 1, handled):
                return

    async def _park(self, lane: Lane, held: Held) -> bool:
        head = lane.head
        assert head is not None
        how = "is being tried again" if head.status == "retrying" else "is dead"
        keeping, reason = self._keeping, f"waits behind {head.id}, which {how}"
        told = [keeping.note(held, "parked", 0, reason), keeping.waits(held, reason)]
        return await keeping.commit(lanes.parked(lane, held, keeping.now(), told))

    async def _ignore(self, event: CloudEvent) -> None:
        """Nobody listens: noted once for each type, as topics carry much that concerns others."""
        if event.type not in self._ignored:
            self._ignored.add(event.type)
            reason = f"{self.service} has no handler for {event.type}"
            note = self._keeping.note(Held(event.id, "", event), "done", 0, reason)
            await self._keeping.commit(Entry(records=[note], at=self._keeping.now()))

    # --- what is due ----------------------------------------------------------------------------

    @staticmethod
    def owns(todo: Todo) -> bool:
        """Whether a timer of the ledger is for here."""
        return not todo.queue and todo.execution.startswith(lanes.PREFIX)

    def fire(self, todo: Todo) -> asyncio.Future[None]:
        """Try a message again whose time has come, unless that is under way already."""
        key = (todo.execution, todo.name)
        if key in self._firing:
            return self._firing[key]
        place = self._queues.take(todo.execution)
        task = asyncio.ensure_future(self._fire(lanes.read_held(todo.body), place))
        self._firing[key] = task

        def over(_: object) -> None:
            place.leave()
            del self._firing[key]

        task.add_done_callback(over)
        return task

    async def fire_due(self, limit: int = 1000) -> list[asyncio.Future[None]]:
        """Begin with all that is due and not under way."""
        due = await self._ledger.due(self._keeping.now(), limit)
        new = [todo for todo in due if (todo.execution, todo.name) not in self._firing]
        return [self.fire(todo) for todo in new if self.owns(todo)]

    async def _fire(self, held: Held, place: Place) -> None:
        await place.come()
        lane = await self._keeping.lane(place.name)
        if not lane.is_headed_by(held):
            return
        attempt = lane.attempts + 1
        listener = self.handlers.find(held.handler)
        if listener is None:
            listener = Listener(held.handler, frozenset(), NO_POLICY)
            gone = f"{self.service} has no handler {held.handler} any more"
            handled = Handled("final", reason=gone)
        else:
            handled = await self._call(listener, held, attempt)
        while not await self._settle(lane, listener, held, attempt, handled):
            lane = await self._keeping.lane(place.name)
            if not lane.is_headed_by(held) or lane.attempts + 1 != attempt:
                return  # another process has tried it as well

    # --- one handling and its transaction -------------------------------------------------------

    async def _call(self, listener: Listener, held: Held, attempt: int) -> Handled:
        async with self._at_once:
            limit_ms = listener.policy.timeout_ms
            facts = Facts(
                event=held.event,
                correlation=correlation_of(held.event),
                causation=held.event.attributes.get(CAUSATION, ""),
                idempotency_key=held.id,
                attempt=attempt,
                deadline_at=self._keeping.now() + limit_ms if limit_ms else 0,
            )
            return await self.handlers.call(listener, facts)

    async def _settle(
        self, lane: Lane, listener: Listener, held: Held, attempt: int, handled: Handled
    ) -> bool:
        """Write what became of it; False when somebody else has written meanwhile."""
        keeping, now = self._keeping, self._keeping.now()
        if handled.ending == "done" and not lane.is_headed_by(held):
            emitted = self._stamped(held, handled.emitted, now)
            return await keeping.over(held, attempt, lanes.shortened(handled.reason), emitted)
        if handled.ending in ("done", "quarantined"):
            return await keeping.commit(await self._over(lane, held, attempt, handled, now))
        if lane.head is not None and not lane.is_headed_by(held):
            return await self._park(lane, held)  # another process has put something before it
        failed = Failure(attempt, now, lanes.shortened(handled.reason))
        made = attempt - (lane.head.spared if lane.head is not None else 0)
        if handled.ending == "final" or made > listener.policy.retry_count:
            note = keeping.note(held, "dead", attempt, failed.reason)
            entry = lanes.died(lane, held, failed, now, [note])
            entry.records.append(keeping.stopped(entry.aside[0], attempt))
            return await keeping.commit(entry)
        due = now + retry_delay_ms(listener.policy, made - 1, held.id)
        note = keeping.note(held, "retrying", attempt, failed.reason)
        return await keeping.commit(lanes.retried(lane, held, failed, due, now, [note]))

    async def _over(
        self, lane: Lane, held: Held, attempt: int, handled: Handled, now: int
    ) -> Entry:
        """The handler has nothing more to do with it: it is done, or it cannot be read."""
        emitted = self._stamped(held, handled.emitted, now)
        reason = lanes.shortened(handled.reason)
        aside: list[Aside] = []
        if handled.ending == "quarantined":
            own = lanes.own_lane(held.handler, held.event)
            aside.append(Aside(held.id, "quarantined", own, reason, held.event, now))
        status = "quarantined" if aside else "done"
        note = self._keeping.note(held, status, attempt, reason, emitted)
        records = [*emitted, note, *(self._keeping.stopped(each, attempt) for each in aside)]
        if not lane.is_headed_by(held):
            return Entry(message=held.id, records=records, aside=aside, at=now)
        after = await self._keeping.behind(lane)
        if after is not None:
            records.append(self._keeping.left(after, "resumed"))
        return lanes.left(lane, after, now, records, aside=aside)

    def _stamped(self, held: Held, bare: Sequence[Outgoing], now: int) -> list[Outgoing]:
        event = held.event
        return [
            stamped(
                out,
                id=emitted_id(event.id, held.handler, index),
                source=self.service,
                correlation=correlation_of(event),
                causation=event.id,
                time=now,
            )
            for index, out in enumerate(bare)
        ]

    # --- what was set aside ---------------------------------------------------------------------

    async def redrive(self, id: str) -> int:
        """Handle again what is dead or quarantined; how many handlings were taken back.

        `id` is that of the message, or of one handling of it (`Aside.id`). Its retries begin anew,
        and those that wait behind it follow when it is done. NotFoundError when nothing of that id
        is set aside: whoever takes it back second finds nothing.
        """
        found = await taking_back.find(self._keeping, id)
        due = [todo for aside in found if (todo := await self.take_back(aside)) is not None]
        await asyncio.gather(*(self.fire(todo) for todo in due))
        return len(due)

    async def skip(self, id: str, reason: str = "") -> int:
        """Give up what is dead or quarantined, so that those behind it go on. As `redrive`."""
        found = await taking_back.find(self._keeping, id)
        return sum([await self.give_up(aside, reason) for aside in found])

    @staticmethod
    def has(aside: Aside) -> bool:
        """Whether a handler has set it aside, and not a role."""
        return aside.execution.startswith(lanes.PREFIX)

    async def take_back(self, aside: Aside, reason: str = "") -> Todo | None:
        """Durably due again; None when it was taken back already."""
        return await taking_back.again(self._keeping, aside, reason)

    async def give_up(self, aside: Aside, reason: str) -> bool:
        """Durably gone, and said why; False when it was taken back already."""
        return await taking_back.given_up(self._keeping, aside, reason)

    async def all_told(self) -> list[Outgoing]:
        """What stands in the lanes now, as it was told when it got there."""
        return await taking_back.told_again(self._keeping)
