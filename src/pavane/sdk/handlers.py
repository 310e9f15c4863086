"""The handlers of a service behind the participant's port: they are called, and never raise."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, cast

from pavane.errors import DefinitionError, InputError, PavaneError
from pavane.ports.handlers import Facts, Handled, Listener
from pavane.ports.results import Transaction
from pavane.sdk.attempt import final_in, guarded, words_of
from pavane.sdk.effects import Effects
from pavane.sdk.event import Event, read_event, topic_of, type_of
from pavane.sdk.handler import Handler
from pavane.sdk.handling import EventContext, Handling, enter, leave
from pavane.sdk.parameters import place_of
from pavane.sdk.service import Service
from pavane.sdk.threads import DaemonThreads

_LOG = logging.getLogger("pavane.handler")

_LEAVE_S = 5.0  # a cancelled function that is not gone by then is left behind

Ended = tuple[Any, BaseException | None]


class ServiceHandlers:
    """The handlers of one service; keeps the promises of `ports.handlers`.

    DefinitionError lists all that is wrong with them. Those that ask for the service's database
    can be called only where there are `effects`.
    """

    def __init__(self, service: Service, effects: Effects | None = None) -> None:
        self.service = service.name
        self._effects = effects
        self._handlers: dict[str, Handler[Any, Any]] = {}
        self._listening: dict[str, list[Listener]] = {}
        self._threads = DaemonThreads(service.threads, f"{service.name}-on")
        kinds: dict[str, type[Event]] = {}
        findings: list[str] = []
        for handler in service.handlers:
            try:
                self._add(handler, kinds)
            except DefinitionError as error:
                findings.append(str(error))
        if findings:
            raise DefinitionError(
                "\n".join(
                    [f"{len(findings)} finding(s) in the handlers of {service.name}:", *findings]
                ),
                findings=findings,
            )
        self.topics: Sequence[str] = tuple(
            sorted({topic_of(kinds[type]) for type in self._listening})
        )

    def _add(self, handler: Handler[Any, Any], kinds: dict[str, type[Event]]) -> None:
        place, listener = place_of(handler.function), handler.listener
        for kind in (*handler.reading.takes.values(), *handler.reading.emits):
            other = kinds.setdefault(type_of(kind), kind)
            if other is not kind:
                raise DefinitionError(
                    f"{place}: {kind.__qualname__} of {kind.__module__} and {other.__qualname__} "
                    f"of {other.__module__} have the same type {type_of(kind)!r}.",
                    f"Use one of them in {self.service}.",
                )
        first = self._handlers.setdefault(handler.name, handler)
        if first is not handler:
            raise DefinitionError(
                f"{place} has the name of {place_of(first.function)}: {handler.name!r}.",
                'Name one of them otherwise: @service.on(…, name="…").',
            )
        for type in listener.types:
            self._listening.setdefault(type, []).append(listener)

    @property
    def types(self) -> Collection[str]:
        return self._listening.keys()

    def listening(self, type: str) -> Sequence[Listener]:
        return self._listening.get(type, ())

    def find(self, name: str) -> Listener | None:
        handler = self._handlers.get(name)
        return handler.listener if handler is not None else None

    async def call(self, listener: Listener, facts: Facts) -> Handled:
        handler = self._handlers[listener.name]
        kind = handler.reading.takes.get(facts.event.type)
        if kind is None:  # it was kept for a handler that has changed since
            reason = f"{handler.name} does not take {facts.event.type} any more."
            return Handled("quarantined", reason=reason)
        try:
            event = read_event(kind, facts.event)
        except InputError as error:
            return Handled("quarantined", reason=str(error))
        limit_s = listener.policy.timeout_ms / 1000 or None
        if not handler.reading.database:
            return await self._handled(handler, event, facts, limit_s, None)
        if self._effects is None:
            reason = f"{handler.name} asks for the database of {self.service}, which has none here."
            return Handled("final", reason=reason)
        return await self._effects.once(
            facts.idempotency_key,
            handler.reading.database,
            lambda transaction: self._handled(handler, event, facts, limit_s, transaction),
        )

    async def _handled(
        self,
        handler: Handler[Any, Any],
        event: Event,
        facts: Facts,
        limit_s: float | None,
        transaction: Transaction | None,
    ) -> Handled:
        handling = Handling(handler.name, handler.reading.emits, handler.undeclared, facts)
        token = enter(handling)
        try:
            value, error = await self._run(handler, event, handling, limit_s, transaction)
            if error is None:
                error = _take_returned(handling, value)
        finally:
            leave(token)
            emitted = handling.close()
        if handling.refusal:
            return Handled("final", reason=handling.refusal)
        if error is not None:
            return _failed(handler, facts, error)
        return Handled("done", emitted, " ".join(handling.notes))

    async def _run(
        self,
        handler: Handler[Any, Any],
        event: Event,
        handling: Handling,
        limit_s: float | None,
        transaction: Transaction | None,
    ) -> Ended:
        """Call the function; what it gives or raises. CancelledError only from outside."""
        args: list[Any] = [event]
        if transaction is not None:
            args.insert(0, transaction.connection)
        if handler.reading.wants_context:
            args.insert(0, EventContext(self.service, handler.name, handling.facts, handling))
        loop = asyncio.get_running_loop()
        work: asyncio.Future[Ended]
        if handler.reading.is_async:
            work = loop.create_task(_awaited(handler.function, args))
        else:
            call = functools.partial(guarded, handler.function, args, {})
            in_context = functools.partial(contextvars.copy_context().run, call)
            work = loop.run_in_executor(self._threads, in_context)
        try:
            done, _ = await asyncio.wait({work}, timeout=limit_s)
        except asyncio.CancelledError:
            await _dismiss(work, handler, transaction)
            raise
        if not done:
            await _dismiss(work, handler, transaction)
            return None, TimeoutError(f"no end after {limit_s:g} s")
        value, error = work.result()
        if isinstance(error, KeyboardInterrupt):  # of a thread; a coroutine's goes its own way
            raise error
        return value, error


async def _awaited(function: Callable[..., Awaitable[Any]], args: list[Any]) -> Ended:
    """The result or the error: an error would end the loop if it is one that ends programs."""
    try:
        return await function(*args), None
    except (GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # whatever a function raises is its outcome
        return None, error


async def _dismiss(
    work: asyncio.Future[Ended], handler: Handler[Any, Any], transaction: Transaction | None
) -> None:
    """Ask a function to end, and wait a little until it has; a thread only ends by itself."""
    try:
        if handler.reading.is_async:
            work.cancel()
            _, left = await asyncio.wait({work}, timeout=_LEAVE_S)
            if left:
                _LOG.warning("%r ignores that it was cancelled and is left behind", handler)
    finally:
        if transaction is not None and not work.done():
            transaction.leave_behind(work)  # it still has the connection


def _take_returned(handling: Handling, value: object) -> BaseException | None:
    """Emit what the function returned; the refusal, if it cannot be emitted."""
    several = isinstance(value, (list, tuple))
    returned = cast("Sequence[object]", value) if several else (value,)
    try:
        for event in returned:
            if event is not None:
                handling.emit(event)
    except PavaneError as error:
        return error
    return None


def _failed(handler: Handler[Any, Any], facts: Facts, error: BaseException) -> Handled:
    final = final_in(error)
    if final is not None:
        return Handled("final", reason=str(final))
    if isinstance(error, asyncio.CancelledError):
        return Handled("failed", reason="the handler cancelled itself")
    place = (handler, facts.event.type, facts.event.id, facts.attempt)
    _LOG.info("%r: %s %s, attempt %d failed", *place, exc_info=error)
    return Handled("failed", reason=words_of(error))
