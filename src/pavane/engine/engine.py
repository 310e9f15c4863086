"""The engine: one orchestrator node. Requests go into batches; a batch is one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

from pavane.core.model import fact as facts
from pavane.core.model import ids
from pavane.core.model.command import IfExists
from pavane.core.model.fact import Fact
from pavane.core.model.rows import Header
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment, Outcome
from pavane.core.model.workflow import Workflow
from pavane.engine import act, moving, payloads, points, waiting
from pavane.engine.admission import Admission
from pavane.engine.batch import Batch
from pavane.engine.children import key_taken
from pavane.engine.crews import LOCAL, Crews
from pavane.engine.ends import Ends
from pavane.engine.forgetting import Forgetting
from pavane.engine.gate import Gate
from pavane.engine.handing_back import HandingBack
from pavane.engine.limits import Limits
from pavane.engine.nodes import FORGETTING, NODE_LEASE_S, SCHEDULES, TIMERS, Node
from pavane.engine.others import Others
from pavane.engine.pipeline import Pipeline
from pavane.engine.places import Places
from pavane.engine.points import NoProbe
from pavane.engine.polling import Polling
from pavane.engine.recent import Recent
from pavane.engine.registry import Registry
from pavane.engine.request import Request
from pavane.engine.schedules import Schedules
from pavane.engine.sessions import LEASE_S, PREFIX, Sessions
from pavane.engine.shared_places import SharedPlaces
from pavane.engine.standing import standing_of
from pavane.engine.taking import Taking
from pavane.engine.tallies import Tallies
from pavane.engine.timers import LOOK_S, Timers
from pavane.engine.views.shapes import MoveView, StandingView
from pavane.engine.waiting import Changes, Waiting
from pavane.engine.work_set import WorkSet
from pavane.errors import ConflictError, StoppingError
from pavane.ports.clock import Chance, Clock
from pavane.ports.dispatcher import Dispatcher
from pavane.ports.probe import Probe
from pavane.ports.store import Store

_TAKEN_MAX = 100  # how often a key may go to somebody else between a look and a claim

_LOG = logging.getLogger("pavane.engine")


class Engine:
    """Starts executions, hands out tasks, takes results, rings alarms. Use from one event loop.

    `dispatcher` has the workers of this process, `probe` is told of named points; both may be
    missing. Time and randomness are given. Without `schedules` nothing starts by itself. What is
    over for `forget_after_s` is forgotten; 0: nothing is.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        chance: Chance,
        dispatcher: Dispatcher | None = None,
        probe: Probe | None = None,
        name: str = LOCAL,
        lease_s: float = LEASE_S,
        node_lease_s: float = NODE_LEASE_S,
        look_s: float = LOOK_S,
        schedules: bool = True,
        forget_after_s: float = 0.0,
    ) -> None:
        self.store = store
        self.registry = Registry(store)
        self._clock = clock
        self._chance = chance
        self._probe = probe or NoProbe()
        self._name = name
        self._recent = Recent()
        self._pipeline = Pipeline(self._new_batch, self._act, clock, self._probe)
        self.tallies = Tallies(self._pipeline)
        self._waiting = Waiting()
        self._ends = Ends(store, self._waiting, self._recent)
        self.sessions = Sessions(self._submit, lease_s)
        self.places = Places(HandingBack(self._submit), self.sessions.interrupt)
        self._crews = Crews(dispatcher, self.places)
        self._limits = Limits(
            self.registry.tasks.get, clock, self._crews.wake, shared=store.members is not None
        )
        self._admission = Admission(store, self.registry, self._submit)
        self._shared = SharedPlaces(store, self._limits, self._admission)
        seen = (self.sessions, self._shared, self._waiting, self._ends)
        self._others = Others(store, name, clock, self._crews, *seen)
        met = (self.sessions, self._refresh, self._others)
        self.node = Node(store, name, self._submit, *met, node_lease_s)
        look_s = look_s if self.node.is_alone else min(look_s, waiting.LOOK_S)
        does, start = self.node.does, self.start_execution
        self.schedules = Schedules(store, clock, start, look_s, lambda: does(SCHEDULES))
        self._keeps_schedules = schedules
        self._timers = Timers(store, clock, self._submit, look_s, lambda: does(TIMERS))
        self.forgetting = Forgetting(store, clock, forget_after_s, lambda: does(FORGETTING))
        self._on_change: list[Callable[[], Awaitable[None]]] = []
        self._event_waits: Callable[[str], None] | None = None
        near = (self._crews.wake, self._limits, self._others)
        self._polling = Polling(store, clock, self._submit, *near)
        self._running: list[asyncio.Task[None]] = []
        self._open = False

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the store, take back what a dead process held, and begin to work."""
        await self.store.open()
        try:
            await self.registry.open()
            await self.schedules.open()
            await self.node.join()
        except BaseException:
            await self.store.close()
            raise
        held = await self._shared.resume()
        ours = [each for each in held if each.worker.startswith(f"{self._name}/")]
        self._open = True
        loop = asyncio.get_running_loop()
        self._running.append(loop.create_task(self._pipeline.run()))
        await asyncio.gather(
            *(self._submit(r.execution_id, facts.Returned(r.ref, r.attempt)) for r in ours)
        )
        if self.node.is_alone:
            self.sessions.resume(each for each in held if each.worker.startswith(PREFIX))
        else:
            self.sessions.others = {}
            self._running.append(loop.create_task(self.node.run()))
            self._running.append(loop.create_task(self._shared.run()))
        lasting = [self._timers, self.sessions, self._admission, self.forgetting]
        for each in (*lasting, self.schedules) if self._keeps_schedules else lasting:
            self._running.append(loop.create_task(each.run()))

    def _new_batch(self) -> Batch:
        kept = (self.store, self.registry, self._recent)
        gate = Gate(self.registry, self._admission, self._shared.look)
        return Batch(*kept, self._crews, self._limits, gate, self._probe)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Take nothing new, commit what was taken, close the store."""
        if not self._running:
            return
        self._open = False
        self._limits.stop()
        self._admission.stop()
        self.places.dismiss_all()
        worker, *timers = self._running
        for task in timers:
            task.cancel()
        await asyncio.gather(*timers, return_exceptions=True)
        try:
            async with asyncio.timeout(grace_s):
                await self._pipeline.idle()
        except TimeoutError:
            _LOG.warning("stopping with requests that could not be committed")
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        self._running.clear()
        self._pipeline.refuse(StoppingError("The engine has stopped."))
        await self.node.leave()
        await self.store.close()

    def now(self) -> int:
        """The time by the engine's clock, epoch ms."""
        return self._clock.now()

    # --- definitions ----------------------------------------------------------------------------

    async def register(
        self,
        workflows: Sequence[Workflow] = (),
        tasks: Sequence[TaskDefinition] = (),
        *,
        overwrite: bool = False,
    ) -> None:
        """Check and keep definitions. DefinitionError with every finding; AlreadyExistsError."""
        self._must_be_open()
        await self.registry.register(workflows, tasks, self._clock.now(), overwrite=overwrite)
        self._limits.changed()
        self._admission.changed()
        await self.schedules.declare(workflows, lambda name: max(self.registry.versions(name)))

    # --- executions -----------------------------------------------------------------------------

    async def start_execution(
        self,
        workflow: str,
        input: bytes,
        *,
        version: int | None = None,
        key: str = "",
        correlation_id: str = "",
        priority: int = 0,
        if_exists: IfExists = "return",
        definition: str = "",
    ) -> str:
        """Start a workflow with a JSON object as input; returns the id when it is durable.

        Where the workflow was started with the key before, `if_exists` says what that means:
        "return" gives that execution, "fail" is an AlreadyExistsError, and "fail_if_running" is
        one only while that execution has not ended; then a new one gets the key. NotFoundError,
        InputError; LimitReachedError where its workflow has no place for it and lets nobody wait.
        """
        self._must_be_open()
        hash = await self.registry.pinned(workflow, version, definition)
        chosen = await self.registry.workflow(hash)
        body = payloads.checked_object(input, "the input")
        now = self._clock.now()
        header = Header(
            id=ids.execution_id(now, self._chance.getrandbits(74)),
            workflow=workflow,
            version=chosen.version,
            definition=hash,
            key=key,
            correlation_id=correlation_id,
            priority=priority,
        )
        for _ in range(_TAKEN_MAX):
            result = await self._submit(header.id, facts.Started(input=body), header)
            if not isinstance(result, str):
                return header.id
            if if_exists == "return":
                return result
            if if_exists == "fail":
                raise key_taken(workflow, key, result)
            if await self._submit(result, facts.KeyWanted(header, body)):
                return header.id
        raise ConflictError(f"The key {key!r} of {workflow!r} keeps changing hands.", "Try again.")

    async def wait(self, execution_id: str, timeout_s: float | None = None) -> Header:
        """The header when the execution has ended, or waits for a person; ResultTimeoutError."""
        return await self._ends.wait(execution_id, timeout_s)

    async def _refresh(self) -> None:
        """Others have put something."""
        await self.registry.refresh()
        await self.schedules.open()
        self._limits.changed()
        self._admission.changed()
        for call in self._on_change:
            await call()

    def tell_of_changes(self, call: Callable[[], Awaitable[None]]) -> None:
        """Await it when others have put what is kept in memory: definitions, schedules, keys."""
        self._on_change.append(call)

    def subscribe(self, changes: Changes | None = None) -> AbstractContextManager[Changes]:
        """Follow what changes: `with engine.subscribe() as changes: await changes.get()`."""
        return self._waiting.subscription(changes)

    def tell_of_event_waits(self, call: Callable[[str], None]) -> None:
        """Somebody listens to a bus: call it with the queue of each step that waits for an event.

        Until then definitions that need events are refused.
        """
        self._event_waits = call
        self.registry.hears_events = True

    async def signal(
        self,
        execution_id: str,
        ref: str,
        output: bytes = b"{}",
        status: str = "COMPLETED",
        reason: str = "",
    ) -> None:
        """Complete (or fail) a step that waits. NotFoundError, ConflictError."""
        body = payloads.checked_object(output, "the signal's output")
        await self._submit(execution_id, facts.Signalled(ref, status, body, reason))

    async def pause(self, execution_id: str) -> None:
        """Schedule nothing new. ConflictError when it is not running."""
        await self._submit(execution_id, facts.PauseRequested())

    async def resume(self, execution_id: str) -> None:
        """Go on after a pause."""
        await self._submit(execution_id, facts.ResumeRequested())

    async def retry(self, execution_id: str) -> None:
        """Try again what failed. ConflictError where something was undone, or nothing failed."""
        await self._submit(execution_id, facts.RetryRequested())

    async def terminate(self, execution_id: str, reason: str = "", *, undo: bool = True) -> None:
        """Stop and undo; PastPivotError behind a pivot. undo=False leaves all as it stands."""
        await self._submit(execution_id, facts.TerminateRequested(reason, undo))

    async def undo(self, execution_id: str) -> None:
        """Undo an execution that completed, for whoever it was a step of."""
        await self._submit(execution_id, facts.UndoRequested())

    async def move(
        self, execution_id: str, version: int | None = None, *, dry_run: bool = False
    ) -> MoveView:
        """Let it go on by another version. NotFoundError; ConflictError where it does not fit."""
        here = (self.store, self.registry, self._submit)
        return await moving.move(*here, execution_id, version, dry_run=dry_run)

    async def standing(
        self, workflow: str, version: int | None = None, to: int | None = None
    ) -> StandingView:
        """Where the executions by a version stand, and which fit another one. NotFoundError."""
        return await standing_of(self.store, self.registry, workflow, version, to)

    async def resolve(
        self,
        execution_id: str,
        ref: str,
        action: Literal["retry", "done", "abandon"],
        output: bytes = b"{}",
    ) -> None:
        """Settle what waits for a person: try again, count as done, or give the run up."""
        body = payloads.checked_object(output, "the output")
        await self._submit(execution_id, facts.Resolved(ref, action, body))

    # --- tasks ----------------------------------------------------------------------------------

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        """Lease up to `limit` waiting tasks to a worker. StoreError when none could be leased."""
        self._must_be_open()
        return await self._polling.poll(tasks, worker, limit)

    async def report(self, outcome: Outcome) -> bool:
        """Take the outcome of an assignment. False: it came too late or was fenced off."""
        fact = facts.Reported(
            outcome.ref,
            outcome.attempt,
            outcome.status,
            payloads.bounded(outcome.output, f"the output of {outcome.ref}"),
            outcome.reason,
            outcome.callback_after_s,
            outcome.worker,
            outcome.perhaps_done,
        )
        return bool(await self._submit(outcome.execution_id, fact, stopping=True))

    async def heartbeat(
        self, execution_id: str, ref: str, attempt: int, worker: str = "", *, progress: bytes = b""
    ) -> bool:
        """A sign of life. False: stop, it is not wanted, or not yours, any more. TooLargeError."""
        fact = facts.Heartbeat(ref, attempt, worker, payloads.checked_progress(progress))
        return bool(await self._submit(execution_id, fact))

    def taking(self, tasks: Sequence[str], worker: str, limit: int) -> Taking:
        """A request for work from outside this process, which may wait for it."""
        self._must_be_open()
        return Taking(self, self.places, tasks, worker, limit)

    # --- the door to the batches ----------------------------------------------------------------

    def _must_be_open(self) -> None:
        if not self._open:
            raise StoppingError("The engine is not running.", "Start it, or ask another node.")

    def _submit(
        self,
        execution_id: str,
        fact: Fact,
        header: Header | None = None,
        *,
        stopping: bool = False,
    ) -> asyncio.Future[Any]:
        """Queue a fact; the future gives the answer after the commit. Reports may come late."""
        if not self._running or not (self._open or stopping):
            self._must_be_open()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pipeline.add(Request(execution_id, fact, future, header))
        return future

    def _act(self, batch: Batch, won: list[WorkSet]) -> None:
        """A batch is durable: answer, start workers, wake who waits."""
        self._probe.at(points.COMMITTED)
        act.answer(batch)
        self._probe.at(points.TOLD)
        act.dispatch(won, self._crews)
        self._limits.committed(won)
        self._admission.committed(won, batch.gate.promised)
        self._others.committed(won)
        for queue in batch.offered:
            self._crews.wake(queue)
        self._timers.notice(act.next_alarm(won))
        if self._event_waits is not None:
            for queue in act.event_queues(won):
                self._event_waits(queue)
        act.tell(won, self._waiting)
        self.tallies.committed(batch, won)
        self._probe.at(points.ACTED)
