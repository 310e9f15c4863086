"""`@workflow` and the words that stand in workflows; each also works when run as plain Python."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

from msgspec import structs

from pavane.core.model.schedule import Missed, Scheduled
from pavane.core.model.workflow import RateLimit, StartedBy, Style, Workflow
from pavane.errors import DefinitionError
from pavane.language.compiler import Compiled, compile_workflow, resolved_hints
from pavane.language.durations import parse_duration
from pavane.language.offers import StepOptions, TaskOffer, mark
from pavane.sdk.first_done import first_done
from pavane.sdk.gathered import MOST_IN_A_TUPLE, has_a_star
from pavane.sdk.limited import limit_of
from pavane.sdk.plainly import as_plain_python, failed, is_plain, is_step, run_plainly
from pavane.sdk.started import started_of

if TYPE_CHECKING:
    from pavane.sdk.event import Event

__all__ = [
    "WorkflowFunction",
    "as_plain_python",
    "gather",
    "race",
    "scope",
    "sleep",
    "until",
    "workflow",
]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")

_STYLES: tuple[Style | None, ...] = (None, "orchestrated", "choreographed")


class WorkflowFunction(Generic[P, R_co]):
    """What `@workflow` makes of an `async def`: compiled when first needed, never run as it is.

    `await f(…)` in another workflow is a sub-workflow; outside it runs in an in-memory engine.
    """

    __pavane_workflow__ = True

    def __init__(
        self,
        function: FunctionType,
        *,
        name: str = "",
        version: int = 1,
        style: Style | None = None,
        schedule: Scheduled | None = None,
        started_by: StartedBy | None = None,
        limit: RateLimit | None = None,
        options: StepOptions | None = None,
        origin: WorkflowFunction[..., Any] | None = None,
    ) -> None:
        self.function = function
        self._origin = origin
        self.name: str = name or function.__name__
        self.version: int = version
        self.style: Style | None = style
        self.schedule: Scheduled | None = schedule
        self.started_by: StartedBy | None = started_by
        self.limit: RateLimit | None = limit
        self.options: StepOptions = options or StepOptions()
        functools.update_wrapper(self, function, updated=())
        if style not in _STYLES:
            raise DefinitionError(
                f"The workflow {self.name!r} has the style {style!r}.",
                "There is orchestrated and choreographed.",
            )
        if version < 1:
            raise DefinitionError(
                f"The workflow {self.name!r} has version {version}.", "Count versions from 1."
            )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Run it here; the workflow language reads this call as a sub-workflow."""
        return self._run(*args, **kwargs)

    async def _run(self, *args: Any, **kwargs: Any) -> Any:
        if is_plain():
            optional = self.options.optional
            return await run_plainly(self.function(*args, **kwargs), self.name, optional=optional)
        from pavane.sdk.embedded import run_here

        bound = self.signature.bind(*args, **kwargs)
        return await run_here(self, dict(bound.arguments))

    def with_options(
        self,
        *,
        ref: str | None = None,
        retries: int | None = None,
        pivot: bool | None = None,
        optional: bool | None = None,
        start_delay: str | float | timedelta | None = None,
    ) -> WorkflowFunction[P, R_co]:
        """The same workflow with other options for one step that calls it."""
        options = self.options.changed(
            ref=ref, retries=retries, pivot=pivot, optional=optional, start_delay=start_delay
        )
        return WorkflowFunction(
            self.function,
            name=self.name,
            version=self.version,
            style=self.style,
            schedule=self.schedule,
            started_by=self.started_by,
            limit=self.limit,
            options=options,
            origin=self.origin,
        )

    @property
    def origin(self) -> WorkflowFunction[..., Any]:
        """The workflow as it was declared, without options for one step."""
        return self._origin or self

    @cached_property
    def compiled(self) -> Compiled:
        """The definition and what it calls; LanguageError with every finding."""
        if self._origin is not None:
            return self._origin.compiled
        compiled = compile_workflow(
            self.function,
            name=self.name,
            version=self.version,
            style=self.style,
            schedule=self.schedule,
            limit=self.limit,
        )
        if self.started_by is None:
            return compiled
        definition = structs.replace(compiled.definition, started_by=self.started_by)
        return replace(compiled, definition=definition)

    @property
    def definition(self) -> Workflow:
        """What runs: the same as a definition written as JSON. LanguageError with every finding."""
        return self.compiled.definition

    @cached_property
    def signature(self) -> inspect.Signature:
        """Its parameters with resolved annotations."""
        hints = resolved_hints(self.function)
        signature = inspect.signature(self.function)
        parameters = [
            each.replace(annotation=hints.get(name, each.annotation))
            for name, each in signature.parameters.items()
        ]
        returns = hints.get("return", signature.return_annotation)
        return signature.replace(parameters=parameters, return_annotation=returns)

    @property
    def returns(self) -> Any:
        """The resolved type of its result."""
        return self.signature.return_annotation

    @property
    def workflows(self) -> tuple[WorkflowFunction[..., Any], ...]:
        """The workflows that it calls, each once; itself where it calls itself."""
        called = self.compiled.workflows
        found = [each.origin for each in called if isinstance(each, WorkflowFunction)]
        return tuple(dict.fromkeys(found))

    @property
    def calls(self) -> tuple[TaskOffer, ...]:
        """All tasks that it and its sub-workflows use, undo tasks too, each once."""
        tasks: dict[tuple[str, str], TaskOffer] = {}
        seen: set[FunctionType] = set()
        pending: list[WorkflowFunction[..., Any]] = [self]
        while pending:
            one = pending.pop(0)
            if one.function in seen:
                continue
            seen.add(one.function)
            for offer in one.compiled.tasks:
                tasks.setdefault((offer.service, offer.name), offer)
            pending.extend(one.workflows)
        return tuple(tasks.values())

    def __repr__(self) -> str:
        return f"<workflow {self.name} {self.version}>"


