"""Members that are gone: what they held goes back to the queues, whoever else dies over it.

When a node's own lease runs out, what the workers inside it had goes back. When a node's word for a
worker runs out, what the worker has goes back if no other node hears it; else what nobody watches
is noted, and goes back if that is still so two leases later: an answer was lost with the node.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from pavane.core.model.fact import Returned
from pavane.core.model.rows import Ready
from pavane.engine.sessions import PREFIX, Held
from pavane.ports.members import Members
from pavane.ports.store import Store

_LOG = logging.getLogger("pavane.engine")

HEARD_BY: Final = " heard by "
"""In the name of a member: a worker, and the node that hears it."""

_Orphan = tuple[Held, str]  # a lease that nobody watches, and the worker that has it

_decode = msgspec.json.Decoder(list[Held]).decode


class Burials:
    """Seen to by one node at a time. `give_back` submits a fact to the engine."""

    def __init__(
        self,
        store: Store,
        members: Members,
        give_back: Callable[[str, Returned], Awaitable[object]],
        lease_s: float,
    ) -> None:
        self._store = store
        self._members = members
        self._give_back = give_back
        self._lease_s = lease_s  # of workers
        self._orphans: dict[_Orphan, float] = {}  # since when
        self._awaited: dict[str, set[_Orphan]] = {}  # by who has lapsed and is not buried yet

    async def look(self) -> None:
        """Give back what those held whose lease has run out, unless somebody else watches it.

        Nobody is buried before that is done: whoever has this duty next begins with them again.
        """
        lapsed = await self._members.lapsed()
        alive = await self._members.alive() if lapsed or self._orphans else {}
        watched = watched_by(alive)
        await self._see_to_orphans(watched)
        self._awaited = {name: self._awaited[name] for name in lapsed if name in self._awaited}
        buried: list[str] = []
        for name in lapsed:
            if name not in self._awaited:
                worker, _, node = name.partition(HEARD_BY)
                if not node:
                    _LOG.warning("node %s is gone: what it held goes to others", name)
                    left = await self._store.leases(f"{name}/")
                    # What it gave to workers, and had no time to say that it watches.
                    unwatched = await self._store.leases(PREFIX)
                else:
                    found = [r for r in await self._store.leases(worker) if r.worker == worker]
                    left, unwatched = ([], found) if worker in watched else (found, [])
                if not await self._return(left):
                    continue
                self._awaited[name] = self._note_orphans(unwatched, watched)
            self._awaited[name] &= self._orphans.keys()
            if not self._awaited[name]:
                buried.append(name)
        if buried:
            await self._members.bury(buried)

    def _note_orphans(
        self, left: Iterable[Ready], watched: Mapping[str, Collection[Held]]
    ) -> set[_Orphan]:
        """Those that nobody says to watch."""
        now = asyncio.get_running_loop().time()
        found = {(Held(r.execution_id, r.ref, r.attempt), r.worker) for r in left}
        found = {(held, worker) for held, worker in found if held not in watched.get(worker, ())}
        self._orphans |= dict.fromkeys(found - self._orphans.keys(), now)
        return found

    async def _see_to_orphans(self, watched: Mapping[str, Collection[Held]]) -> None:
        """Leases of a worker that perhaps goes on elsewhere, where nobody says to watch them.

        The next beats may still say so: an answer was perhaps lost with the node that gave it.
        """
        now = asyncio.get_running_loop().time()
        for (held, worker), since in list(self._orphans.items()):
            if held not in watched.get(worker, ()):
                if now - since <= 2 * self._lease_s:
                    continue
                await self._give_back(held.execution_id, Returned(held.ref, held.attempt, worker))
            del self._orphans[held, worker]

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


def watched_by(alive: Mapping[str, bytes], *, besides: str = "") -> dict[str, set[Held]]:
    """By worker, what nodes watch, without the one that is `besides`."""
    found: dict[str, set[Held]] = {}
    for name, said in alive.items():
        worker, _, node = name.partition(HEARD_BY)
        if node and node != besides:
            found.setdefault(worker, set()).update(_decode(said))
    return found
