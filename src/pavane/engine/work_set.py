"""One execution in one batch: its rows as loaded, with everything decided so far on top."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, cast

import msgspec

from pavane.core.decide import timeouts
from pavane.core.decide.decider import Decision
from pavane.core.decide.draft import Page, Rows
from pavane.core.decide.plan import Plan
from pavane.core.decide.tasks import take
from pavane.core.model.command import (
    Close,
    Command,
    Enter,
    Hold,
    Interrupt,
    Lease,
    Mark,
    Offer,
    Wait,
)
from pavane.core.model.rows import OWN, PAGE, PLACE, Header, Key, Ready, TaskRow, Value
from pavane.ports.store import Change, LoadedRows

_encode = msgspec.json.Encoder().encode


def _offered(header: Header, c: Offer, now: int) -> Ready:
    alarm_at = c.alarm_at
    if c.queue and c.visible_at > now:
        # Ring when it may be taken: somebody in this process may be free then.
        alarm_at = min(alarm_at or c.visible_at, c.visible_at)
    return Ready(
        header.id,
        c.ref,
        c.attempt,
        c.queue,
        c.visible_at,
        alarm_at,
        priority=header.priority,
    )


def _leased(header: Header, c: Lease, now: int) -> Ready:
    return Ready(header.id, c.ref, c.attempt, c.queue, 0, c.alarm_at, c.worker)


def _waiting(header: Header, c: Wait, now: int) -> Ready:
    return Ready(header.id, c.ref, c.attempt, c.queue, alarm_at=c.alarm_at)


def _marked(header: Header, c: Mark, now: int) -> Ready:
    return Ready(header.id, c.ref, c.attempt, alarm_at=c.alarm_at, mark=c.mark)


def _entering(header: Header, c: Enter, now: int) -> Ready:
    return Ready(header.id, OWN, 0, c.queue, c.since, priority=header.priority)


def _holding(header: Header, c: Hold, now: int) -> Ready:
    return Ready(header.id, OWN, 0, c.queue, worker=PLACE)


_READY: dict[type[Command], Callable[[Header, Any, int], Ready]] = {
    Enter: _entering,
    Hold: _holding,
    Lease: _leased,
    Mark: _marked,
    Offer: _offered,
    Wait: _waiting,
}
OWN_COMMANDS = frozenset({Close, Interrupt, *_READY}) - {Enter}
"""Those that are about the execution's own Ready rows and workers: `WorkSet.note` takes them."""


class Taken(NamedTuple):
    """A place of a queue with a limit that an attempt has got, and when (epoch ms)."""

    queue: str
    at: int


