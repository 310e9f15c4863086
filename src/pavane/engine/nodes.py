"""One node among others on a store: who is alive, who does what one alone may do, who is gone.

Any node decides any step: the rows are fenced, so there is no leader for that. A node beats for
itself and for the workers that it hears. What rings alarms and starts schedules are duties, which
one node has at a time; so is seeing to those who are gone (burials.py).
A worker may be heard by several nodes; each watches what it was told of, and says so in its beats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from pavane.core.model.fact import Returned
from pavane.engine.burials import HEARD_BY, Burials, watched_by
from pavane.engine.others import Others
from pavane.engine.sessions import Session, Sessions
from pavane.errors import PavaneError
from pavane.ports.store import Store

_LOG = logging.getLogger("pavane.engine")

NODE_LEASE_S: Final = 5.0
"""Who has not beaten for so long is taken for gone. Longer than an event loop is ever kept busy."""

TIMERS: Final = "timers"
SCHEDULES: Final = "schedules"
BURIALS: Final = "burials"
FORGETTING: Final = "forgetting"
DUTIES: Final = (TIMERS, SCHEDULES, BURIALS, FORGETTING)
"""What one node alone does at a time."""

_BEATS = 5  # in a lease
_PAUSE_S = 0.02  # at least between two of them


class Node:
    """This process as a member. On a store for one process it is alone, and has all duties.

    `give_back` submits a fact to the engine; `refresh` is awaited when others have changed what is
    kept in memory.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        give_back: Callable[[str, Returned], Awaitable[object]],
        sessions: Sessions,
        refresh: Callable[[], Awaitable[None]],
        others: Others,
        lease_s: float = NODE_LEASE_S,
    ) -> None:
        self._store = store
        self._members = store.members
        self._name = name
        self._burials: Burials | None = None
        if store.members is not None:
            self._burials = Burials(store, store.members, give_back, sessions.lease_s)
        self._sessions = sessions
        self._refresh = refresh
        self._others = others
        self._hurry = asyncio.Event()
        self._lease_s = lease_s
        self._held_until: dict[str, float] = {}  # duties, by the clock of our event loop
        self._mark = 0
        self._said_at: dict[str, float] = {}  # when we beat last for a worker

    @property
    def is_alone(self) -> bool:
        """Whether no other process can use the store."""
        return self._members is None

    def does(self, duty: str) -> bool:
        """Whether this node has a duty, with some time to spare."""
        if self._members is None:
            return True
        return asyncio.get_running_loop().time() < self._held_until.get(duty, 0.0)

    async def join(self) -> None:
        """Before anything else: from here on others see to what this node leaves behind."""
        if self._members is not None:
            self._mark = await self._members.mark()
            await self._others.hear(self._hurry.set)
            await self._beat()

    async def leave(self) -> None:
        """At the end. Its workers are for others to watch, and what it could not give back."""
        if self._members is None:
            return
        try:
            await self._say_what_workers_have()
            await self._members.let_go(self._name)
            if not await self._store.leases(f"{self._name}/"):
                await self._members.leave([self._name])
        except PavaneError as error:
            _LOG.warning("left without a word: %s", error)

    async def run(self) -> None:
        """Beat, for ever, and at once when something is to be said or seen; cancel to stop."""
        if self._members is None:
            return
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lease_s / _BEATS):
                    await self._hurry.wait()
            self._hurry.clear()
            try:
                await self._beat()
                alive = await self._hear()
                if self.does(BURIALS) and self._burials is not None:
                    await self._burials.look()
                await self._others.look(alive)
                await asyncio.sleep(_PAUSE_S)
            except PavaneError as error:
                _LOG.warning("node %s: %s", self._name, error)

    # --- signs of life --------------------------------------------------------------------------

    async def _beat(self) -> None:
        assert self._members is not None
        loop = asyncio.get_running_loop()
        now, lease_ms = loop.time(), int(self._lease_s * 1000)
        said = self._others.interest()
        fresh = await self._members.beat({self._name: said}, lease_ms)
        if self._name in fresh and self._held_until:
            _LOG.warning("node %s was taken for gone: what it held went to others", self._name)
        self._others.has_said(said)
        before = loop.time()
        # Less than the store grants: it began to count a little earlier, or its clock is quick.
        held = await self._members.hold(DUTIES, self._name, lease_ms)
        self._held_until = dict.fromkeys(held, before + 0.8 * self._lease_s)
        await self._beat_for_workers(now)

    async def _beat_for_workers(self, now: float) -> None:
        """For those heard since the last time, now and then in their lease."""
        assert self._members is not None
        lease_s = self._sessions.lease_s
        beats: dict[str, bytes] = {}
        for session in self._sessions.all():
            said_at = self._said_at.get(session.worker, 0.0)
            fresh = not said_at or now - said_at >= lease_s / _BEATS
            if fresh and session.heard_at > said_at - lease_s / _BEATS:
                beats |= self._word(session)
                self._said_at[session.worker] = now
        if beats:
            await self._members.beat(beats, int(lease_s * 1000))

    async def _say_what_workers_have(self) -> None:
        assert self._members is not None
        beats: dict[str, bytes] = {}
        for session in self._sessions.all():
            if session.held:
                beats |= self._word(session)
        if beats:
            await self._members.beat(beats, int(self._sessions.lease_s * 1000))

    def _word(self, session: Session) -> dict[str, bytes]:
        said = msgspec.json.encode(sorted(session.held))
        return {f"{session.worker}{HEARD_BY}{self._name}": said}

    # --- what others say ------------------------------------------------------------------------

    async def _hear(self) -> dict[str, bytes]:
        """What other nodes know of our workers; what they have put. Gives what these nodes say."""
        assert self._members is not None
        alive = await self._members.alive()
        self._sessions.others = watched_by(alive, besides=self._name)
        gone = self._said_at.keys() - {session.worker for session in self._sessions.all()}
        for worker in gone:
            del self._said_at[worker]
        if gone:
            await self._members.leave([f"{worker}{HEARD_BY}{self._name}" for worker in gone])
        mark = await self._members.mark()
        if mark != self._mark:
            self._mark = mark
            await self._refresh()
        alive.pop(self._name, None)
        return {name: said for name, said in alive.items() if HEARD_BY not in name}
