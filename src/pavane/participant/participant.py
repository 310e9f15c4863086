"""The participant: plays one role of choreographies inside a service, durably, message by message.

One message (or result, or timer) in, one ledger transaction, records out. Messages are acknowledged
after the commit and attempts begin after it; the relay sends what the log holds. Everything that is
ready goes into one transaction; in it, each execution has an entry of its own, fenced by its
revision, so that another process of the same service costs nothing but a second try.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from pavane.core.model.journal import AsideNote, Note
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.local import DeadLetter, Rang
from pavane.core.projection.message import TOKEN, Message
from pavane.core.projection.wire import from_event
from pavane.errors import InputError, PavaneError
from pavane.participant import points
from pavane.participant.forgetting import Forgetting
from pavane.participant.handlers.reactions import Reactions
from pavane.participant.kept import Kept
from pavane.participant.orders import Deed, Orders
from pavane.participant.outside import Outside
from pavane.participant.points import NoProbe
from pavane.participant.relay import Relay
from pavane.participant.roles import todos
from pavane.participant.roles.attempts import Attempts
from pavane.participant.roles.batches import Batches
from pavane.participant.roles.item import Item, lost_attempt
from pavane.participant.roles.turns import DancerMaker, Work
from pavane.participant.set_aside import SetAside, unknown_here
from pavane.participant.standing import Standing, told_if_broken
from pavane.participant.taking_back import TakingBack
from pavane.participant.timers import Timers
from pavane.ports.bus import Bus, Delivery, Subscription, role_topic
from pavane.ports.clock import Clock
from pavane.ports.dispatcher import Dispatcher
from pavane.ports.ledger import Aside, Entry, Ledger, Todo
from pavane.ports.probe import Probe

_LOG = logging.getLogger("pavane.participant")

_BATCH = 200
_PAUSE_S = (0.05, 5.0)
_WORK_PAGE = 500


class Participant:
    """Plays `role`. Use from one event loop; ledger and bus are opened by whoever made them.

    `dispatcher` has the workers of this process; without one, attempts wait for `poll`.
    `reactions` are the service's hand-written handlers, on the same ledger. `dancer` makes the pure
    part (tests give broken ones).
    """

    def __init__(
        self,
        role: str,
        ledger: Ledger,
        bus: Bus,
        clock: Clock,
        *,
        choreographies: Sequence[Choreography] = (),
        dispatcher: Dispatcher | None = None,
        reactions: Reactions | None = None,
        probe: Probe | None = None,
        dancer: DancerMaker = Dancer,
    ) -> None:
        self.role = role
        self.ledger = ledger
        self._bus = bus
        self._clock = clock
        self._probe = probe or NoProbe()
        self._kept = Kept(role, ledger, choreographies)
        self._choreographies = self._kept.known
        self.attempts = Attempts(role, dispatcher, clock, self._submit)
        self.aside = SetAside(role, ledger, clock)
        self.relay = Relay(ledger, bus, self._probe, role)
        self._timers = Timers(ledger, clock, self._ring)
        self._outside = Outside(
            role,
            ledger,
            clock,
            known=self._choreographies.values,
            current=self._kept.current.values,
            submit=self._submit,
            noticed=self._noticed,
            rung=self._timers.rung,
            reactions=reactions,
        )
        self._taking_back = TakingBack(
            self.aside, self._outside, self._take_up_again, self._submit, self._choreographies
        )
        self._standing = Standing(role, ledger, self.aside, clock, self.relay.wake)
        self._unknown: dict[str, list[Item]] = {}  # by definition: timers, attempts of a past life
        self._batches = Batches(
            role,
            ledger,
            clock,
            self._probe,
            dancer,
            self.aside,
            self._choreographies,
            self._make_attempts,
            self._written,
        )
        known = self._choreographies
        gone = self._batches.forget
        self.forgetting = Forgetting(role, ledger, clock, known, self.relay.wake, gone)
        self._orders = Orders(self._taking_back, self.forgetting)
        self._topics: set[str] = set()
        self._subscriptions: list[Subscription] = []  # the first one has the role's own messages
        self._running: list[asyncio.Task[None]] = []
        self._passing: set[asyncio.Task[None]] = set()  # what ends by itself

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what the last process left, then listen."""
        self.attempts.open = True
        await self._kept.take_up()
        await self._take_up()
        # The last process may have died before it could say so; said again it changes nothing.
        for aside in await self.ledger.aside("dead"):
            self._declare_lost(aside)
        expiry = self._standing.expire(self._declare_lost)
        for work in (self._batches.run(), self.relay.run(), self._timers.run(), expiry):
            self._begin(work)
        self._pass(self.tell())
        await self._listen()
        await self._unpark()

    async def tell(self) -> None:
        """Tell observers what stands here: what is set aside, and who takes which events."""
        told = [*await self._outside.told(), *self._kept.told(self._clock.now())]
        await self._standing.tell(self._outside.listening(), told)

    async def _listen(self) -> None:
        """Subscribe to what the service must hear and does not hear yet.

        Its roles' messages come on their own way, so that slow handlers do not hold them up.
        """
        for topics in ({role_topic(self.role)}, set(self._outside.topics)):
            if new := topics - self._topics:
                self._topics |= new
                subscription = await self._bus.subscribe(self.role, sorted(new))
                self._subscriptions.append(subscription)
                self._begin(self._receive(subscription))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._running.append(told_if_broken(work))

    def _pass(self, work: Coroutine[Any, Any, None]) -> None:
        self._passing.add(task := told_if_broken(work))
        task.add_done_callback(self._passing.discard)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Stop listening; what was not committed comes again, also what takes longer."""
        self.attempts.open = False
        for tasks in ([*self._running[1:], *self._passing], self._running[:1]):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # What is being heard may need the batches, which go on.
            await self._outside.stop(grace_s)
        await self._outside.leave()
        self._running.clear()
        for subscription in self._subscriptions:
            await subscription.close()
        self._subscriptions.clear()
        self._topics.clear()

    async def failed(self) -> None:
        """Wait until a part of the participant breaks down, and raise what it raised."""
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def redrive(self, id: str, reason: str = "") -> None:
        """Take up a message that was set aside, as if it came now. NotFoundError.

        Returns when that is durable: it is taken up, or is set aside again with another reason.
        """
        await self._taking_back.redrive(await self.aside.find(id), reason)

    async def discard(self, id: str, reason: str = "") -> None:
        """Give up what was set aside; it is told why. NotFoundError, ConflictError: it stays."""
        await self._taking_back.discard(await self.aside.find(id), reason)

    async def register(
        self, choreographies: Sequence[Choreography], *, current: bool = True
    ) -> None:
        """Learn more workflows; messages that were parked for want of them are taken up.

        `current` False: none begins by them any more, but some go on.
        """
        await self._kept.learn(choreographies, current=current)
        for each in choreographies:
            for item in self._unknown.pop(each.hash, ()):
                self._submit(item)
        if self._running:
            self._pass(self.tell())
            await self._listen()
            await self._unpark()

    async def _take_up(self) -> None:
        after = ("", "")
        while page := await self.ledger.work(after, _WORK_PAGE):
            for todo in page:
                work = todos.read(todo)
                if work.run is not None:
                    self._submit(lost_attempt(todo, work, work.run))
                else:
                    await self._outside.take_up(todo, work)
            after = (page[-1].execution, page[-1].name)

    def _declare_lost(self, aside: Aside) -> None:
        with contextlib.suppress(InputError):  # no message between roles
            envelope = from_event(aside.event)
            self._declare_dead(envelope.execution, envelope.definition, envelope.message)

    async def _unpark(self) -> None:
        for aside in await self.aside.parked(self._choreographies):
            self._take_up_again(aside, self.aside.left(aside, "resumed"))

    def _take_up_again(self, aside: Aside, note: AsideNote) -> asyncio.Future[Any]:
        """Hear it as if it came now; the answer is there when that is durable."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._hear(Delivery("", aside.event), (aside.id,), (note,), answer)
        return answer

    # --- in -------------------------------------------------------------------------------------

    def _submit(self, item: Item) -> None:
        if item.definition not in self._choreographies:
            self._unknown.setdefault(item.definition, []).append(item)
            return
        self._batches.add(item)

    def _noticed(self, entry: Entry) -> None:
        self.relay.wake()
        for todo in entry.todos:
            self._timers.notice(todo.due)

    def _ring(self, todo: Todo) -> None:
        if self._outside.ring(todo):
            return
        work = todos.read(todo)
        if work.what == "deadline" and self._is_alive(todo, work):
            return
        event = Rang(work.what, work.node, work.at)  # pyright: ignore[reportArgumentType]  # written by todos.of_timer
        self._submit(Item(todo.execution, work.definition, event, done=(todo.name,)))

    def _is_alive(self, todo: Todo, work: todos.Work) -> bool:
        """Whether a sign of life has come since the timer was set: then it rings later."""
        choreography = self._choreographies.get(work.definition)
        if choreography is None:
            return False
        until = self.attempts.silent_until(choreography, todo.execution, work.node, work.at)
        if until <= self._clock.now():
            return False
        later = (until - self._clock.now()) / 1000
        asyncio.get_running_loop().call_later(later, self._ring, todo)
        return True

    async def _receive(self, subscription: Subscription) -> None:
        own = role_topic(self.role)
        pause_s, longest_s = _PAUSE_S
        while True:
            try:
                taken = await subscription.take(_BATCH)
                pause_s = _PAUSE_S[0]
            except PavaneError as error:
                _LOG.warning("the bus has trouble: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, longest_s)
                continue
            if not taken:
                return
            for delivery in taken:
                if delivery.topic == own:
                    order = self._orders.read(delivery.event)
                    if order is None:
                        self._hear(delivery)
                    else:
                        self._pass(self._obey(delivery, order))
                else:
                    self._outside.take(delivery, subscription)

    async def _obey(self, delivery: Delivery, order: Deed) -> None:
        """Something is asked of the participant itself; acknowledged when it is durable."""
        await order()
        self.relay.wake()
        await self._done([delivery])

    def _hear(
        self,
        delivery: Delivery,
        taken: tuple[str, ...] = (),
        notes: tuple[Note, ...] = (),
        answer: asyncio.Future[Any] | None = None,
    ) -> None:
        try:
            envelope = from_event(delivery.event)
        except InputError as error:
            unread, why = Item("", "", None, answer=answer), delivery.fault or str(error)
            return self._pass(self._put_aside(delivery, "quarantined", why, unread))
        item = Item(
            envelope.execution,
            envelope.definition,
            envelope.message,
            delivery=delivery if delivery.topic else None,
            causation=delivery.event.id,
            taken=taken,
            notes=notes,
            answer=answer,
        )
        if envelope.definition not in self._choreographies:
            reason = unknown_here(self.role, envelope)
            self._pass(self._put_aside(delivery, "parked", reason, item))
        else:
            self._submit(item)

    async def _put_aside(
        self, delivery: Delivery, kind: Any, reason: str, item: Item | None = None
    ) -> None:
        await self.aside.put(delivery.event, kind, reason)
        self.relay.wake()
        if item is not None:
            item.settle(False)
        if delivery.topic:
            await self._done([delivery])
        if kind == "parked" and delivery.event.attributes["procversion"] in self._choreographies:
            await self._unpark()  # it was registered while the message was put aside

    # --- out ------------------------------------------------------------------------------------

    async def _written(self, won: list[Work]) -> None:
        """A batch is durable: acknowledge, then act."""
        await self._acknowledge(won)
        self._probe.at(points.ACKNOWLEDGED)
        self._act(won)

    async def _acknowledge(self, won: list[Work]) -> None:
        deliveries = [
            item.delivery for work in won for item in work.items if item.delivery is not None
        ]
        if deliveries:
            await self._done(deliveries)
        for work in won:
            for item, error in work.failed:
                await self._cannot(item, error)

    async def _done(self, deliveries: list[Delivery]) -> None:
        """They need not come again; those that do all the same change nothing."""
        try:
            if self._subscriptions:
                await self._subscriptions[0].done(deliveries)
        except PavaneError as error:
            _LOG.warning("the bus has trouble: %s", error)

    async def _cannot(self, item: Item, error: Exception) -> None:
        """A message that breaks its turn is set aside with its bytes; nothing else waits for it."""
        reason = f"{type(error).__name__}: {error}"
        if item.delivery is not None:
            await self._put_aside(item.delivery, "dead", reason)
        for id in item.taken:
            await self.aside.again(id, reason)
            self.relay.wake()
        if isinstance(item.event, Message):
            self._declare_dead(item.execution, item.definition, item.event)
        item.settle(False)

    def _declare_dead(self, execution: str, definition: str, message: Message) -> None:
        """Nobody else knows that this token was the only one: its loss is its step's failure."""
        if message.kind == TOKEN:
            self._submit(Item(execution, definition, DeadLetter(message.node, message.at)))

    def _act(self, won: list[Work]) -> None:
        self.relay.wake()
        for work in won:
            self._timers.notice(work.next_due)
            for name in work.entry.done:
                self._timers.rung(work.execution, name)
            for command in work.interrupts:
                self.attempts.interrupt(work.choreography, work.execution, command)
            self._outside.act(work)
            self._make_attempts(work)
            for item in work.items:
                item.settle(item.counts)

    def _make_attempts(self, work: Work) -> None:
        for run, causation in work.runs:
            self.attempts.begin(work.choreography, work.execution, run, causation)
