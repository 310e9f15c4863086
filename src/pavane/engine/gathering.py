"""What many ask for at the same time is asked for together: one round trip for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


class Gathered(Generic[Key, Found]):
    """One question at a time; who comes while it is under way is in the next one.

    So an answer is never older than the call that gets it. `ask` gives an answer for each key.
    """

    def __init__(self, ask: Callable[[Collection[Key]], Awaitable[Mapping[Key, Found]]]) -> None:
        self._ask = ask
        self._wanted: dict[Key, list[asyncio.Future[Found]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Found:
        """The answer for this key; an error of the question is raised to all who are in it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Found] = loop.create_future()  # who gives up does not stop others
        self._wanted.setdefault(key, []).append(future)
        if self._asking is None:
            self._asking = loop.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                await self._answer(wanted)
        finally:
            self._asking = None

    async def _answer(self, wanted: Mapping[Key, list[asyncio.Future[Found]]]) -> None:
        try:
            found = await self._ask(wanted.keys())
        except BaseException as error:
            for future in (each for futures in wanted.values() for each in futures):
                if not isinstance(error, Exception):
                    future.cancel()
                elif not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for key, futures in wanted.items():
                for future in futures:
                    if not future.done():
                        future.set_result(found[key])
