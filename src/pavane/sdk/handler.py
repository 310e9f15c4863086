"""A handler that a service offers: a plain function that takes events and gives events."""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import inspect
import types
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    overload,
)

import msgspec

from pavane.core.decide.retries import policy_of
from pavane.errors import DefinitionError, UsageError
from pavane.language.contract import is_none, plain, type_name
from pavane.ports.handlers import Listener
from pavane.sdk.asking import database_in
from pavane.sdk.databases import D
from pavane.sdk.event import Event, decoder, type_of
from pavane.sdk.handling import EventContext, Undeclared
from pavane.sdk.parameters import hints_of, place_of
from pavane.sdk.policy import Duration, Growth, Policy, Retries

if TYPE_CHECKING:
    from pavane.sdk.service import Service

Emitted = Event | Sequence[Event | None] | None
"""What a handler may return."""

E = TypeVar("E", bound=Event)
R = TypeVar("R", bound=Emitted)

_CONTEXT = "EventContext"
_SEVERAL = (list, tuple, collections.abc.Sequence)


class HandlerOptions(TypedDict, total=False):
    """What `@service.on(…)` takes by keyword.

    `name` is the handler's name in its service, by default the function's: what it has handled is
    remembered under it. `emits`: events that it publishes without returning them. `undeclared`:
    "deny" fails a handler that emits something else, "warn" notes it. `ordered=False` lets events
    pass one with the same key that is being retried or dead. `retries` after the first attempt
    (3), `retry_delay` before the first of them ("200ms"), growing by `retry_logic` ("exponential")
    up to `max_retry_delay` ("10s"), with up to `jitter` added. `timeout` ends one attempt.
    """

    name: str
    emits: Sequence[type[Event]]
    undeclared: Undeclared
    ordered: bool
    retries: Retries
    retry_delay: Duration
    max_retry_delay: Duration
    retry_logic: Growth
    jitter: Duration
    timeout: Duration | None


_POLICY = ("retries", "retry_delay", "max_retry_delay", "retry_logic", "jitter", "timeout")


class Reading(msgspec.Struct, frozen=True):
    """What a handler function takes and gives."""

    takes: dict[str, type[Event]]  # by their type
    emits: frozenset[type[Event]]
    wants_context: bool
    is_async: bool
    database: str = ""  # which connection to the service's it asks for, or ""


class Handler(Generic[E, R]):
    """What `@service.on` makes of a function. Called, it runs the function itself.

    Annotations are read when they are first needed, so that they may name what is defined further
    down.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        owner: Service,
        kinds: tuple[type[Event], ...] = (),
        *,
        frame: types.FrameType | None = None,
        options: HandlerOptions | None = None,
    ) -> None:
        options = options or {}
        unknown = options.keys() - HandlerOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"on() got an unexpected keyword argument {min(unknown)!r}")
        self.function = function
        self.owner = owner
        self.service: str = owner.name
        self.name: str = options.get("name") or getattr(function, "__name__", "")
        self.ordered: bool = options.get("ordered", True)
        self.undeclared: Undeclared = options.get("undeclared", "deny")
        given = cast("dict[str, Any]", options)
        self._policy = Policy(**{name: given[name] for name in _POLICY if name in given})
        self._kinds = kinds
        self._emits = tuple(options.get("emits", ()))
        self._frame = frame
        functools.update_wrapper(self, function, updated=())
        if not self.name.replace(".", "_").replace("-", "_").isidentifier():
            raise DefinitionError(
                f"{self.name!r} cannot name a handler of {owner.name}.",
                'Name it: @service.on(…, name="…"), with letters, digits, "_", "-" and ".".',
            )
        if self.undeclared not in ("deny", "warn"):
            raise DefinitionError(
                f"{place_of(function)}: undeclared={self.undeclared!r} is not known.",
                'Use "deny" or "warn".',
            )

    def __call__(self, event: E) -> Coroutine[Any, Any, R]:
        """Run the function here and now; what it returns is not published."""
        return self._run(event)

    async def _run(self, event: E) -> R:
        if self.reading.database:
            raise UsageError(
                f"{self.name} asks for the database of {self.service}, which it has on a bus.",
                f"Call the function itself with a connection: {self.name}.function(…).",
            )
        args: list[Any] = [event]
        if self.reading.wants_context:
            args.insert(0, EventContext.outside(self.service, self.name))
        if self.reading.is_async:
            return await self.function(*args)
        return await asyncio.to_thread(self.function, *args)

    @cached_property
    def reading(self) -> Reading:
        """What the function takes and gives; DefinitionError where it cannot be a handler."""
        return _read(self.function, self._frame, self._kinds, self._emits)

    @property
    def asks(self) -> str:
        """Which connection it asks for, or ""; so where it cannot be read, which is told later."""
        try:
            return self.reading.database
        except DefinitionError:
            return ""

    @cached_property
    def listener(self) -> Listener:
        """The handler as the participant sees it; DefinitionError for all that can be checked."""
        place = place_of(self.function)
        try:
            for kind in (*self.reading.takes.values(), *self.reading.emits):
                decoder(kind)
            definition = self._policy.definition(
                self.name, self.service, description="", inputs=[], undo=""
            )
        except DefinitionError as error:
            text = error.message if place in error.message else f"{place}: {error.message}"
            raise DefinitionError(text, error.remedy) from error
        return Listener(
            name=self.name,
            types=frozenset(self.reading.takes),
            policy=policy_of(definition),
            ordered=self.ordered,
        )

    def __repr__(self) -> str:
        return f"<handler {self.service}.{self.name}>"


class On(Protocol[E]):
    """What `@service.on(OrderCreated)` returns: a decorator for functions that take such events."""

    @overload
    def __call__(
        self, function: Callable[[EventContext, D, E], Awaitable[R]], /
    ) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[EventContext, D, E], R], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[EventContext, E], Awaitable[R]], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[EventContext, E], R], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[D, E], Awaitable[R]], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[D, E], R], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[E], Awaitable[R]], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[E], R], /) -> Handler[E, R]: ...


class OnAnnotated(Protocol):
    """What `@service.on(retries=…)` returns: the parameter's annotation says which events."""

    @overload
    def __call__(
        self, function: Callable[[EventContext, D, E], Awaitable[R]], /
    ) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[EventContext, D, E], R], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[EventContext, E], Awaitable[R]], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[EventContext, E], R], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[D, E], Awaitable[R]], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[D, E], R], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[E], Awaitable[R]], /) -> Handler[E, R]: ...
    @overload
    def __call__(self, function: Callable[[E], R], /) -> Handler[E, R]: ...


