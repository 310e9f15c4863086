"""Taking work from outside this process: what waits now, or what comes while the caller waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from pavane.core.model.work import Assignment
from pavane.engine.places import Place, Places


class Queues(Protocol):
    """Where tasks wait (`Engine.poll`)."""

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]: ...


class Taking:
    """One request for work: `async with`, then `at_once` or `within`, then read `given`.

    Leaving with an exception (the caller hung up, the server broke off) hands back what was given.
    """

    def __init__(
        self, queues: Queues, places: Places, tasks: Sequence[str], worker: str, limit: int
    ) -> None:
        self._queues = queues
        self._places = places
        self.place: Place = places.place(tasks, worker, limit)

    @property
    def given(self) -> list[Assignment]:
        """The tasks that are leased to the caller now."""
        return self.place.given

    async def __aenter__(self) -> Taking:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._places.leave(self.place, unheard=kind is not None)

    async def at_once(self) -> None:
        """Take what has come to the place, and what waits in the queues."""
        place = self.place
        place.close()
        await place.settled()
        if not place.free or (place.given and not place.news):
            return
        room, place.news = place.free, ""
        found = await self._poll(room)
        place.given += found
        place.free -= len(found)
        if found:
            self._places.found(place)
        else:
            self._places.found_all(place)

    async def within(self, wait_s: float) -> None:
        """As `at_once`, waiting for the first task until the time is up or it is dismissed."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        # Each round waits for something to happen here, so there are few; the time bounds them.
        while True:
            await self.at_once()
            if self.given or self.place.dismissed:
                return
            self.place.open()
            if not await self.place.wait(until - loop.time()):
                self.place.close()
                await self.place.settled()
                return

    async def _poll(self, room: int) -> list[Assignment]:
        """Claims are committed whether or not somebody still waits for them here."""
        place = self.place
        polling = asyncio.ensure_future(self._queues.poll(place.tasks, place.worker, room))
        try:
            return await asyncio.shield(polling)
        except asyncio.CancelledError:
            polling.add_done_callback(self._unheard)
            raise

    def _unheard(self, polling: asyncio.Future[list[Assignment]]) -> None:
        if not polling.cancelled() and polling.exception() is None:
            for given in polling.result():
                self._places.hand_back(given)
