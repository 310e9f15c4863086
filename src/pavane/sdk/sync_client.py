"""The sync client: the same plans, driven by a transport that blocks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Self,
    TypeVar,
    TypeVarTuple,
    overload,
)

from pavane.core.model.command import IfExists
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, MoveView
from pavane.sdk import plans
from pavane.sdk.client import DEFAULT_SERVER
from pavane.sdk.contract import Contract
from pavane.sdk.given import given_event
from pavane.sdk.http import SyncHttpTransport
from pavane.sdk.plans import Plan
from pavane.sdk.policy import Duration
from pavane.sdk.starting import definitions_for, seconds, start_of

if TYPE_CHECKING:
    from pavane.sdk.event import Event

R = TypeVar("R")
T = TypeVar("T")
Args = TypeVarTuple("Args")


class SyncClient:
    """As `Client`, for programs without an event loop; `with` closes it."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        api_key: str | None = None,
        timeout: Duration = "30s",
    ) -> None:
        self._transport = SyncHttpTransport(server, seconds(timeout) or 30.0, api_key)

    @overload
    def start(
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
    ) -> SyncRun[Any]: ...
    @overload
    def start(
        self,
        workflow: Callable[[*Args], Coroutine[Any, Any, R]],
        /,
        *args: *Args,
        key: str = "",
        if_exists: IfExists = "return",
        correlation_id: str = "",
        priority: int = 0,
        version: int | None = None,
    ) -> SyncRun[R]: ...
    def start(
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
    ) -> SyncRun[Any]:
        """As `Client.start`."""
        start = start_of(workflow, args, input, version)
        plan = plans.start(
            start,
            key=key,
            if_exists=if_exists,
            correlation_id=correlation_id,
            priority=priority,
        )
        return SyncRun(self.perform(plan), self, start.door)

    def execution(self, execution_id: str) -> SyncRun[Any]:
        """As `Client.execution`."""
        return SyncRun(execution_id, self, None)

    def executions(self, **filters: str | int) -> list[ExecutionSummary]:
        """As `Client.executions`: `workflow`, `status`, `key`, `before`, `limit`."""
        return self.perform(plans.find(filters))

    def register(self, *workflows: Callable[..., Any], overwrite: bool = False) -> None:
        """As `Client.register`."""
        definitions, tasks = definitions_for(workflows)
        self.perform(plans.register(definitions, tasks, overwrite=overwrite))

    def move(self, execution_id: str, *, to: int | None = None, dry_run: bool = False) -> MoveView:
        """As `Client.move`."""
        return self.perform(plans.move(execution_id, to, dry_run=dry_run))

    @overload
    def publish(
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
    def publish(
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
    def publish(
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
        """As `Client.publish`."""
        given = given_event(
            event, data, id=id, key=key, correlation_id=correlation_id, source=source
        )
        return self.perform(plans.publish(given))

    def perform(self, plan: Plan[T]) -> T:
        """Ask what a plan asks, until it has its result."""
        try:
            ask = next(plan)
            while True:
                try:
                    answer = self._transport.ask(ask)
                except Exception as error:  # noqa: BLE001  # the plan decides what it means
                    ask = plan.throw(error)
                else:
                    ask = plan.send(answer)
        except StopIteration as done:
            return done.value

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class SyncRun(Generic[R]):
    """As `Run`."""

    def __init__(self, execution_id: str, client: SyncClient, door: Contract | None) -> None:
        self.id = execution_id
        self._client = client
        self._door = door

    def result(self, timeout: Duration | None = None) -> R:
        """As `Run.result`."""
        return self._client.perform(plans.result(self.id, self._door, seconds(timeout)))

    def state(self) -> ExecutionView:
        """As `Run.state`."""
        return self._client.perform(plans.state(self.id))

    def signal(
        self,
        step: str,
        output: object = None,
        status: Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"] = "COMPLETED",
        *,
        reason: str = "",
    ) -> str:
        """As `Run.signal`."""
        return self._act("signal", plans.signalled(output, status, reason), step)

    def pause(self) -> str:
        """As `Run.pause`."""
        return self._act("pause")

    def resume(self) -> str:
        """As `Run.resume`."""
        return self._act("resume")

    def retry(self) -> str:
        """As `Run.retry`."""
        return self._act("retry")

    def terminate(self, reason: str = "", *, undo: bool = True) -> str:
        """As `Run.terminate`."""
        return self._act("terminate", {"reason": reason, "undo": undo})

    def resolve(
        self, step: str, action: Literal["retry", "done", "abandon"], output: object = None
    ) -> str:
        """As `Run.resolve`."""
        return self._act("resolve", {"action": action, "output": output or {}}, step)

    def _act(self, verb: plans.Verb, body: dict[str, Any] | None = None, step: str = "") -> str:
        return self._client.perform(plans.act(verb, self.id, body, step))

    def __repr__(self) -> str:
        return f"<execution {self.id}>"
