"""What other nodes on the store have done: they tell of it, and it is looked for as well.

A node says with its beats what its workers can do and whether somebody follows executions, and is
told nothing else; where there is no other node, nobody tells anything. What is told may be lost: a
look now and then finds it too, only later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from pavane.core.model.lanes import task_of
from pavane.engine import act
from pavane.engine.crews import LOCAL
from pavane.engine.ends import Ends
from pavane.engine.sessions import Held, Sessions
from pavane.engine.shared_places import SharedPlaces
from pavane.engine.waiting import ENDS, NOTHING, Waiting
from pavane.engine.work_set import WorkSet
from pavane.ports.clock import Clock
from pavane.ports.dispatcher import Dispatcher
from pavane.ports.members import MISSED, PUT
from pavane.ports.store import Store

# What a word begins with.
_INTEREST: Final = "i"  # somebody wants to be told something else
_WAITS: Final = "q"  # in this queue
_CHANGED: Final = "c"  # this execution
_ENDED: Final = "e"  # this execution
_FREED: Final = "p"  # a place of this queue
_FREED_SOMEWHERE: Final = "w"  # a place of this workflow

_WORKED_S: Final = 300.0  # who has not asked for a task for so long does not do it any more
_TASKS_MOST: Final = 1000  # that are named; who does more is told of all
_ALL: Final = "*"


class Interest(msgspec.Struct, omit_defaults=True):
    """What a node wants to be told: what waits for these tasks, and how much of executions."""

    tasks: list[str] = []
    follows: int = NOTHING


_decode = msgspec.json.Decoder(Interest).decode


class Others:
    """Tells, and hears; and looks at the store now and then."""

    def __init__(
        self,
        store: Store,
        name: str,
        clock: Clock,
        crews: Dispatcher,
        sessions: Sessions,
        places: SharedPlaces,
        waiting: Waiting,
        ends: Ends,
    ) -> None:
        self._store = store
        self._name = name
        self._members = store.members
        self._clock = clock
        self._crews = crews
        self._sessions = sessions
        self._places = places
        self._waiting = waiting
        self._ends = ends
        self._asked: dict[str, float] = {}  # by task: when a worker of ours asked for it last
        self._said = b""
        self._is_heard = False
        self._follows = NOTHING  # what others want to know of executions
        self._workers: dict[str, list[str]] = {}  # by task: at which other nodes it is done
        self._is_alone = False  # so far as is known
        self._hurry: Callable[[], None] | None = None
        waiting.on_interest = self._changed

    async def hear(self, hurry: Callable[[], None]) -> None:
        """Begin to hear; `hurry` is called when a beat and a look are to come before their time."""
        assert self._members is not None
        if await self._members.hear(self._heard):
            self._hurry = hurry

    # --- who wants to know what -----------------------------------------------------------------

    def interest(self) -> bytes:
        """What to say with the next beat; b"" where nothing can be heard."""
        if self._hurry is None:
            return b""
        since = asyncio.get_running_loop().time() - _WORKED_S
        self._asked = {task: at for task, at in self._asked.items() if at > since}
        tasks = sorted(self._asked) if len(self._asked) <= _TASKS_MOST else [_ALL]
        return msgspec.json.encode(Interest(tasks, self._waiting.follows()))

    def has_said(self, interest: bytes) -> None:
        """The beat has been made; others are to look what it says, where that is new."""
        is_news, self._said = interest != self._said, interest
        if is_news and not self._is_alone and self._members is not None:
            self._members.tell([_INTEREST])

    def share(self, task: str) -> tuple[int, int]:
        """Which share of what waits for a task is this node's, of how many nodes that do it."""
        names = self._workers.get(task)
        if not names:
            return 0, 1
        return sum(name < self._name for name in names), len(names) + 1

    def say(self, said: Mapping[str, bytes]) -> None:
        """What the other nodes that are alive say, by name."""
        self._is_alone = not said
        found = {name: _decode(each) for name, each in said.items() if each}
        self._follows = max((each.follows for each in found.values()), default=NOTHING)
        self._is_heard = bool(found)
        self._workers = {}
        for name, each in found.items():
            for task in each.tasks:
                self._workers.setdefault(task, []).append(name)

    def asks(self, tasks: Sequence[str], worker: str) -> None:
        """A worker asks for tasks; one inside this process does them as long as that lives."""
        if self._members is None:
            return
        now = asyncio.get_running_loop().time()
        fresh = not self._asked.keys() >= set(tasks)
        self._asked.update(dict.fromkeys(tasks, float("inf") if worker.startswith(LOCAL) else now))
        if fresh:
            self._changed()

    def _changed(self) -> None:
        if self._hurry is not None:
            self._hurry()

    # --- telling and hearing --------------------------------------------------------------------

    def committed(self, won: Iterable[WorkSet]) -> None:
        """These changes are durable: tell whoever wants to know."""
        queues, workflows = self._places.committed()
        if not self._is_heard or self._members is None:
            return
        words: dict[str, None] = dict.fromkeys(_FREED_SOMEWHERE + each for each in workflows)
        words |= dict.fromkeys(_FREED + each for each in queues)
        follows, now = self._follows, self._clock.now()
        for work in won:
            assert work.rows is not None
            if follows and work.finished and act.is_over(work.rows.header):
                words[_ENDED + work.id] = None
            elif follows > ENDS:
                words[_CHANGED + work.id] = None
            for ready in work.ready.values():
                if ready is None or not ready.queue or ready.worker or ready.mark:
                    continue
                if ready.visible_at <= now and self._is_wanted(task_of(ready.queue)):
                    words[_WAITS + ready.queue] = None
        if words:
            self._members.tell(words)

    def _is_wanted(self, task: str) -> bool:
        return task in self._workers or _ALL in self._workers

    def _heard(self, words: Sequence[str]) -> None:
        for word in words:
            kind, what = word[:1], word[1:]
            if kind == MISSED:
                self._waiting.everything()
            if kind in (MISSED, PUT, _INTEREST):
                self._changed()
            elif kind == _WAITS:
                self._places.stand([what])
                self._crews.wake(task_of(what))
            elif kind == _FREED:
                self._places.doubt(what)
            elif kind == _FREED_SOMEWHERE:
                self._places.doubt_all_of(what)
            elif kind in (_CHANGED, _ENDED):  # words of a newer version are none of ours
                self._waiting.changed(what)
                if kind == _ENDED:
                    self._ends.told(what)

    # --- looking --------------------------------------------------------------------------------

    async def look(self, alive: Mapping[str, bytes]) -> None:
        """Wake who waits for what was put into queues; tell workers what is not theirs any more."""
        self.say(alive)
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
