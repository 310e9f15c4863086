"""Services that take their tasks from a bus, as workers of this node: what they get and report."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pavane.core.model.event import CloudEvent
from pavane.core.model.work import Assignment
from pavane.engine.exchange import Attempted, Beat, Report, taken
from pavane.engine.queued import messages
from pavane.engine.queued.crew import ServiceCrew, held_of
from pavane.engine.queued.following import Outbox, follow, until_done
from pavane.engine.queued.messages import Answer, Here, Offer
from pavane.engine.sessions import Held
from pavane.engine.tallies import OnBus
from pavane.engine.views.late import why_late
from pavane.engine.views.records import Records
from pavane.engine.views.shapes import NULL
from pavane.errors import (
    DefinitionError,
    InputError,
    NotFoundError,
    PavaneError,
    StoppingError,
    StoreError,
)
from pavane.ports.bus import REPORTS, SERVERS, Bus, Delivery, Subscription
from pavane.ports.clock import Clock

if TYPE_CHECKING:
    from pavane.engine.engine import Engine

_LOG = logging.getLogger("pavane.engine")

_AGAIN_S: Final = 0.5  # after trouble with the store
_LOOKS: Final = 5  # in a lease

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class QueuedCrews:
    """A `Dispatcher` whose workers are on a bus that is open. `name` begins the workers' names.

    Any node takes any report. What a service's processes say of themselves, one node hears, and
    that one sends them tasks: those of its own commits, and what it finds in the queues.
    """

    def __init__(self, bus: Bus, clock: Clock, name: str) -> None:
        self._bus = bus
        self._clock = clock
        self._name = name
        self._crews: dict[str, ServiceCrew] = {}
        self._by_task: dict[str, ServiceCrew] = {}
        self._engine: Engine | None = None
        self._open = False
        self._outbox = Outbox(bus)
        self._answers = 0
        self._listening: set[asyncio.Task[None]] = set()
        self._fetching: set[asyncio.Task[None]] = set()

    # --- life -----------------------------------------------------------------------------------

    def start(self, engine: Engine) -> None:
        """Begin to listen, on the running event loop; the engine is started by now."""
        self._engine = engine
        engine.tallies.on_bus = self.standing
        self._open = True
        for work in (
            self._outbox.run(),
            follow(self._bus, SERVERS, [REPORTS], self._hear),
            self._watch(),
        ):
            self._spawn(work, self._listening)

    async def stop(self) -> None:
        """Send nothing more; what is out there goes back to the queues, for whoever comes next.

        Before the engine stops. A report that comes later is taken by whoever hears it.
        """
        self._open = False
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, *self._fetching, return_exceptions=True)
        for crew in self._crews.values():
            with contextlib.suppress(PavaneError):
                await self._give_all_back(crew)

    def _spawn(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("what services on the bus say is not followed any more", exc_info=error)

    def standing(self) -> dict[str, OnBus]:
        """By service, what is known of it now."""
        return {
            name: OnBus(len(each.processes), each.places, len(each.sent))
            for name, each in self._crews.items()
        }

    # --- the dispatcher's promises --------------------------------------------------------------

    def reserve(self, task: str) -> str:
        crew = self._by_task.get(task)
        # Where others wait already, the queue decides: first come, first served.
        if crew is None or not self._open or task in crew.waiting or not crew.free(task):
            return ""
        crew.take(task)
        return crew.worker

    def give_back(self, task: str, worker: str) -> None:
        crew = self._of(worker)
        crew.give(task)
        self._fetch_if_free(crew)

    def run(self, assignment: Assignment) -> None:
        crew = self._of(assignment.worker)
        now = asyncio.get_running_loop().time()
        if not self._open:  # its commit was under way when we were asked to stop
            assert self._engine is not None
            crew.give(assignment.task)
            self._engine.places.hand_back(assignment)
            return
        crew.sends(assignment, now)
        self._outbox.put(messages.task(crew.service, assignment, self._clock.now()))

    def interrupt(self, execution_id: str, ref: str, attempt: int) -> None:
        held = Held(execution_id, ref, attempt)
        for crew in self._crews.values():
            if held in crew.sent:
                self._stop(crew.service, held)

    def wake(self, task: str) -> None:
        crew = self._by_task.get(task)
        if crew is not None and self._open:
            crew.waiting[task] = None
            self._fetch_if_free(crew)

    def _of(self, worker: str) -> ServiceCrew:
        return next(each for each in self._crews.values() if each.worker == worker)

    def _stop(self, service: str, held: Held) -> None:
        self._outbox.put(messages.stop(service, Attempted(*held), self._clock.now()))

    # --- what waits in the queues ---------------------------------------------------------------

    def _fetch_if_free(self, crew: ServiceCrew) -> None:
        if not crew.fetching and self._open and any(map(crew.free, crew.waiting)):
            crew.fetching = True
            self._spawn(self._fetch(crew), self._fetching)

    async def _fetch(self, crew: ServiceCrew) -> None:
        assert self._engine is not None
        try:
            while task := next((each for each in crew.waiting if crew.free(each)), ""):
                del crew.waiting[task]  # a wake-up during the poll counts as new
                count = crew.free(task)
                crew.take(task, count)
                found: list[Assignment] = []
                try:
                    found = await self._engine.poll([task], crew.worker, count)
                finally:
                    crew.give(task, count - len(found))
                for assignment in found:
                    self.run(assignment)
                if len(found) == count:  # there may be more; others come first
                    crew.waiting[task] = None
        except StoppingError:
            pass
        except PavaneError as error:
            _LOG.warning("tasks for %s cannot be fetched, trying again: %s", crew.service, error)
            asyncio.get_running_loop().call_later(_AGAIN_S, self._wake_all, crew)
        finally:
            crew.fetching = False

    def _wake_all(self, crew: ServiceCrew) -> None:
        for task in crew.tasks:
            self.wake(task)

    # --- what comes from services ---------------------------------------------------------------

    async def _hear(self, deliveries: Sequence[Delivery], subscription: Subscription) -> None:
        await asyncio.gather(*(self._take(each) for each in deliveries))
        await until_done(lambda: subscription.done(deliveries))

    async def _take(self, delivery: Delivery) -> None:
        """One message; what cannot be read is said and passed over, and holds up nobody."""
        event = delivery.event
        while True:
            try:
                if delivery.fault:
                    raise InputError(delivery.fault)
                return await self._read(event)
            except StoreError as error:
                _LOG.warning("what %s says cannot be taken yet: %s", event.id, error)
                await asyncio.sleep(_AGAIN_S)
            except StoppingError:
                raise  # it comes again, to another node or after the next start
            except (PavaneError, *_UNREADABLE) as error:
                _LOG.warning("a message on %s is passed over: %s", delivery.topic, error)
                return None

    async def _read(self, event: CloudEvent) -> None:
        match event.type:
            case messages.REPORT:
                await self._report(msgspec.json.decode(event.data, type=Report))
            case messages.BEAT:
                await self._beat(msgspec.json.decode(event.data, type=Beat))
            case messages.HERE:
                self._here(msgspec.json.decode(event.data, type=Here))
            case messages.OFFER:
                await self._register(msgspec.json.decode(event.data, type=Offer))
            case _:
                raise InputError(f"Nobody knows the type {event.type!r}.")

    async def _report(self, report: Report) -> None:
        assert self._engine is not None
        held = Held(report.execution_id, report.ref, report.attempt)
        try:
            counted = await taken(self._engine, report, "")
        except InputError as error:
            failed = msgspec.structs.replace(
                report,
                status="FAILED_WITH_TERMINAL_ERROR",
                output=msgspec.Raw(b"{}"),
                reason=str(error),
            )
            counted = await taken(self._engine, failed, "")
        except NotFoundError:
            counted = False
        if not counted:
            records = Records(self._engine.store)
            why = await why_late(records, *held, "")
            _LOG.info("the result of %s/%s/%d was refused: %s", *held, why or "no such task")
        for crew in self._crews.values():
            if crew.done(held):
                self._fetch_if_free(crew)

    async def _beat(self, beat: Beat) -> None:
        assert self._engine is not None
        held = Held(beat.execution_id, beat.ref, beat.attempt)
        progress = b"" if beat.progress == NULL else bytes(beat.progress)
        alive = await self._engine.heartbeat(*held, progress=progress)
        crew = next((each for each in self._crews.values() if held in each.sent), None)
        if not alive and crew is not None:
            self._stop(crew.service, held)

    def _here(self, here: Here) -> None:
        assert self._engine is not None
        crew = self._crews.get(here.service)
        if crew is None:
            crew = ServiceCrew(here.service, f"{self._name}/bus/{here.service}")
            self._crews[here.service] = crew
        more = crew.hears(here, asyncio.get_running_loop().time())
        for name in crew.tasks:
            self._by_task[name] = crew
        if not crew.tasks <= self._engine.registry.tasks.keys():
            self._tell(here.service, Answer(here.worker, again=True))
        if more:
            self._wake_all(crew)

    async def _register(self, offer: Offer) -> None:
        assert self._engine is not None
        said = Answer(offer.worker)
        try:
            await self._engine.register(offer.workflows, offer.tasks, overwrite=offer.overwrite)
        except (StoreError, StoppingError):
            raise
        except PavaneError as error:
            findings = list(error.findings) if isinstance(error, DefinitionError) else []
            said = Answer(offer.worker, error.code, error.message, error.remedy, findings)
        self._tell(offer.service, said)

    def _tell(self, service: str, said: Answer) -> None:
        self._answers += 1
        now = self._clock.now()
        id = f"{said.worker}/{now}/{self._answers}"
        self._outbox.put(messages.answer(service, said, id, now))

    # --- silence --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """See to what nobody speaks of, for ever."""
        assert self._engine is not None
        lease_s = self._engine.sessions.lease_s
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(lease_s / _LOOKS)
            for crew in list(self._crews.values()):
                try:
                    await self._look(crew, loop.time(), lease_s)
                except PavaneError as error:
                    _LOG.warning("%s: its tasks cannot be looked after: %s", crew.service, error)

    async def _look(self, crew: ServiceCrew, now: float, lease_s: float) -> None:
        for name in crew.lapse(now):
            _LOG.warning("%s, a process of %s, is silent", name, crew.service)
        if not crew.processes:
            if crew.sent and now - crew.heard_at > lease_s:
                _LOG.warning(
                    "no process of %s lives: %d task(s) go back", crew.service, len(crew.sent)
                )
                await self._give_all_back(crew)
            return
        asked = {held_of(each.assignment): each for each in crew.silent(now, lease_s)}
        if not asked:
            return
        assert self._engine is not None
        leases = await self._engine.store.leases(crew.worker)
        leased = [Held(e.execution_id, e.ref, e.attempt) for e in leases if e.worker == crew.worker]
        for held in crew.is_over(leased, asked):
            crew.done(held)
        for held, sent in asked.items():
            if crew.sent.get(held) is sent:
                sent.times += 1
                sent.heard_at = now
                self._outbox.put(messages.task(crew.service, sent.assignment, self._clock.now()))
        self._fetch_if_free(crew)

    async def _give_all_back(self, crew: ServiceCrew) -> None:
        assert self._engine is not None
        back = [each.assignment for each in crew.sent.values()]
        await asyncio.gather(*(self._engine.sessions.take_back(each) for each in back))
        for each in back:
            crew.done(held_of(each))
