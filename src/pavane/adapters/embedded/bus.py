"""The embedded bus: each process appends to its own log, and reads everybody's.

No broker and no relay: an event is on the bus when the transaction that made it is committed. A
group is active in one process at a time and the others stand by. Events of a key come in the order
of the log they are in; between two logs there is no order.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import time
import uuid
from collections.abc import Collection, Coroutine, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final

from pavane.adapters.embedded.counters import EmbeddedCounters
from pavane.adapters.embedded.doorbell import Doorbell
from pavane.adapters.embedded.folder import SUFFIX, Folder
from pavane.adapters.embedded.group import Group
from pavane.adapters.embedded.lagging import lag_in
from pavane.adapters.embedded.logs import Logs
from pavane.adapters.embedded.offsets import Offsets
from pavane.adapters.embedded.published import published_in
from pavane.adapters.embedded.reading_up import read_up
from pavane.adapters.embedded.retention import prune_log
from pavane.adapters.embedded.subscription import EmbeddedSubscription
from pavane.adapters.memory.bus import size
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.core.model.event import Outgoing
from pavane.errors import ConnectionFailedError, PavaneError, StoreBusyError, StoreError
from pavane.participant.handlers.commits import Commits
from pavane.ports.bus import PASSING, Published
from pavane.ports.ledger import Entry, Ledger

_LOG = logging.getLogger("pavane.bus")

_LOOK_S: Final = (0.05, 1.0)  # without a bell: the pause after news, and the longest
_LOOKS_IDLE: Final = 5
_ANYBODY: Final = ""  # rung when a group has become free


class EmbeddedBus:
    """One process's connection to the bus in a folder. It is made when it is not there.

    What is published goes to a log `NAME-1.db` in the folder, or the next that no other process
    has; the log of a ledger that was adopted is read as it is. A group whose process has given no
    sign of life for `lease_s` becomes active in another one. No log is kept for a group that no
    process has had for `forget_s`; 0: as long as its file is there.
    """

    features: frozenset[str] = frozenset({"ordered", "kept", "passing", "log"})

    def __init__(
        self,
        folder: str | PathLike[str],
        name: str = "_client",
        *,
        lease_s: float = 5.0,
        forget_s: float = 90 * 86_400.0,
    ) -> None:
        self.counters = EmbeddedCounters()
        self.folder = Folder(Path(folder))
        self.name = name
        self._lease_s = lease_s
        self._forget_ms = int(forget_s * 1000)
        self._open = False
        self._own: SqliteLedger | None = None
        self._commits: Commits | None = None
        self._opening = asyncio.Lock()
        self._ledgers: dict[str, SqliteLedger] = {}  # adopted ones, by group
        self._groups: dict[str, Group] = {}
        self._members: list[EmbeddedSubscription] = []
        self._unwritten: dict[str, tuple[dict[str, int], int]] = {}  # and for how many looks
        self._logs = Logs(self.folder, self.counters)
        self._bell = self._new_bell()
        self._ringing: dict[str, SqliteLedger] = {}  # by log
        self._tasks: set[asyncio.Task[Any]] = set()

    def _new_bell(self) -> Doorbell:
        name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        folder = self.folder
        return Doorbell(folder.bells, folder.topics, name, self.counters, self._heard)

    # --- life -----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin to serve."""
        if self._open:
            return
        try:
            self.folder.make()
        except OSError as error:
            raise ConnectionFailedError(
                f"The folder {self.folder.path} cannot be used ({error.strerror}).",
                "Give another --bus embedded:FOLDER.",
            ) from error
        self._bell.open()
        self._open = True
        await self._look()
        self._begin(self._keep_looking())

    async def close(self) -> None:
        """Stop serving; the members leave their groups."""
        if not self._open:
            return
        self._ring()
        self._open = False
        await self._stop_tasks()
        for member in list(self._members):
            with contextlib.suppress(ConnectionFailedError):  # the rest must go on
                await member.close()
        self._bell.close()
        self._bell = self._new_bell()
        if self._own is not None:
            await self._own.close()
        self._own = self._commits = None
        self._logs.close()
        self._ledgers.clear()
        self._unwritten.clear()

    async def _stop_tasks(self) -> None:
        self._cancel_tasks()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def crash(self) -> EmbeddedBus:
        """The process is dead; what a new one would open. For tests."""
        if self._open:
            self._open = False
            self._cancel_tasks()
            self._bell.close(tidy=False)
            for member in self._members:
                member.leave()
            for group in self._groups.values():
                group.crash()
            if self._own is not None:
                self._own.crash()
            self._logs.close()
        return EmbeddedBus(
            self.folder.path,
            self.name,
            lease_s=self._lease_s,
            forget_s=self._forget_ms / 1000,
        )

    # --- publishing -----------------------------------------------------------------------------

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Hand events over, in this order: they are durable in this process's own log."""
        self._check_open()
        self.counters.publishes += 1
        self.counters.published += len(events)
        self.counters.published_bytes += sum(size(out.event) for out in events)
        try:
            own, commits = await self._own_log()
            await commits.commit(Entry(records=list(events), at=time.time_ns() // 1_000_000))
        except StoreError as error:
            raise ConnectionFailedError(error.message, error.remedy) from error
        self.news(own)

    async def _own_log(self) -> tuple[SqliteLedger, Commits]:
        async with self._opening:
            if self._own is None or self._commits is None:
                for n in itertools.count(1):
                    own = SqliteLedger(self.folder.log(f"{self.name}-{n}"))
                    try:
                        await own.open()
                    except StoreBusyError:
                        continue
                    self._own, self._commits = own, Commits(own)
                    break
            assert self._own is not None
            assert self._commits is not None
            return self._own, self._commits

    def adopt(self, ledger: Ledger, group: str) -> bool:
        """Read a ledger's log where it is, and keep its group's offsets in it."""
        if not isinstance(ledger, SqliteLedger) or ledger.path.suffix != SUFFIX:
            return False
        if ledger.path.parent != self.folder.path:
            return False
        self._ledgers[group] = ledger
        return True

    def news(self, ledger: Ledger) -> None:
        """A log in the folder has grown: look at it, and tell the others, once for many."""
        if isinstance(ledger, SqliteLedger) and self._open:
            if not self._ringing:
                asyncio.get_running_loop().call_soon(self._ring)
            self._ringing[ledger.path.name.removesuffix(SUFFIX)] = ledger

    def _ring(self) -> None:
        ringing, self._ringing = self._ringing, {}
        if not self._open:
            return
        heard: set[str] = set()
        for name, ledger in ringing.items():
            topics = ledger.appended()
            self._bell.ring(name, topics)
            if self._bell.wants(topics):
                heard.add(name)
        if heard:
            self._heard(heard)

    # --- reading --------------------------------------------------------------------------------

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> EmbeddedSubscription:
        """Join a group that gets the events of these topics, from their first on."""
        self._check_open()
        joined = self._groups.get(group)
        if joined is None:
            joined = self._groups[group] = Group(group, self._offsets(group))
        names = list(dict.fromkeys(topics))
        member = EmbeddedSubscription(joined, names, capacity, self.counters, self._left)
        self._members.append(member)
        self._bell.want(names)
        try:
            await joined.cover(self._logs.tails)
        except StoreError as error:
            with contextlib.suppress(ConnectionFailedError):
                await member.close()
            raise ConnectionFailedError(error.message, error.remedy) from error
        return member

    async def read_up(self, group: str) -> None:
        """Wait until a group of this process has done all that is in the logs now."""
        self._check_open()
        await read_up(group, self._groups.get(group), self._logs.tails, self._look_quietly)

    async def published(self) -> list[Published]:
        """Which events stand in the logs now; read in a thread, as the logs may be long."""
        self._check_open()
        return await asyncio.to_thread(published_in, self.folder)

    async def undone_since(self, group: str) -> int:
        """When the oldest event was written that a group of this process has not done (ms)."""
        self._check_open()
        joined = self._groups.get(group)
        found = joined.undone_since() if joined is not None else None
        return 1 if found is None else found  # unknown: as if nothing had ever been done

    async def lag(
        self, groups: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, dict[str, int]]:
        """How many events wait for each group; read in a thread. Of all groups in the folder

        where some are asked for.
        """
        self._check_open()
        own = {name: group.places() for name, group in self._groups.items()}
        found = await asyncio.to_thread(lag_in, self.folder, own)
        return (
            found if groups is not None else {n: v for n, v in found.items() if n in self._groups}
        )

    async def prune(self, ledger: Ledger | None, before: int) -> int:
        """Forget records that every known group has done."""
        self._check_open()
        for group in list(self._groups.values()):
            await group.note_all()  # so that others need not keep what is nothing to them
        logs = [each for each in (ledger, self._own) if each is not None]
        gone = 0
        for log in logs:
            if isinstance(log, SqliteLedger) and log.path.parent == self.folder.path:
                gone += await prune_log(self.folder, log, before, unseen_ms=self._forget_ms)
        return gone

    def _offsets(self, group: str) -> Offsets:
        if group.startswith(PASSING):
            return Offsets(group, None, self.counters, own=False)
        if (ledger := self._ledgers.get(group)) is not None:
            return Offsets(group, ledger, self.counters, own=False)
        path = self.folder.group(group)
        own = SqliteLedger(path, commit_thread=False, flushing="NORMAL", lease_s=self._lease_s)
        return Offsets(group, own, self.counters, own=True)

    async def _left(self, member: EmbeddedSubscription) -> None:
        self._members.remove(member)
        group = member.group
        if not group.members:
            if self._groups.get(group.name) is group:
                del self._groups[group.name]
            await group.leave()
            self._bell.ring(_ANYBODY)

    # --- looking --------------------------------------------------------------------------------

    def _heard(self, names: set[str] | None) -> None:
        """Somebody says that these logs have grown; None when some of it was missed."""
        if names is None or not self._logs.knows(names):
            self._begin(self._look_quietly())
            return
        if self._logs.refresh(names):
            self._wake()

    def _wake(self) -> None:
        for group in self._groups.values():
            group.wake()

    async def _keep_looking(self) -> None:
        """Look at everything now and then: a ring may have been lost, or nobody can be rung."""
        shortest_s, longest_s = _LOOK_S
        pause_s = shortest_s
        while True:
            await asyncio.sleep(longest_s if self._bell.works else pause_s)
            self.counters.polls += 1
            found = await self._look_quietly()
            await self._write_down()
            pause_s = shortest_s if found else min(pause_s * 2, longest_s)

    async def _write_down(self) -> None:
        """Offsets of a service go with its transactions; where none comes, they are written alone,

        so that whoever looks at the files from outside sees how far it has come.
        """
        for group, ledger in list(self._ledgers.items()):
            now = ledger.unwritten()
            before, since = self._unwritten.get(group, ({}, 0))
            self._unwritten[group] = (now, since + 1 if now and now == before else 0)
            if self._unwritten[group][1] >= _LOOKS_IDLE:
                with contextlib.suppress(PavaneError):  # it has trouble, and says so elsewhere
                    await ledger.flush()

    async def _look_quietly(self) -> bool:
        try:
            return await self._look()
        except (PavaneError, OSError) as error:
            _LOG.warning("the folder %s cannot be read: %s", self.folder.path, error)
            return False

    async def _look(self) -> bool:
        """Notice new logs and what is in all; take over groups that are free."""
        grown = self._logs.look()
        for group in list(self._groups.values()):
            await group.cover(self._logs.tails)
        if grown:
            self._wake()
        return grown

    def _check_open(self) -> None:
        if not self._open:
            raise ConnectionFailedError("The embedded bus is not open.", "Call open() first.")