class _Decorator(Protocol):
    """What `@workflow(...)` returns."""

    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> WorkflowFunction[P, R]: ...


@overload
def workflow(function: Callable[P, Coroutine[Any, Any, R]], /) -> WorkflowFunction[P, R]: ...
@overload
def workflow(
    function: None = None,
    /,
    *,
    name: str = "",
    version: int = 1,
    style: Style | None = None,
    every: str = "",
    zone: str = "UTC",
    missed: Missed = "last",
    started_by: type[Event] | str | Mapping[str, Any] | None = None,
    max_running: int | None = None,
    per: str = "",
    when_full: Literal["queue", "reject"] = "queue",
) -> _Decorator: ...
def workflow(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    version: int = 1,
    style: Style | None = None,
    every: str = "",
    zone: str = "UTC",
    missed: Missed = "last",
    started_by: type[Event] | str | Mapping[str, Any] | None = None,
    max_running: int | None = None,
    per: str = "",
    when_full: Literal["queue", "reject"] = "queue",
) -> Any:
    """Make a workflow of an `async def`, as `@workflow` or `@workflow(version=2, …)`.

    The function is read, not run; see docs/reference/language.md for what it may contain.
    `started_by`: an event type whose events start it, each once, with the event as its one
    parameter; or a mapping with `event`, and `input` and `key` that read `${event.<field>}`.
    `every` starts it by itself: six fields of cron, seconds first, meant in the time zone `zone`,
    or a duration such as "10m". `missed` says which of the times that passed while no engine ran
    start it afterwards. A parameter without a default gets the time.
    `max_running` is how many of its executions run at once; with `per`, a parameter or a path in it
    such as "order.account", for each of its values. `when_full` says what becomes of one more: it
    waits for its turn, or is refused with a LimitReachedError.
    """
    started = started_of(started_by)
    limit = limit_of(max_running, per, when_full)
    if not every and (zone != "UTC" or missed != "last"):
        raise DefinitionError(
            "`zone` and `missed` say nothing without `every`.", "Give both, or none."
        )
    schedule = Scheduled(every, zone, missed) if every else None

    def decorate(function: Callable[..., Any]) -> WorkflowFunction[..., Any]:
        is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        if not isinstance(function, FunctionType) or not is_async:
            shown = getattr(function, "__qualname__", repr(function))
            raise DefinitionError(
                f"@workflow stands on {shown}, which is not an `async def`.",
                "Write `async def`, with @workflow as its outermost decorator.",
            )
        return WorkflowFunction(
            function,
            name=name,
            version=version,
            style=style,
            schedule=schedule,
            started_by=started,
            limit=limit,
        )

    return decorate if function is None else decorate(function)


