"""What changes, as server-sent events: one execution, or all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.executions.asked import Executions
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.state import state
from pavane.doors.rest.stream import EventStream, event
from pavane.engine.waiting import Changes
from pavane.errors import PavaneError, StoreError

PAUSE_S: Final = 0.2
"""What changes within this time is told at once."""
KEPT: Final = 500
"""So many changed executions are kept for a reader who is slow; then it is told to look again."""


class Changed(msgspec.Struct, frozen=True, rename="camel"):
    """Which executions have changed. `look_again`: they are too many to name, or a beginning."""

    ids: list[str] = []
    look_again: bool = False


async def of_all(request: Request) -> Response:
    """The changes of the list, from now on; the first event says to look at it."""
    here = state(request)
    return EventStream(_all(here.executions), here.stopping)


async def of_one(request: Request) -> Response:
    """An execution's line in the list whenever it has changed, and once at the beginning."""
    here, execution_id = state(request), request.path_params["execution_id"]
    await here.executions.summary(execution_id)
    return EventStream(_one(here.executions, execution_id), here.stopping)


async def messages(request: Request) -> Response:
    """Which messages an execution took."""
    found = await state(request).executions.messages(request.path_params["execution_id"])
    return json_response({"messages": found})


async def definition(request: Request) -> Response:
    """The definition that an execution follows."""
    body = await state(request).executions.definition_of(request.path_params["execution_id"])
    return Response(body, media_type="application/json")


async def _all(executions: Executions) -> AsyncIterator[bytes]:
    changes, count = Changes(KEPT), 1
    with executions.follow(changes):
        yield event("changed", "0", Changed(look_again=True))
        while True:
            ids = sorted(await changes.get())
            yield event("changed", str(count), Changed(ids, not ids))
            count += 1
            await asyncio.sleep(PAUSE_S)


async def _one(executions: Executions, execution_id: str) -> AsyncIterator[bytes]:
    changes, told = _Only(execution_id), 0
    with executions.follow(changes):
        while True:
            try:
                summary = await executions.summary(execution_id)
            except StoreError:
                await asyncio.sleep(PAUSE_S)  # what cannot be read now can be later
                continue
            except PavaneError:
                return  # it is gone
            told += 1
            yield event("execution", str(told), summary)
            await changes.get()
            await asyncio.sleep(PAUSE_S)


class _Only(Changes):
    """Changes of one execution."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(1)
        self._execution_id = execution_id

    def add(self, execution_id: str) -> None:
        """As `Changes.add`, if it is the one."""
        if execution_id == self._execution_id:
            super().add(execution_id)
