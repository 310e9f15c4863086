"""Scopes of another style, as tasks: dancers played for a conductor, and the other way round."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from pavane.core.model import status as st
from pavane.core.projection.message import execution_of
from pavane.core.projection.reading.hybrid import SERVICE, UNDO_OF, task_of
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from pavane.errors import (
    ConnectionFailedError,
    ContendedError,
    Fail,
    NotFoundError,
    ResultTimeoutError,
    StoreError,
)
from pavane.observer.observer import Observer
from pavane.participant.requests import Requests
from pavane.ports.store import Search
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service

_LOG = logging.getLogger("pavane")

_PATIENCE_S = 2.0  # then what was asked is asked again: it changes nothing the second time


AnyAnswer = TypeVar("AnyAnswer")


class _Patience:
    """For all scopes of one style: what keeps them waiting is told once, not for each of them."""

    def __init__(self) -> None:
        self._told = ""

    async def __call__(self, ask: Callable[[], Awaitable[AnyAnswer]]) -> AnyAnswer:
        """Again and again while a bus or a store is away: that is no fault of a scope."""
        while True:
            try:
                answer = await ask()
            except (ConnectionFailedError, ContendedError, StoreError) as error:
                if error.message != self._told:
                    _LOG.warning("scopes wait: %s", error.message)
                self._told = error.message
            else:
                if self._told:
                    _LOG.warning("scopes go on")
                self._told = ""
                return answer
            await asyncio.sleep(_PATIENCE_S)


def _key(ctx: TaskContext) -> str:
    """The same for the step and for its undo, and for every attempt at either."""
    return f"{ctx.execution_id}:{ctx.step}"


def dancers(requests: Requests, observer: Observer) -> Service:
    """The service that plays choreographed scopes for an orchestrated workflow."""
    service = Service(SERVICE["choreographed"], concurrency=10_000)
    patiently = _Patience()

    def pinned(definition: str) -> str:
        """The one that the step names, also where a later one has its name; "" if unknown here."""
        return definition if requests.version(definition) is not None else ""

    async def play(
        ctx: TaskContext, workflow: str, definition: str, input: dict[str, Any]
    ) -> dict[str, Any]:
        """Start the scope, once, and end with it."""
        body, began = msgspec.json.encode(input), pinned(definition)
        starting = partial(requests.start, workflow, body, key=_key(ctx), definition=began)
        execution = await patiently(starting)
        while not (status := await _ended(observer, execution)):
            await patiently(starting)
        view = observer.execution(execution)
        if status != st.COMPLETED:
            raise Fail(view.reason or status)
        return msgspec.json.decode(view.output)

    async def take_back(ctx: TaskContext, workflow: str, definition: str) -> None:
        """Undo the scope whatever it has come to; one that never began never will."""
        began = pinned(definition)
        execution = execution_of(workflow, _key(ctx))
        while True:
            status = await _ended(observer, execution)
            if status and status != st.COMPLETED:
                return
            if status:
                await patiently(partial(requests.undo, workflow, execution, definition=began))
                await _moved_on(observer, execution, status)
            else:
                why = "the enclosing execution is undone"
                await patiently(partial(requests.stop, workflow, execution, why, definition=began))

    task = task_of("choreographed")
    service.task(name=task, retries=0)(play)
    service.task(name=UNDO_OF + task, retries=10)(take_back)
    return service


def conductor(engine: Engine) -> Service:
    """The service that plays orchestrated scopes for dancers."""
    service = Service(SERVICE["orchestrated"], concurrency=10_000)
    patiently = _Patience()
    reader = Reader(engine.store)

    async def play(
        ctx: TaskContext, workflow: str, definition: str, input: dict[str, Any]
    ) -> dict[str, Any]:
        """Start the scope, once, and end with it."""
        body = msgspec.json.encode(input)
        execution = await patiently(
            partial(engine.start_execution, workflow, body, key=_key(ctx), definition=definition)
        )
        await patiently(partial(_settled, engine, execution))
        summary, output = await patiently(partial(reader.result, execution))
        if summary.status != st.COMPLETED:
            raise Fail(summary.reason or summary.status)
        return msgspec.json.decode(output)

    async def take_back(ctx: TaskContext, workflow: str, definition: str) -> None:
        """Undo the scope whatever it has come to."""
        del definition
        await patiently(partial(undo, workflow, _key(ctx)))

    async def undo(workflow: str, key: str) -> None:
        found = await reader.executions(Search(workflow=workflow, key=key, limit=1))
        if not found:
            return
        execution = found[0].id
        if found[0].status not in st.ENDED:
            await engine.terminate(execution, "the enclosing execution is undone")
            await _settled(engine, execution)
        if (await reader.summary(execution)).status == st.COMPLETED:
            await engine.undo(execution)
        while (await reader.summary(execution)).status not in st.UNSUCCESSFUL:
            await _settled(engine, execution)

    task = task_of("orchestrated")
    service.task(name=task, retries=0)(play)
    service.task(name=UNDO_OF + task, retries=10)(take_back)
    return service


async def _settled(engine: Engine, execution: str) -> None:
    """Until it has ended; one that needs a person is waited for."""
    while True:
        header = await engine.wait(execution)
        if header.status in st.ENDED:
            return
        await asyncio.sleep(_PATIENCE_S)


async def _ended(observer: Observer, execution: str) -> str:
    """How a danced scope has ended; "" if it has not, after a while."""
    try:
        view = await observer.wait(execution, _PATIENCE_S)
    except (ResultTimeoutError, NotFoundError):
        return ""
    if not view.ended_at:  # it waits for a person
        await _moved_on(observer, execution, view.status)
    return view.status if view.ended_at else ""


async def _moved_on(observer: Observer, execution: str, status: str) -> None:
    """Until it has another status, or for a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            while observer.execution(execution).status == status:
                await observer.changed(execution)