# --- words ------------------------------------------------------------------------------------


@overload
async def gather(a: Awaitable[T1], b: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def gather(a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /) -> tuple[T1, T2, T3]: ...
@overload
async def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /
) -> tuple[T1, T2, T3, T4]: ...
@overload
async def gather(
    a: Awaitable[T1],
    b: Awaitable[T2],
    c: Awaitable[T3],
    d: Awaitable[T4],
    e: Awaitable[T5],
    /,
) -> tuple[T1, T2, T3, T4, T5]: ...
@overload
async def gather(
    a: Awaitable[T1],
    b: Awaitable[T2],
    c: Awaitable[T3],
    d: Awaitable[T4],
    e: Awaitable[T5],
    f: Awaitable[T6],
    /,
) -> tuple[T1, T2, T3, T4, T5, T6]: ...
@overload
async def gather(*branches: Awaitable[T]) -> list[T]: ...
@mark("gather")
def gather(*branches: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    """Do steps side by side; gives their results in order, when all are done.

    A branch of several steps is a local `async def`, called without `await`. `gather(*(…))`, and of
    more than six, gives a list, as type checkers see it; else a tuple.
    """
    listed = len(branches) > MOST_IN_A_TUPLE or has_a_star(inspect.currentframe())

    async def gathered() -> Any:
        return (list if listed else tuple)(await asyncio.gather(*branches))

    return gathered()


@overload
async def race(a: Awaitable[T1], b: Awaitable[T2], /) -> T1 | T2: ...
@overload
async def race(a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /) -> T1 | T2 | T3: ...
@overload
async def race(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /
) -> T1 | T2 | T3 | T4: ...
@overload
async def race(*branches: Awaitable[T]) -> T: ...
@mark("race")
async def race(*branches: Awaitable[Any]) -> Any:
    """Do steps side by side until the first one is done; gives its result, None for a sleep.

    The others are called off, and what they did is undone. One that fails fails nothing while
    another one may still be done.
    """
    return await first_done(branches)


@mark("sleep")
async def sleep(duration: str | float | timedelta) -> None:
    """Wait for "10s", "1h30m", a number of seconds or a timedelta; durable in a workflow."""
    await asyncio.sleep(parse_duration(duration))


@mark("until")
async def until(time: datetime | str) -> None:
    """Wait until a datetime, or text such as "2030-01-31 09:00"; without a zone it is UTC."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    now = datetime.now(UTC)  # noqa: TID251  # only where the workflow runs as plain Python
    await asyncio.sleep(max(0.0, (moment - now).total_seconds()))


@mark("scope")
def scope(
    name: str,
    *,
    style: Literal["orchestrated", "choreographed"] | None = None,
    home: str = "",
) -> AbstractAsyncContextManager[None]:
    """Group steps: their own execution, with an undo boundary, a style and a home of their own."""
    return _scope(name)


@asynccontextmanager
async def _scope(name: str) -> AsyncGenerator[None]:
    try:
        yield
    except Exception as error:
        if not is_step():
            raise
        raise failed(name, error) from error
