"""The async client: start executions, wait for their results, and act on them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeVar,
    TypeVarTuple,
    overload,
)

from pavane.core.model.command import IfExists
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, MoveView
from pavane.sdk import plans
from pavane.sdk.contract import Contract
from pavane.sdk.given import given_event
from pavane.sdk.http import HttpTransport
from pavane.sdk.plans import Answer, Ask, Plan
from pavane.sdk.policy import Duration
from pavane.sdk.starting import definitions_for, seconds, start_of

if TYPE_CHECKING:
    from pavane.engine.engine import Engine
    from pavane.observer.observer import Observer
    from pavane.participant.requests import Requests
    from pavane.ports.clock import Chance
    from pavane.sdk.event import Event
    from pavane.sdk.inside import OnBus

R = TypeVar("R")
T = TypeVar("T")
Args = TypeVarTuple("Args")

DEFAULT_SERVER = "http://localhost:8080"


class Transport(Protocol):
    """Where asks go."""

    async def ask(self, ask: Ask) -> Answer: ...
    async def close(self) -> None: ...


class Client:
    """Talks to a server, by default the one on this machine; `async with` closes it.

    `api_key` is what a server that asks for keys is shown. `timeout` bounds one request, not the
    execution. Errors are those of `pavane.errors`, as if the
    engine were here; ConnectionFailedError when the server does not answer.
    """

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        api_key: str | None = None,
        timeout: Duration = "30s",
        transport: Transport | None = None,
    ) -> None:
        limit_s = seconds(timeout) or 30.0
        self._transport = transport or HttpTransport(server, limit_s, api_key)

    @classmethod
    def embedded(cls, engine: Engine, company: OnBus | None = None) -> Client:
        """A client of an engine in this process, on the same event loop.

        With the `company` on the engine's bus it can publish.
        """
        from pavane.sdk.inside import EngineTransport

        return cls(transport=EngineTransport(engine, company))

    @classmethod
    def among(cls, requests: Requests, observer: Observer, chance: Chance) -> Client:
        """A client of dancers in this process, on the same event loop."""
        from pavane.sdk.dancing import DancersTransport

        return cls(transport=DancersTransport(requests, observer, chance))

    @overload
    async def start(
        self,
        workflow: str,
        /,
        *,
        input: object = None,
        key: str = "",
        if_exists: IfExists = "return",
        correlation_id: str = "",
        priority: int = 0,
        version: int | None = None,
    ) -> Run[Any]: ...
    @overload
    async def start(
        self,
        workflow: Callable[[*Args], Coroutine[Any, Any, R]],
        /,
        *args: *Args,
        key: str = "",
        if_exists: IfExists = "return",
        correlation_id: str = "",
        priority: int = 0,
        version: int | None = None,
    ) -> Run[R]: ...
    async def start(
        self,
        workflow: Any,
        /,
        *args: Any,
        input: object = None,
        key: str = "",
        if_exists: IfExists = "return",
        correlation_id: str = "",
        priority: int = 0,
        version: int | None = None,
    ) -> Run[Any]:
        """Start a workflow, by its function with typed arguments or by name with an input.

        A key starts the same workflow once. Another start with it gives the execution that is
        there, or with `if_exists="fail"` an AlreadyExistsError; with `"fail_if_running"` that
        only until it has ended: then a new one begins. `priority` is 0 to 99: what waits for
        workers is handed out highest first. InputError for what does not fit, NotFoundError
        where nobody has registered it, LimitReachedError where it has no place for another one.
        """
        start = start_of(workflow, args, input, version)
        plan = plans.start(
            start,
            key=key,
            if_exists=if_exists,
            correlation_id=correlation_id,
            priority=priority,
        )
        return Run(await self.perform(plan), self, start.door)

    def execution(self, execution_id: str) -> Run[Any]:
        """An execution that was started before; its result is its output, a dict."""
        return Run(execution_id, self, None)

    async def executions(
        self,
        *,
        workflow: str = "",
        status: str = "",
        key: str = "",
        before: str = "",
        limit: int = 100,
    ) -> list[ExecutionSummary]:
        """Executions that fit, newest first; `before` an id gives the next page."""
        filters: dict[str, str | int] = {
            "workflow": workflow,
            "status": status,
            "key": key,
            "before": before,
            "limit": limit,
        }
        return await self.perform(plans.find(filters))

    async def register(self, *workflows: Callable[..., Any], overwrite: bool = False) -> None:
        """Register workflows, those that they call, and their tasks.

        DefinitionError with every finding; AlreadyExistsError where the version has other content.
        """
        definitions, tasks = definitions_for(workflows)
        await self.perform(plans.register(definitions, tasks, overwrite=overwrite))

    async def move(
        self, execution_id: str, *, to: int | None = None, dry_run: bool = False
    ) -> MoveView:
        """Let an orchestrated execution go on by another version of its workflow, the newest one.

        `dry_run`: only say whether it could, and what does not fit. ConflictError with the steps
        that do not fit, or where the execution is choreographed; NotFoundError.
        """
        return await self.perform(plans.move(execution_id, to, dry_run=dry_run))

    @overload
    async def publish(
        self,
        event: Event,
        /,
        *,
        id: str = "",
        key: str = "",
        correlation_id: str = "",
        source: str = "",
    ) -> str: ...
    @overload
    async def publish(
        self,
        event: str,
        data: object = None,
        /,
        *,
        id: str = "",
        key: str = "",
        correlation_id: str = "",
        source: str = "",
    ) -> str: ...
    async def publish(
        self,
        event: Event | str,
        data: object = None,
        /,
        *,
        id: str = "",
        key: str = "",
        correlation_id: str = "",
        source: str = "",
    ) -> str:
        """Tell of an event, by an instance of its class or by its type's name and data; its id.

        When it returns, the event is durable on the server's bus. The same `id` is the same event:
        whoever has taken it takes it no second time; without one it gets a new one. Order matters
        within a `key`, by default what the class says, else the correlation, by default the id.
        `source` says who tells ("outside"). InputError for what does not fit, NoBusError where
        the server has no bus.
        """
        given = given_event(
            event, data, id=id, key=key, correlation_id=correlation_id, source=source
        )
        return await self.perform(plans.publish(given))

    async def perform(self, plan: Plan[T]) -> T:
        """Ask what a plan asks, until it has its result."""
        try:
            ask = next(plan)
            while True:
                try:
                    answer = await self._transport.ask(ask)
                except Exception as error:  # noqa: BLE001  # the plan decides what it means
                    ask = plan.throw(error)
                else:
                    ask = plan.send(answer)
        except StopIteration as done:
            return done.value

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class Run(Generic[R]):
    """An execution, seen from a client."""

    def __init__(self, execution_id: str, client: Client, door: Contract | None) -> None:
        self.id = execution_id
        self._client = client
        self._door = door

    async def result(self, timeout: Duration | None = None) -> R:  # noqa: ASYNC109  # the server waits
        """What the workflow returned, once it has ended.

        ExecutionFailedError with status and reason when it did not complete (or waits for a
        person), ResultTimeoutError when the time is up; the execution then goes on.
        """
        return await self._client.perform(plans.result(self.id, self._door, seconds(timeout)))

    async def state(self) -> ExecutionView:
        """The execution as it stands, with its steps."""
        return await self._client.perform(plans.state(self.id))

    async def signal(
        self,
        step: str,
        output: object = None,
        status: Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"] = "COMPLETED",
        *,
        reason: str = "",
    ) -> str:
        """Complete (or fail, for a reason) a step that waits; the execution's status afterwards."""
        return await self._act("signal", plans.signalled(output, status, reason), step)

    async def pause(self) -> str:
        """Schedule nothing new; the status afterwards."""
        return await self._act("pause")

    async def resume(self) -> str:
        """Go on after a pause; the status afterwards."""
        return await self._act("resume")

    async def retry(self) -> str:
        """Try again what failed, where nothing was undone; the status afterwards."""
        return await self._act("retry")

    async def terminate(self, reason: str = "", *, undo: bool = True) -> str:
        """Stop it and undo what was done; the status afterwards. PastPivotError behind a pivot."""
        return await self._act("terminate", {"reason": reason, "undo": undo})

    async def resolve(
        self, step: str, action: Literal["retry", "done", "abandon"], output: object = None
    ) -> str:
        """Settle what waits for a person; the status afterwards."""
        return await self._act("resolve", {"action": action, "output": output or {}}, step)

    async def _act(
        self, verb: plans.Verb, body: dict[str, Any] | None = None, step: str = ""
    ) -> str:
        return await self._client.perform(plans.act(verb, self.id, body, step))

    def __repr__(self) -> str:
        return f"<execution {self.id}>"