class WorkSet:
    """Folds the facts of one execution, one after the other, into one change."""

    __slots__ = (
        "_stored_pages",
        "before",
        "changed",
        "dirty",
        "entries",
        "finished",
        "id",
        "interrupts",
        "new",
        "places",
        "plan",
        "ready",
        "remembered",
        "reserved",
        "rows",
        "stale",
        "values",
    )

    def __init__(self, execution_id: str, header: Header | None, plan: Plan | None) -> None:
        self.id = execution_id
        self.plan = plan
        self.rows = Rows(header=header) if header else None
        self.before: int = header.revision if header else 0
        self.new: dict[tuple[str, int], TaskRow] = {}
        self.changed: dict[tuple[str, int], TaskRow] = {}
        self.values: dict[str, bytes] = {}
        self.ready: dict[str, Ready | None] = {}  # None: goes
        self.entries: list[object] = []
        self.interrupts: list[Interrupt] = []
        self.finished = False
        self.remembered = False  # the rows are what this node wrote last; others may have since
        self.stale = False  # others have: nothing decided on these rows may be said or written
        self.dirty = False  # something was decided, be it that only the header changed
        self.places: list[Taken] = []  # those within limits that were taken
        # Places taken for attempts: of which task, at which worker.
        self.reserved: dict[tuple[str, int], tuple[str, str]] = {}
        self._stored_pages: dict[str, tuple[Ready, ...]] = {}

    def take(self, loaded: LoadedRows) -> None:
        """Rows from the store; what was decided meanwhile stands above them.

        Where another node has written since the first of them were loaded, they are of two states.
        """
        if self.before and (loaded.header is None or loaded.header.revision != self.before):
            self.stale = True
        if self.rows is None:
            if loaded.header is None:
                return
            self.rows = Rows(header=loaded.header)
            self.before = loaded.header.revision
        for ref, row in loaded.tasks.items():
            self.rows.tasks.setdefault(ref, row)
        for name, body in loaded.values.items():
            self.rows.values.setdefault(name, body)
        self._stored_pages.update(loaded.pages)

    def lacks(self, keys: Collection[Key]) -> set[Key]:
        """Those of the keys that must still be loaded; pages at hand are put together here."""
        assert self.rows is not None
        if not self.before:  # a new execution has nothing in the store
            for kind, name in keys:
                self._absent(kind, name)
            return set()
        missing: set[Key] = set()
        for kind, name in keys:
            if kind == "open":
                if name in self._stored_pages:
                    self.rows.pages[name] = self._page(name, self._stored_pages[name])
                else:
                    missing.add((kind, name))
            elif name not in (self.rows.tasks if kind == "task" else self.rows.values):
                missing.add((kind, name))
        return missing

    def apply(self, decision: Decision) -> None:
        """What was decided is what the next fact finds."""
        assert self.rows is not None
        self.rows.header = decision.header
        self.dirty = True
        for row in decision.new_tasks:
            self.new[row.ref, row.attempt] = row
            self.rows.tasks[row.ref] = row
        for row in decision.tasks:
            self._put_task(row)
        self.values.update(decision.values)
        self.rows.values.update(decision.values)
        self.entries.extend(decision.entries)
        self.rows.pages = {}

    def hand_over(self, ref: str, worker: str, now: int) -> None:
        """A worker of this process takes an attempt as it is offered."""
        assert self.rows is not None and self.plan is not None
        row = self.rows.tasks[ref]
        assert row is not None
        policy = timeouts.policy_for(self.plan, row)
        row, lease, entry = take(policy, row, worker, now)
        self._put_task(row)
        self.entries.append(entry)
        self.note(lease, now)

    def _put_task(self, row: TaskRow) -> None:
        assert self.rows is not None
        key = (row.ref, row.attempt)
        (self.new if key in self.new else self.changed)[key] = row
        newest = self.rows.tasks.get(row.ref)
        if newest is None or newest.attempt <= row.attempt:  # a retry stands above what failed
            self.rows.tasks[row.ref] = row

    def note(self, command: Command, now: int) -> None:
        """Commands that are about this execution's own Ready rows and workers."""
        kind = type(command)
        if kind is Close:
            self.ready[cast("Close", command).ref] = None
        elif kind is Interrupt:
            self.interrupts.append(cast("Interrupt", command))
        else:
            assert self.rows is not None
            ready = _READY[kind](self.rows.header, command, now)
            self.ready[ready.ref] = ready

    def change(self, now: int) -> Change:
        """The writes of this execution. What cannot be encoded raises here, before BEGIN."""
        assert self.rows is not None
        header = self.rows.header
        header.revision = self.before + 1
        return Change(
            header=header,
            new_tasks=list(self.new.values()),
            tasks=list(self.changed.values()),
            values=[Value(self.id, name, body) for name, body in self.values.items()],
            ready=[ready for ready in self.ready.values() if ready is not None],
            closed=[
                ref
                for ref, ready in self.ready.items()
                # A step that began in this batch has no row there yet.
                if ready is None and (ref, 0) not in self.new
            ],
            entries=_encode(self.entries) if self.entries else b"",
            at=now,
        )

    def _absent(self, kind: str, name: str) -> None:
        assert self.rows is not None
        if kind == "task":
            self.rows.tasks.setdefault(name, None)
        elif kind == "value":
            self.rows.values.setdefault(name, None)
        else:
            self.rows.pages[name] = self._page(name, ())

    def _page(self, after: str, stored: tuple[Ready, ...]) -> Page:
        """A page of the store with what this batch has put or closed."""
        following = stored[-1].ref if len(stored) >= PAGE else ""
        found = {ready.ref: ready for ready in stored}
        for ref, ready in self.ready.items():
            if ready is None:
                found.pop(ref, None)
            elif ref > after and (not following or ref <= following):
                found[ref] = ready
        return Page(tuple(found[ref] for ref in sorted(found)), following)
