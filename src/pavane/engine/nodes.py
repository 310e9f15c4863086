"""One node among others on a store: who is alive, who does what one alone may do, who is gone.

Any node decides any step: the rows are fenced, so there is no leader for that. A node beats for
itself and for the workers that it hears. What rings alarms and starts schedules are duties, which
one node has at a time; so is seeing to those who are gone: what they held goes back to the queues.
A worker may be heard by several nodes; each watches what it was told of, and says so in its beats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Final

import msgspec

from pavane.core.model.fact import Returned
from pavane.core.model.rows import Ready
from pavane.engine.others import Others
from pavane.engine.sessions import Held, Sessions
from pavane.errors import PavaneError
from pavane.ports.store import Store

_LOG = logging.getLogger("pavane.engine")

NODE_LEASE_S: Final = 5.0
"""Who has not beaten for so long is taken for gone. Longer than an event loop is ever kept busy."""

TIMERS: Final = "timers"
SCHEDULES: Final = "schedules"
BURIALS: Final = "burials"
DUTIES: Final = (TIMERS, SCHEDULES, BURIALS)
"""What one node alone does at a time."""

_BEATS = 5  # in a lease
_PAUSE_S = 0.02  # at least between two of them
_HEARD_BY = " heard by "

_decode = msgspec.json.Decoder(list[Held]).decode


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
        self._give_back = give_back
        self._sessions = sessions
        self._refresh = refresh
        self._others = others
        self._hurry = asyncio.Event()
        self._lease_s = lease_s
        self._held_until: dict[str, float] = {}  # duties, by the clock of our event loop
        self._mark = 0
        self._said_at: dict[str, float] = {}  # when we beat last for a worker
        self._orphans: dict[tuple[Held, str], float] = {}  # leases that nobody watches: since when

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
        """At the end, with nothing in its hands any more. Its workers are for others to watch."""
        if self._members is None:
            return
        try:
            await self._members.let_go(self._name)
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
                if self.does(BURIALS):
                    await self._bury()
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
                watched = sorted(session.held)
                beats[f"{session.worker}{_HEARD_BY}{self._name}"] = msgspec.json.encode(watched)
                self._said_at[session.worker] = now
        if beats:
            await self._members.beat(beats, int(lease_s * 1000))

    # --- what others say ------------------------------------------------------------------------

    async def _hear(self) -> dict[str, bytes]:
        """What other nodes know of our workers; what they have put. Gives what these nodes say."""
        assert self._members is not None
        alive = await self._members.alive()
        self._sessions.others = _watched(alive, besides=self._name)
        gone = self._said_at.keys() - {session.worker for session in self._sessions.all()}
        for worker in gone:
            del self._said_at[worker]
        if gone:
            await self._members.leave([f"{worker}{_HEARD_BY}{self._name}" for worker in gone])
        mark = await self._members.mark()
        if mark != self._mark:
            self._mark = mark
            await self._refresh()
        alive.pop(self._name, None)
        return {name: said for name, said in alive.items() if _HEARD_BY not in name}

    # --- those who are gone ---------------------------------------------------------------------

    async def _bury(self) -> None:
        """Give back what those held whose lease has run out, unless somebody else watches it."""
        assert self._members is not None
        lapsed = await self._members.lapsed()
        alive = await self._members.alive() if lapsed or self._orphans else {}
        buried: list[str] = []
        for name in lapsed:
            worker, _, node = name.partition(_HEARD_BY)
            if not node:
                _LOG.warning("node %s is gone: what it held goes to others", name)
                left = await self._store.leases(f"{name}/")
                done = await self._return(left)
            else:
                left = [each for each in await self._store.leases(worker) if each.worker == worker]
                watched = _watched(alive, besides="").get(worker)
                if watched is None:
                    done = await self._return(left)
                else:  # it is not buried before each of them is watched, or has gone back
                    done = not self._note_orphans(left, watched)
            if done:
                buried.append(name)
        if self._orphans:
            await self._see_to_orphans(alive)
        if buried:
            await self._members.bury(buried)

    def _note_orphans(self, left: Iterable[Ready], watched: Collection[Held]) -> bool:
        """Whether there are any."""
        now = asyncio.get_running_loop().time()
        found = {(Held(r.execution_id, r.ref, r.attempt), r.worker) for r in left}
        unwatched = {each for each in found if each[0] not in watched}
        self._orphans |= dict.fromkeys(unwatched - self._orphans.keys(), now)
        return bool(unwatched)

    async def _see_to_orphans(self, alive: Mapping[str, bytes]) -> None:
        """Leases of a worker that goes on elsewhere, where nobody says to watch them.

        The next beats may still say so: an answer was perhaps lost with the node that gave it.
        """
        now = asyncio.get_running_loop().time()
        watched = _watched(alive, besides="")
        for (held, worker), since in list(self._orphans.items()):
            if held in watched.get(worker, ()):
                del self._orphans[held, worker]
            elif now - since > 2 * self._sessions.lease_s:
                del self._orphans[held, worker]
                await self._give_back(held.execution_id, Returned(held.ref, held.attempt, worker))

    async def _return(self, left: Iterable[Ready]) -> bool:
        """Whether all of it went back."""
        answers = await asyncio.gather(
            *(
                self._give_back(each.execution_id, Returned(each.ref, each.attempt, each.worker))
                for each in left
            ),
            return_exceptions=True,
        )
        errors = [each for each in answers if isinstance(each, BaseException)]
        for error in errors:
            _LOG.warning("what is left behind cannot be taken back yet: %s", error)
        return not errors


def _watched(alive: Mapping[str, bytes], *, besides: str) -> dict[str, set[Held]]:
    """By worker, what nodes other than this one watch."""
    found: dict[str, set[Held]] = {}
    for name, said in alive.items():
        worker, _, node = name.partition(_HEARD_BY)
        if node and node != besides:
            found.setdefault(worker, set()).update(_decode(said))
    return found
