"""What other nodes on the store have done, found by looking: nobody tells of it."""

from __future__ import annotations

from typing import Final

from pavane.core.model.lanes import task_of
from pavane.engine.sessions import Held, Sessions
from pavane.engine.shared_places import SharedPlaces
from pavane.ports.dispatcher import Dispatcher
from pavane.ports.store import Store

LOOK_S: Final = 1.0


class Others:
    """Looks at the store now and then."""

    def __init__(
        self, store: Store, crews: Dispatcher, sessions: Sessions, places: SharedPlaces
    ) -> None:
        self._store = store
        self._crews = crews
        self._sessions = sessions
        self._places = places

    async def look(self) -> None:
        """Wake who waits for what was put into queues; tell workers what is not theirs any more."""
        async with self._store.snapshot() as snapshot:
            queues = await snapshot.queues()
        self._places.stand(queues)
        await self._places.look_again()
        for task in {task_of(queue) for queue in queues}:
            self._crews.wake(task)
        for session in self._sessions.all():
            if session.held:
                leases = await self._store.leases(session.worker)
                held = [Held(each.execution_id, each.ref, each.attempt) for each in leases]
                self._sessions.unwanted(session, held)
