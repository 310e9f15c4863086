"""Workers of other processes that exchange with us: each has a lease, which each exchange renews.

Who is silent for longer than the lease is taken for gone: what it held goes back to the queues, and
what it reports later is refused, as somebody else may have it by then. Leases are counted in the
time of this process and kept in memory: after a start everybody gets a whole one. An answer may be
lost on its way, so what a worker does not speak of within a lease goes back as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pavane.core.model.fact import Returned
from pavane.core.model.rows import Ready
from pavane.core.model.work import Assignment
from pavane.engine.places import Place
from pavane.errors import PavaneError

_LOG = logging.getLogger("pavane.engine")

PREFIX: Final = "remote/"
"""Names of workers with a session begin so."""

LEASE_S = 15.0
_LOOKS = 5  # how often in a lease somebody looks who is silent
_LAPSED_MAX = 10_000  # names that are remembered as gone


class Held(NamedTuple):
    """An attempt that a worker has."""

    execution_id: str
    ref: str
    attempt: int


class Session:
    """One worker: when it was last heard, what it holds, what it shall stop."""

    __slots__ = ("heard_at", "held", "places", "unheard", "unwanted", "worker")

    def __init__(self, worker: str, heard_at: float) -> None:
        self.worker = worker
        self.heard_at = heard_at
        self.held: set[Held] = set()
        # Given in an answer that may have been lost: since when, until the worker speaks of it.
        self.unheard: dict[Held, float] = {}
        self.unwanted: set[Held] = set()  # interrupted, and not told yet
        self.places: set[Place] = set()  # where it waits now


class Sessions:
    """All of them, by the worker's name. `give_back` submits a fact to the engine."""

    def __init__(
        self,
        give_back: Callable[[str, Returned], Awaitable[object]],
        lease_s: float = LEASE_S,
    ) -> None:
        self.lease_s = lease_s
        self._give_back = give_back
        self._sessions: dict[str, Session] = {}
        self._lapsed: dict[str, None] = {}
        self._holders: dict[Held, Session] = {}
        self._anybody = asyncio.Event()  # while there is nobody, there is nothing to watch
        # By worker, what other nodes watch who hear it too; None where there are no other nodes.
        self.others: Mapping[str, Collection[Held]] | None = None

    def resume(self, held: Iterable[Ready]) -> None:
        """After a start: these leases were there, and whoever has them may still be at it."""
        for ready in held:
            session = self.heard(ready.worker)[0]
            self._give(session, Held(ready.execution_id, ready.ref, ready.attempt))

    def given(self, session: Session, assignments: Iterable[Assignment]) -> None:
        """The worker has these now."""
        for each in assignments:
            self._give(session, Held(each.execution_id, each.ref, each.attempt))

    def _give(self, session: Session, held: Held) -> None:
        session.held.add(held)
        session.unheard[held] = asyncio.get_running_loop().time()
        self._holders[held] = session

    def all(self) -> list[Session]:
        """Those that are heard now and then."""
        return list(self._sessions.values())

    def holds(self, session: Session, held: Iterable[Held]) -> None:
        """The worker says that it has got these, perhaps from another node."""
        for each in held:
            session.unheard.pop(each, None)
            if self.others is not None and each not in session.held:
                session.held.add(each)
                self._holders[each] = session

    def unwanted(self, session: Session, leased: Collection[Held]) -> None:
        """The worker has these and no others: what else it spoke of, it shall stop."""
        for held in session.held - session.unheard.keys() - set(leased):
            self.done(session, held)
            session.unwanted.add(held)
            for place in session.places:
                place.dismiss()

    def done(self, session: Session, held: Held) -> None:
        """The worker has told what became of it."""
        session.held.discard(held)
        session.unheard.pop(held, None)
        if self._holders.get(held) is session:
            del self._holders[held]

    def heard(self, worker: str) -> tuple[Session, bool]:
        """The session of a worker that gives a sign of life, and whether an earlier one lapsed.

        That is said once.
        """
        now = asyncio.get_running_loop().time()
        session = self._sessions.get(worker)
        if session is None:
            session = self._sessions[worker] = Session(worker, now)
            self._anybody.set()
        session.heard_at = now
        lapsed = worker in self._lapsed
        self._lapsed.pop(worker, None)
        return session, lapsed

    async def over(self, session: Session) -> None:
        """The worker says good-bye: what it still holds goes back at once."""
        await self._lapse(session)
        self._lapsed.pop(session.worker, None)

    async def take_back(self, given: Assignment) -> None:
        """Who held it, of whom no session is kept, is gone: it goes back to its queue."""
        fact = Returned(given.ref, given.attempt, given.worker)
        await self._give_back(given.execution_id, fact)

    def interrupt(self, execution_id: str, ref: str, attempt: int) -> None:
        """Tell whoever has this attempt to stop it, with the answer that it waits for."""
        held = Held(execution_id, ref, attempt)
        session = self._holders.get(held)
        if session is not None:
            session.unwanted.add(held)
            for place in session.places:
                place.dismiss()

    async def run(self) -> None:
        """Watch for silence, for ever; cancel to stop."""
        loop = asyncio.get_running_loop()
        pause_s = self.lease_s / _LOOKS
        looked_at = loop.time()
        while True:
            if not self._sessions:
                self._anybody.clear()
                await self._anybody.wait()
                looked_at = loop.time()
            await asyncio.sleep(pause_s)
            now = loop.time()
            if now - looked_at > 2 * pause_s:  # it was we who heard nothing
                for session in self._sessions.values():
                    session.heard_at = now
                    session.unheard = dict.fromkeys(session.unheard, now)
            looked_at = now
            for session in list(self._sessions.values()):
                others = (self.others or {}).get(session.worker)
                if now - session.heard_at > self.lease_s and not session.places:
                    if others is not None:
                        await self._leave_to(others, session, now)
                        continue
                    if session.held:
                        _LOG.warning(
                            "worker %s is silent for more than %g s: %d task(s) go back",
                            session.worker.removeprefix(PREFIX),
                            self.lease_s,
                            len(session.held),
                        )
                    await self._lapse(session)
                elif session.unheard:
                    old = [h for h, at in session.unheard.items() if now - at > self.lease_s]
                    for held in set(old).intersection(others or ()):
                        self.done(session, held)  # it was spoken of there
                    await self._take_back(session, [h for h in old if h in session.held])

    async def _leave_to(self, others: Collection[Held], session: Session, now: float) -> None:
        """Another node hears it: what it spoke of there is watched there, all else by us still.

        If it lives, it speaks within a lease of what it has got; if it is dead, the others find
        that out as well, and then nobody hears it any more.
        """
        for held in session.held.intersection(others):
            self.done(session, held)
        if now - session.heard_at > 2 * self.lease_s:
            await self._take_back(session, sorted(session.held))
        if not session.held:
            self._sessions.pop(session.worker, None)

    async def _lapse(self, session: Session) -> None:
        await self._take_back(session, sorted(session.held))
        if session.held:
            return  # the store had trouble: the next look tries again
        # Whoever was heard meanwhile has lost what it held all the same.
        self._sessions.pop(session.worker, None)
        self._lapsed[session.worker] = None
        if len(self._lapsed) > _LAPSED_MAX:
            del self._lapsed[next(iter(self._lapsed))]

    async def _take_back(self, session: Session, held: Sequence[Held]) -> None:
        answers = await asyncio.gather(
            *(
                self._give_back(each.execution_id, Returned(each.ref, each.attempt, session.worker))
                for each in held
            ),
            return_exceptions=True,
        )
        for each, answer in zip(held, answers, strict=True):
            if isinstance(answer, PavaneError):
                _LOG.warning("%s %s cannot be taken back yet: %s", each[0], each[1], answer)
            else:
                self.done(session, each)
