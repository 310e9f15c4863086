"""Workers inside the engine's process: they take tasks with the commit that schedules them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment, Outcome
from pavane.errors import InputError, PavaneError, StoppingError
from pavane.ports.caller import Caller
from pavane.ports.clock import Clock
from pavane.ports.results import Results
from pavane.sdk.attempt import INTERRUPTED, STOPPING, TIMED_OUT, Attempt, carry_out
from pavane.sdk.calls.http_step import TASK as HTTP
from pavane.sdk.calls.posts import http_work, work_of
from pavane.sdk.context import TaskContext
from pavane.sdk.crew import Crew, Post, crew_of_calls, posts_of
from pavane.sdk.deadlines import Deadlines
from pavane.sdk.recorded import recorders_of
from pavane.sdk.service import Service, definitions_of

_LOG = logging.getLogger("pavane.worker")

CALLS_AT_ONCE = 100  # of each service whose tasks are known by definition only
_LEAVE_S = 5.0  # a cancelled function that is not gone by then is reported without it
_LAST_S = 1.0  # the same while stopping
_RETRY_S = (0.1, 5.0)  # first and longest pause when the engine cannot take a report


class WorkSource(Protocol):
    """What workers need of an engine."""

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]: ...
    async def report(self, outcome: Outcome) -> bool: ...
    async def heartbeat(
        self, execution_id: str, ref: str, attempt: int, *, progress: bytes = b""
    ) -> bool: ...


class LocalWorkers:
    """Runs the tasks of services in this process; a `Dispatcher` for the engine.

    `concurrency` bounds each service where it should not decide itself; `name` begins the names of
    the workers, by which the engine finds after a crash what they held. `results` has the recorded
    results of services that have a ledger, by name; UsageError for one whose tasks ask for its
    database and that has none. `record_plain`: record also the results of tasks that do not.
    """

    def __init__(
        self,
        services: Iterable[Service],
        clock: Clock,
        *,
        concurrency: int | None = None,
        name: str = "local",
        caller: Caller | None = None,
        results: Mapping[str, Results] | None = None,
        record_plain: bool = True,
    ) -> None:
        self.services = tuple(dict.fromkeys(services))
        self.definitions = definitions_of(list(self.services))
        self._posts = posts_of(self.services, concurrency, caller)
        self._recorded = recorders_of(self._posts, results or {}, clock, record_plain)
        self._own = frozenset(self._posts)
        self._caller = caller
        self._called: dict[str, Crew] = {}  # by service, for tasks known by definition only
        if caller is not None and HTTP not in self._posts:
            crew = self._called[HTTP] = crew_of_calls(HTTP, CALLS_AT_ONCE)
            self._post(Post(HTTP, http_work(caller), crew, calls=True))
        self._clock = clock
        self._name = name
        self._source: WorkSource | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._going: dict[tuple[str, str, int], Attempt] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._deadlines: Deadlines | None = None
        self._open = False
        self._reserved = 0  # places taken for tasks whose commit is under way
        self._none_reserved = asyncio.Event()

    def defined(self, definitions: Iterable[TaskDefinition]) -> None:
        """These are the definitions now: tasks that are calls are done here, if they can be."""
        if self._caller is None:
            return
        for each in definitions:
            if each.name in self._own or each.name == HTTP:
                continue
            if each.call is None:
                post = self._posts.pop(each.name, None)
                if post is not None:
                    post.crew.posts.pop(each.name, None)
                continue
            crew = self._called.get(each.service)
            if crew is None:
                crew = self._called[each.service] = crew_of_calls(each.service, CALLS_AT_ONCE)
            work = work_of(each, self._caller, None)
            self._post(Post(each.name, work, crew, calls=True))
            self.wake(each.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tasks that are done here."""
        return tuple(self._posts)

    def now(self) -> int:
        """The time by the clock that deadlines are watched with, epoch ms."""
        return self._clock.now()

    def _post(self, post: Post) -> None:
        self._posts[post.name] = post.crew.posts[post.name] = post

    def start(self, source: WorkSource) -> None:
        """Begin to take work, on the running event loop."""
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._deadlines = Deadlines(self._loop, self._clock, self._overdue)
        self._open = True

    async def stop(self, grace_s: float = 10.0) -> None:
        """Take nothing more, wait for what is going on, and cancel what is left after `grace_s`.

        What was cancelled is not reported: its lease stays, and the engine's next start gives it
        to somebody else. Call it before the engine's own stop, which still takes the reports.
        """
        self._open = False
        await self._settle(grace_s)
        for attempt in list(self._going.values()):
            attempt.stop(STOPPING)
        await self._settle(_LAST_S)
        for attempt in self._going.values():
            given = attempt.assignment
            attempt.settled = True
            _LOG.warning("%s did not stop (execution %s)", given.task, given.execution_id)
        for task in self._tasks:
            task.cancel()
        if self._deadlines is not None:
            self._deadlines.close()
        for post in self._posts.values():
            post.crew.threads.shutdown(wait=False)

    async def _settle(self, within_s: float) -> None:
        """Until nothing goes on, and no commit that may hand something over is under way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._tasks or self._reserved:
                    if self._tasks:
                        await asyncio.wait(list(self._tasks))
                    else:
                        self._none_reserved.clear()
                        await self._none_reserved.wait()

    # --- the dispatcher's promises --------------------------------------------------------------

    def reserve(self, task: str) -> str:
        post = self._posts.get(task)
        # Where others wait already, the queue decides: first come, first served.
        if post is None or not self._open or post.crew.waiting or not post.crew.take():
            return ""
        self._reserved += 1
        return self._worker(post.crew)

    def take(self, task: str, most: int) -> int:
        """Take up to so many places of the task's crew, to be given back or run in; how many."""
        crew = self._posts[task].crew
        free = max(0, crew.free) if self._open else 0
        if len(crew.siblings) > 1:
            free = (free + 1) // 2  # those who share the places shall have some
        count = min(free, most)
        crew.take(count)
        self._reserved += count
        return count

    def crews(self) -> list[list[str]]:
        """The names of the tasks, those together that share places."""
        found: dict[int, list[str]] = {}
        for name, post in self._posts.items():
            found.setdefault(id(post.crew), []).append(name)
        return list(found.values())

    def rooms(self, service: str) -> list[tuple[list[str], int]]:
        """Of each crew of a service its tasks, and for how many attempts it has places in all."""
        crews = dict.fromkeys(post.crew for post in self._posts.values())
        own = [crew for crew in crews if crew.service == service]
        return [(list(crew.posts), min(each.limit for each in crew.places)) for crew in own]

    def give_back(self, task: str, worker: str) -> None:
        del worker  # the task has one post here
        self._unreserve()
        self._release(self._posts[task].crew)

    def run(self, assignment: Assignment) -> None:
        self._unreserve()
        if self._open:
            self._begin(assignment)
        else:  # its commit was under way when we were asked to stop
            post = self._posts[assignment.task]
            self._release(post.crew)
            self._spawn(self._report(Attempt(assignment, post).returned()))

    def _unreserve(self) -> None:
        self._reserved -= 1
        if not self._reserved:
            self._none_reserved.set()

    def _begin(self, assignment: Assignment) -> None:
        place = (assignment.execution_id, assignment.ref, assignment.attempt)
        if place in self._going:  # it was taken for lost, and came back to us
            self._release(self._posts[assignment.task].crew)
            return
        attempt = self._going[place] = Attempt(assignment, self._posts[assignment.task])
        assert self._loop is not None
        attempt.task = self._loop.create_task(self._work(attempt))
        self._tasks.add(attempt.task)

    def interrupt(self, execution_id: str, ref: str, attempt: int) -> None:
        going = self._going.get((execution_id, ref, attempt))
        if going is not None and not going.stopped_by:
            self._stop(going, INTERRUPTED)

    def wake(self, task: str) -> None:
        post = self._posts.get(task)
        if post is not None and self._open:
            post.crew.waiting[task] = None
            self._fetch_if_free(post.crew)

    # --- one attempt ----------------------------------------------------------------------------

    async def _work(self, attempt: Attempt) -> None:
        given, post = attempt.assignment, attempt.post
        if given.deadline_at and self._deadlines is not None:
            attempt.limit_ms = given.deadline_at - self._clock.now()
            self._deadlines.watch(attempt, len(self._going))
        if post.wants_context:
            attempt.context = TaskContext(given, self._beat, self._loop)
        interrupt = None
        try:
            try:
                recorded = self._recorded.get(post.crew.service)
                carry = carry_out if recorded is None else recorded.carry_out
                outcome, interrupt = await carry(attempt)
            finally:
                if attempt.leaving is not None:
                    attempt.leaving.cancel()
                self._forget(attempt)
            if not attempt.settled:
                await self._report(outcome)
        finally:
            if attempt.task is not None:
                self._tasks.discard(attempt.task)
        if interrupt is not None and self._loop is not None:
            self._loop.call_soon(_raise, interrupt)  # ends the program as it would without us

    def _overdue(self, attempt: Attempt) -> None:
        if not attempt.stopped_by:
            self._stop(attempt, TIMED_OUT)

    def _stop(self, attempt: Attempt, why: str) -> None:
        """Cancel an attempt; one that does not leave is reported without waiting for it."""
        assert self._loop is not None
        attempt.stop(why)
        if attempt.post.is_async:
            attempt.leaving = self._loop.call_later(_LEAVE_S, self._leave_behind, attempt)
        elif why == TIMED_OUT and attempt.started and not attempt.ending:
            attempt.settled = True  # the thread goes on, and keeps its place until it ends
            self._spawn(self._report(attempt.stopped()))

    def _leave_behind(self, attempt: Attempt) -> None:
        """An async function swallowed its cancellation: others shall not wait for its place."""
        given = attempt.assignment
        if self._forget(attempt):
            _LOG.warning("%s ignores that it was cancelled (%s)", given.task, given.execution_id)
            attempt.settled = True
            self._spawn(self._report(attempt.stopped()))

    def _forget(self, attempt: Attempt) -> bool:
        """Give its place back, once."""
        if attempt.gone:
            return False
        attempt.gone = True
        given = attempt.assignment
        self._going.pop((given.execution_id, given.ref, given.attempt), None)
        self._release(attempt.post.crew)
        return True

    async def _report(self, outcome: Outcome) -> None:
        """Hand the outcome to the engine, again and again while its store has trouble."""
        assert self._source is not None
        pause_s, longest_s = _RETRY_S
        while True:
            try:
                await self._source.report(outcome)
                return
            except StoppingError:
                return  # the lease stays; the next start gives the task to somebody else
            except InputError as error:
                if outcome.status == "FAILED_WITH_TERMINAL_ERROR":
                    _LOG.error("the engine refuses a failure of %s: %s", outcome.ref, error)
                    return
                outcome = Outcome(
                    outcome.execution_id,
                    outcome.ref,
                    outcome.attempt,
                    "FAILED_WITH_TERMINAL_ERROR",
                    reason=str(error),
                    worker=outcome.worker,
                )
            except PavaneError as error:
                _LOG.warning("the engine could not take the outcome of %s: %s", outcome.ref, error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, longest_s)

    async def _beat(self, given: Assignment, progress: bytes) -> bool:
        assert self._source is not None
        place = (given.execution_id, given.ref, given.attempt)
        return await self._source.heartbeat(*place, progress=progress)

    # --- waiting tasks --------------------------------------------------------------------------

    def _release(self, crew: Crew) -> None:
        crew.give()
        self._fetch_for(crew.siblings)

    def _fetch_for(self, crews: list[Crew]) -> None:
        """Places have become free, which the crews of a service share and take in turn."""
        for each in [crew for crew in crews if crew.waiting]:
            if self._fetch_if_free(each):
                crews.remove(each)
                crews.append(each)

    def _fetch_if_free(self, crew: Crew) -> bool:
        """Take places at once, before somebody else does, and then what waits for them."""
        free = crew.free if crew.waiting and not crew.fetching and self._open else 0
        if free <= 0:
            return False
        # Some stay for tasks that come with their commit, unless a crowd is known to wait.
        count = free if crew.crowded else (free + 1) // 2
        crew.take(count)
        crew.fetching = True
        self._spawn(self._fetch(crew, count))
        return True

    async def _fetch(self, crew: Crew, count: int) -> None:
        assert self._source is not None
        asked = list(crew.waiting)
        crew.waiting.clear()  # a wake-up during the poll counts as new
        found: list[Assignment] = []
        try:
            found = await self._source.poll(asked, self._worker(crew), count)
            crew.crowded = len(found) == count
            if crew.crowded:  # there may be more; what came first goes behind
                crew.waiting.update(dict.fromkeys([*asked[1:], asked[0]]))
        except StoppingError:
            pass
        except PavaneError as error:
            _LOG.warning("the engine could not be polled: %s", error)
            self._wake_later(asked)
        finally:
            crew.fetching = False
            crew.give(count - len(found))
        for assignment in found:
            if self._open:
                self._begin(assignment)
            else:  # given back untouched
                crew.give()
                await self._report(Attempt(assignment, crew.posts[assignment.task]).returned())
        self._fetch_for(crew.siblings)

    def _wake_later(self, tasks: list[str]) -> None:
        assert self._loop is not None
        for task in tasks:
            self._loop.call_later(_RETRY_S[1], self.wake, task)

    def _worker(self, crew: Crew) -> str:
        return f"{self._name}/{crew.service}"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _raise(error: BaseException) -> None:
    raise error
