"""A service: the independently deployed program that offers tasks."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Awaitable, Callable
from typing import (
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    TypeVar,
    Unpack,
    overload,
)

from pavane.core.check.calls import check_call
from pavane.core.model.call import Call as Template
from pavane.core.model.task_definition import TaskDefinition
from pavane.errors import DefinitionError
from pavane.sdk.calls.declared import Call, is_only_declared
from pavane.sdk.context import TaskContext
from pavane.sdk.databases import D
from pavane.sdk.event import Event
from pavane.sdk.handler import Emitted, Handler, HandlerOptions, On, OnAnnotated
from pavane.sdk.handling import EventContext
from pavane.sdk.parameters import place_of
from pavane.sdk.policy import Duration, Growth, Policy, Retries
from pavane.sdk.task import Task

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=Event)
V = TypeVar("V", bound=Emitted)

CALL_TIMEOUT = "30s"  # of a call, where its task says nothing

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


class TaskDecorator(Protocol):
    """What `@service.task(...)` returns: keeps the types, hides what no caller passes."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[TaskContext, D, P], Awaitable[R]], /
    ) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[TaskContext, D, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[TaskContext, P], Awaitable[R]], /
    ) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[TaskContext, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[D, P], Awaitable[R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[D, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, Awaitable[R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


class Service:
    """Owns tasks and handlers of events: `@service.task` and `@service.on` add one.

    `concurrency` bounds how many run at once here, `threads` the sync functions among them, which
    run in threads. With a `url` it is a service that knows nothing of Pavane: its tasks are
    declared (`call=`, and `...` for a body), and whoever runs the engine calls it. `schema`: SQL
    that makes the service's own tables in its ledger, run at each start in one transaction
    (`CREATE TABLE IF NOT EXISTS …`); a task that has a parameter annotated `apsw.Connection`
    (or another) writes to them, once for each step (docs/reference/tasks-and-transactions.md).
    """

    def __init__(
        self,
        name: str,
        *,
        concurrency: int = 100,
        threads: int = 32,
        url: str | None = None,
        schema: str = "",
    ) -> None:
        if not _NAME.fullmatch(name):
            raise DefinitionError(
                f"{name!r} cannot name a service.", 'Use letters, digits, "_", "-" and ".".'
            )
        if concurrency < 1 or threads < 1:
            raise DefinitionError(f"Service {name} has no place to run a task.", "Use 1 or more.")
        if url is not None:
            url = url.rstrip("/")
            for text in check_call(Template(url=url), ()):
                raise DefinitionError(f"Service {name}: {text}.", "Give it like https://host/path.")
        self.name = name
        self.url: str | None = url
        self.concurrency = concurrency
        self.threads = threads
        self.schema = schema
        self._tasks: list[Task[..., Any]] = []
        self._handlers: list[Handler[Any, Any]] = []

    @overload
    def task(
        self, function: Callable[Concatenate[TaskContext, D, P], Awaitable[R]], /
    ) -> Task[P, R]: ...
    @overload
    def task(self, function: Callable[Concatenate[TaskContext, D, P], R], /) -> Task[P, R]: ...
    @overload
    def task(
        self, function: Callable[Concatenate[TaskContext, P], Awaitable[R]], /
    ) -> Task[P, R]: ...
    @overload
    def task(self, function: Callable[Concatenate[TaskContext, P], R], /) -> Task[P, R]: ...
    @overload
    def task(self, function: Callable[Concatenate[D, P], Awaitable[R]], /) -> Task[P, R]: ...
    @overload
    def task(self, function: Callable[Concatenate[D, P], R], /) -> Task[P, R]: ...
    @overload
    def task(self, function: Callable[P, Awaitable[R]], /) -> Task[P, R]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(
        self,
        function: None = None,
        /,
        *,
        name: str = "",
        undo: Task[..., Any] | None = None,
        pivot: bool = False,
        read_only: bool = False,
        retries: Retries = 3,
        retry_delay: Duration = "200ms",
        max_retry_delay: Duration = "10s",
        retry_logic: Growth = "exponential",
        jitter: Duration = 0.0,
        timeout: Duration | None = None,
        heartbeat_timeout: Duration | None = None,
        total_timeout: Duration | None = None,
        concurrency: int | None = None,
        max_running: int | None = None,
        rate: str | None = None,
        concurrency_key: str = "",
        call: str | Call | None = None,
    ) -> TaskDecorator: ...
    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str = "",
        undo: Task[..., Any] | None = None,
        pivot: bool = False,
        call: str | Call | None = None,
        **policy: Any,
    ) -> Any:
        """Offer a function as a task, as `@service.task` or `@service.task(...)`.

        `undo`: the task that reverses it, called with its inputs and its result; with None for the
        result where nobody knows whether it was done (it was interrupted, its process died).
        `pivot`: there is no way back after it. `read_only`: it has no effect, so there is nothing
        to undo. `retries` after the first attempt ("forever": until it succeeds), `retry_delay`
        before the first of them, growing by `retry_logic` ("fixed", "linear", "exponential") up to
        `max_retry_delay`, with up to `jitter` added. `timeout` ends one attempt, `total_timeout`
        all of them together, `heartbeat_timeout` one that gives no sign of life. `concurrency`: how
        many run at once in this process; `max_running` in all processes together, and `rate`, such
        as "100/min", how many begin within any such time; with a `concurrency_key`, a parameter or
        a path in it such as "order.customer", `max_running` is for each of its values. Raise
        `Fail` in it for a failure that no retry would mend. `call`: of a service with a url, the
        request that does the task, "POST /orders/{order_id}/parcels" or a `Call`; its timeout is
        30 s unless said otherwise.
        """
        if function is not None:
            return self._offer(function, Task(function, self, frame=_frame_of(function)))

        if self.url is not None and policy.get("timeout") is None:
            policy["timeout"] = CALL_TIMEOUT

        def decorate(function: Callable[..., Any]) -> Task[..., Any]:
            return self._offer(
                function,
                Task(
                    function,
                    self,
                    name=name,
                    undo=undo,
                    pivot=pivot,
                    policy=Policy(**policy),
                    frame=_frame_of(function),
                    call=Call(call) if isinstance(call, str) else call,
                ),
            )

        return decorate

    def _offer(self, function: Callable[..., Any], task: Task[..., Any]) -> Task[..., Any]:
        if not (task.undo is None or _is_task(task.undo)):
            raise DefinitionError(
                f"The undo of {place_of(function)} is not a task.",
                "Put @service.task on it, and define it first.",
            )
        self._ensure_call(function, task)
        self._tasks.append(task)
        return task

    def _ensure_call(self, function: Callable[..., Any], task: Task[..., Any]) -> None:
        place = place_of(function)
        if self.url is None and task.call is not None:
            raise DefinitionError(
                f"{place} has a call, and service {self.name} has no url.",
                f'Give it one: Service("{self.name}", url="https://…").',
            )
        if self.url is not None and task.call is None:
            raise DefinitionError(
                f"{place} has no call, and service {self.name} is called at {self.url}.",
                f'Say how: @{self.name}.task(call="POST /path").',
            )
        if task.call is not None and not is_only_declared(function):
            raise DefinitionError(
                f"{place} is done by a call, so its own code would never run.",
                "Write ... as its body, or move it to a service without a url.",
            )

    @overload
    def on(self, first: type[E], /, *more: type[E], **options: Unpack[HandlerOptions]) -> On[E]: ...
    @overload
    def on(self, function: Callable[[EventContext, D, E], Awaitable[V]], /) -> Handler[E, V]: ...
    @overload
    def on(self, function: Callable[[EventContext, D, E], V], /) -> Handler[E, V]: ...
    @overload
    def on(self, function: Callable[[EventContext, E], Awaitable[V]], /) -> Handler[E, V]: ...
    @overload
    def on(self, function: Callable[[EventContext, E], V], /) -> Handler[E, V]: ...
    @overload
    def on(self, function: Callable[[D, E], Awaitable[V]], /) -> Handler[E, V]: ...
    @overload
    def on(self, function: Callable[[D, E], V], /) -> Handler[E, V]: ...
    @overload
    def on(self, function: Callable[[E], Awaitable[V]], /) -> Handler[E, V]: ...
    @overload
    def on(self, function: Callable[[E], V], /) -> Handler[E, V]: ...
    @overload
    def on(self, **options: Unpack[HandlerOptions]) -> OnAnnotated: ...
    def on(self, *given: Any, **options: Unpack[HandlerOptions]) -> Any:
        """React to events, as `@service.on(OrderCreated)`, with several types, or plain.

        Plain, the function's annotation says which events it takes. Its return annotation says
        which it emits: what it returns is published in the transaction that remembers the message
        as handled. It may begin with an `EventContext`, and then ask for a connection to its
        service's database, as `apsw.Connection`: what it writes there it writes once for each
        message. Raise `Fail` in it for a failure that no retry would mend. The options are those of
        `HandlerOptions`.
        """
        if len(given) == 1 and not isinstance(given[0], type):
            return self._react(Handler(given[0], self, frame=_frame_of(given[0])))

        def decorate(function: Callable[..., Any]) -> Handler[Any, Any]:
            return self._react(
                Handler(function, self, given, frame=_frame_of(function), options=options)
            )

        return decorate

    def _react(self, handler: Handler[Any, Any]) -> Handler[Any, Any]:
        if self.url is not None:
            raise DefinitionError(
                f"{place_of(handler.function)} is a handler of service {self.name}, which is "
                "called at its url and hears no events.",
                "Move it to a service of your own, which calls a task of this one.",
            )
        self._handlers.append(handler)
        return handler

    @property
    def handlers(self) -> tuple[Handler[Any, Any], ...]:
        """The handlers of events that it has, in the order of their definition."""
        return tuple(self._handlers)

    @property
    def tasks(self) -> tuple[Task[..., Any], ...]:
        """The tasks that it offers, in the order of their definition."""
        return tuple(self._tasks)

    @property
    def has_database(self) -> bool:
        """Whether a task or a handler of it asks for its database, or it makes tables there."""
        return bool(self.schema) or bool(self.asks)

    @property
    def asks(self) -> set[str]:
        """The connections to its database that its functions ask for (see `asking`)."""
        of_handlers = {handler.asks for handler in self._handlers}
        return (of_handlers | {task.shape.asks for task in self._tasks}) - {""}

    @property
    def definitions(self) -> list[TaskDefinition]:
        """The definitions of its tasks; DefinitionError lists all that is wrong with them."""
        return definitions_of([self])

    def __repr__(self) -> str:
        return f"<service {self.name}>"


def definitions_of(services: list[Service]) -> list[TaskDefinition]:
    """The task definitions of services; DefinitionError lists all that is wrong with them."""
    offered = [task for service in services for task in service.tasks]
    definitions: list[TaskDefinition] = []
    findings: list[str] = []
    first: dict[str, Task[..., Any]] = {}
    for task in offered:
        other = first.setdefault(task.name, task)
        if other is not task:
            findings.append(
                f"{place_of(task.function)} of {task.service} has the name of "
                f"{place_of(other.function)} of {other.service}: {task.name!r}. Name one of them "
                f'otherwise: @{task.service}.task(name="{task.service}.{task.name}").'
            )
            continue
        try:
            definitions.append(task.definition)
        except DefinitionError as error:
            findings.append(str(error))
    if findings:
        names = ", ".join(service.name for service in services)
        raise DefinitionError(
            "\n".join([f"{len(findings)} finding(s) in the tasks of {names}:", *findings]),
            findings=findings,
        )
    return definitions


def _is_task(value: object) -> bool:
    return isinstance(value, Task)


def _frame_of(function: Callable[..., Any]) -> types.FrameType | None:
    """Where a task was defined, if inside a function: its annotations may name local classes."""
    here = inspect.currentframe()
    if (
        here is None
        or here.f_back is None
        or "<locals>" not in getattr(function, "__qualname__", "")
    ):
        return None
    return here.f_back.f_back