# --- reading a function -------------------------------------------------------------------------


def _read(
    function: Callable[..., Any],
    frame: types.FrameType | None,
    kinds: tuple[type[Event], ...],
    emits: tuple[type[Event], ...],
) -> Reading:
    place = place_of(function)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise DefinitionError(
            f"{place} is a generator, which cannot be a handler.",
            "Return a list of events, or call publish() for each.",
        )
    hints = hints_of(function, frame)
    is_async = inspect.iscoroutinefunction(function)
    event, asked = _event_parameter(function, hints, place, is_async)
    annotated = _members(hints.get(event.name, event.annotation))
    returned = _returned(hints.get("return"), place)
    return Reading(
        takes=_by_type(_taken(kinds, annotated, place), place),
        emits=frozenset(_by_type([*returned, *emits], place).values()),
        wants_context=_CONTEXT in asked,
        database=next((each for each in asked if each != _CONTEXT), ""),
        is_async=is_async,
    )


def _event_parameter(
    function: Callable[..., Any], hints: dict[str, Any], place: str, is_async: bool
) -> tuple[inspect.Parameter, list[str]]:
    """The parameter that takes the event, and what those before it ask for: "" is unknown."""
    needed = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.default is inspect.Parameter.empty
    ]
    asked: list[str] = []
    for each in needed[:-1]:
        hint = hints.get(each.name)
        of_database = database_in(hint, each.name, place, is_async=is_async)
        asked.append(_CONTEXT if hint is EventContext else of_database)
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    behind = asked[1:] if asked[:1] == [_CONTEXT] else asked
    in_order = len(behind) <= 1 and _CONTEXT not in behind and "" not in behind
    if not needed or not in_order or any(each.kind not in by_position for each in needed):
        raise DefinitionError(
            f"{place} takes ({', '.join(map(str, needed))}), which a message cannot fill.",
            "Take the event; before it, if wanted, an EventContext, and then a connection.",
        )
    return needed[-1], asked


def _members(annotation: Any) -> list[Any]:
    """The members of a union, or the one type; none where nothing is said."""
    tp = plain(annotation)
    if tp is Any:
        return []
    if get_origin(tp) in (Union, types.UnionType):
        return [member for each in get_args(tp) for member in _members(each)]
    return [tp]


def _taken(
    kinds: tuple[type[Event], ...], annotated: list[Any], place: str
) -> Sequence[type[Event]]:
    strange = next((each for each in annotated if not _is_event(each)), None)
    if strange is not None:
        raise DefinitionError(
            f"{place} takes {type_name(strange)}, which is no event.",
            "Annotate its parameter with the events that it takes.",
        )
    if not kinds and not annotated:
        raise DefinitionError(
            f"{place} does not say which events it takes.",
            "Annotate its parameter, or name them: @service.on(OrderCreated).",
        )
    for kind in kinds:
        if annotated and not issubclass(kind, tuple(annotated)):
            raise DefinitionError(
                f"{place} is called with {kind.__qualname__}, but is annotated to take "
                f"{' | '.join(map(type_name, annotated))}.",
                "Let the decorator and the annotation name the same events.",
            )
    return kinds or annotated


def _returned(annotation: Any, place: str) -> list[type[Event]]:
    """The events that a return annotation declares."""
    found: list[type[Event]] = []
    for each in _members(annotation):
        if get_origin(each) in _SEVERAL:
            inner = [arg for arg in get_args(each) if arg is not Ellipsis]
            found += [kind for arg in inner for kind in _returned(arg, place)]
        elif _is_event(each):
            found.append(each)
        elif not is_none(each):
            raise DefinitionError(
                f"{place} returns {type_name(each)}, which is no event.",
                "Return events, lists or tuples of events, or None.",
            )
    return found


def _by_type(kinds: Sequence[type[Event]], place: str) -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    for kind in kinds:
        try:
            other = found.setdefault(type_of(kind), kind)
        except DefinitionError as error:
            raise DefinitionError(f"{place}: {error.message}", error.remedy) from error
        if other is not kind:
            raise DefinitionError(
                f"{place}: {other.__qualname__} of {other.__module__} and {kind.__qualname__} of "
                f"{kind.__module__} have the same type {type_of(kind)!r}.",
                "Use one of them.",
            )
    return found


def _is_event(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Event)
