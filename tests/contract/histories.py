"""Random histories of a store: operations that a seed decides, run on any store."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from pavane.core.model.rows import Header, Key, Ready, TaskRow, Value
from pavane.core.model.status import EXECUTION_CHANGES
from pavane.ports.store import Bound, Change, Search, Store, StoredWorkflow, Unit

REFS = ("a", "b", "ab", "undo:a", "é", "z_10", "z_9")
QUEUES = ("", "q", "p")
WORKERS = ("", "", "n1/a", "n2/b")
MARKS = ("", "", "", "held", "frontier")
STATUSES = sorted(filter(None, EXECUTION_CHANGES))
_MANY = 30  # executions; from here on few are added, because each step compares them all


class Operation(NamedTuple):
    """One thing to do to a store; `units` are what a commit would write."""

    name: str
    run: Callable[[Store], Awaitable[Any]]
    units: Sequence[Unit] = ()


class History:
    """Draws operations. It knows what the store should hold, so that most of them fit."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.headers: dict[str, Header] = {}
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.now = 1000
        self._earliest = 500  # what ended before that may be forgotten
        self.made = 0

    def draw(self) -> Operation:
        """The next operation."""
        self.now += self.random.randrange(5)
        names = [name for name in dir(self) if name.startswith("do_")]
        weights = [12 if name == "do_commit" else 1 for name in names]
        return getattr(self, self.random.choices(names, weights)[0])()

    def do_commit(self) -> Operation:
        units = [
            Unit([self._change() for _ in range(self.random.choice((1, 1, 1, 2)))], self._bounds())
            for _ in range(self.random.choice((0, 1, 2, 5)))
        ]
        return Operation("commit", lambda store: store.commit(units), units)

    def do_load(self) -> Operation:
        kinds = [("task", ref) for ref in REFS] + [("open", ref) for ref in ("", *REFS)]
        keys: list[Key] = [*kinds, ("value", "input"), ("value", "var:x")]
        ids = self._ids(4) if self.random.random() < 0.8 else ["nobody"]
        wanted = {id: set(self.random.sample(keys, 5)) for id in ids}
        return Operation("load", lambda store: store.load(wanted))

    def do_find_keys(self) -> Operation:
        used = [(each.workflow, each.key) for each in self.headers.values() if each.key]
        keys = [(self._workflow(), self._key()) for _ in range(4)]
        if used and self.random.random() < 0.5:
            keys[0] = self.random.choice(used)
        return Operation("find_keys", lambda store: store.find_keys(keys))

    def do_ready(self) -> Operation:
        queue, now, limit = self.random.choice(QUEUES), self._time(), self.random.randrange(6)
        return Operation("ready", lambda store: store.ready(queue, now, limit))

    def do_due(self) -> Operation:
        now, limit = self._time(), self.random.randrange(8)
        return Operation("due", lambda store: store.due(now, limit))

    def do_leases(self) -> Operation:
        prefix = self.random.choice(("n1", "n2/", "", "x"))
        return Operation("leases", lambda store: store.leases(prefix))

    def do_held(self) -> Operation:
        queues = self.random.sample(("q", "p", "x", "y"), self.random.randrange(1, 3))
        return Operation("held", lambda store: store.held(queues))

    def do_search(self) -> Operation:
        wanted = Search(
            workflow=self.random.choice(("", "w1")),
            statuses=tuple(self.random.sample(STATUSES, self.random.randrange(3))),
            key=self._key() if self.random.random() < 0.2 else "",
            parent_id=self.random.choice((None, None, "", *self._ids(1))),
            before=self.random.choice(("", *self._ids(1))),
            limit=self.random.randrange(1, 20),
        )

        async def search(store: Store) -> Any:
            async with store.snapshot() as view:
                return await view.search(wanted)

        return Operation("search", search)

    def do_over(self) -> Operation:
        before, after, limit = 1 << 47, self._ids(1)[0], self.random.randrange(1, 9)
        after = self.random.choice(("", after))
        return Operation("over", lambda store: store.past.over(before, after, limit))

    def do_forget(self) -> Operation:
        ids, limit = self._ids(4), self.random.choice((1, 5, 1000))

        async def forget(store: Store) -> Any:
            gone = await store.past.forget(ids, self._earliest, wipe=True)
            while await store.past.sweep(limit):
                pass
            for id in gone:
                self.headers.pop(id, None)
            return gone

        return Operation("forget", forget)

    def do_definitions(self) -> Operation:
        n = self.random.randrange(3)
        body = str(self.now).encode()

        async def define(store: Store) -> Any:
            await store.put_definition(f"h{n}", body, self.now)
            await store.put_workflow(StoredWorkflow("w", n, f"h{n}", self.now))
            await store.put_task_definitions({f"t{n}": body})
            return [await store.definition(f"h{m}") for m in range(4)]

        return Operation("definitions", define)

    # --- changes --------------------------------------------------------------------------------

    def _change(self) -> Change:
        if not self.headers or self.random.random() < (0.3 if len(self.headers) < _MANY else 0.02):
            header = self._new_header()
        else:
            header = self._next_header()
        id = header.id
        refs = self.random.sample(REFS, 3)
        return Change(
            header,
            new_tasks=[self._task(id, ref, new=True) for ref in refs[:1]],
            tasks=[self._task(id, ref, new=False) for ref in refs[1:] if self.attempts[id, ref]],
            values=[Value(id, self.random.choice(("input", "var:x")), str(self.now).encode())],
            ready=[self._ready(id, ref) for ref in refs[:2]],
            closed=self.random.sample(REFS, 2),
            entries=self.random.choice((b"", b'["fact"]')),
            at=self.now,
        )

    def _bounds(self) -> list[Bound]:
        found: list[Bound] = []
        if self.random.random() < 0.4:
            most, count = self.random.randrange(2, 16), self.random.randrange(1, 3)
            found.append(Bound(self.random.choice(("q", "p")), most, count))
        if self.random.random() < 0.2:
            most, count = self.random.choice((3, 250)), self.random.randrange(1, 4)
            found.append(Bound(self.random.choice(("q", "t")), most, count, 9, self._time()))
        return found

    def _new_header(self) -> Header:
        self.made += 1
        taken = self.headers and self.random.random() < 0.1
        id = self._ids(1)[0] if taken else f"{self.made:05}"
        return self._noted(
            Header(
                id,
                self._workflow(),
                1,
                "hash",
                revision=1,
                key=self._key() if self.random.random() < 0.3 else "",
                parent_id=self.random.choice(("", *self._ids(1))),
                created_at=self.now,
            )
        )

    def _next_header(self) -> Header:
        old = self.headers[self._ids(1)[0]]
        step = self.random.choices((1, 0, 2), (20, 1, 1))[0]
        successor = old.successor
        if not successor and old.revision + step > 1 and self.random.random() < 0.3:
            self.made += 1  # nobody follows two, nor one that has yet to begin
            successor = f"{self.made:05}"
        return self._noted(replace(old, revision=old.revision + step, successor=successor))

    def _noted(self, header: Header) -> Header:
        header = replace(
            header,
            status=self.random.choice((*STATUSES[:2], "RUNNING", "RUNNING", header.status)),
            ended_at=self.random.choice((0, self._earliest - 1, self._earliest)),
            alarm_at=self.random.choice((header.alarm_at, header.alarm_at, 0, self._time())),
            updated_at=self.now,
            seq=header.seq + 1,
            pivot_passed=self.random.random() < 0.5,
        )
        self.headers.setdefault(header.id, header)
        return header

    def settle(self, operation: Operation, lost: set[int]) -> None:
        """Learn what the store took, so that later changes follow it."""
        for index, unit in enumerate(operation.units):
            if index not in lost:
                for change in unit.changes:
                    self.headers[change.header.id] = change.header

    def _task(self, id: str, ref: str, *, new: bool) -> TaskRow:
        self.attempts[id, ref] += new
        attempt = self.attempts[id, ref] - 1
        if not new:
            attempt = self.random.choice((attempt, attempt, 0))
        return TaskRow(
            id,
            ref,
            attempt,
            "SIMPLE",
            f"do_{ref}",
            self.random.choice(("SCHEDULED", "IN_PROGRESS", "COMPLETED")),
            self.now,
            input=str(self.now).encode() * self.random.choice((1, 1, 3000)),
            output=self.random.choice((b"", b"{}")),
            polls=self.random.randrange(3),
            undoable=self.random.random() < 0.5,
            frontier=self.random.random() < 0.2,
            branch=b'{"width":1}' if self.now % 2 else b"",
        )

    def _ready(self, id: str, ref: str) -> Ready:
        return Ready(
            id,
            ref,
            self.attempts[id, ref],
            self.random.choice(QUEUES),
            visible_at=self._time(),
            alarm_at=self.random.choice((0, self._time())),
            worker=self.random.choice(WORKERS),
            mark=self.random.choice(MARKS),
            priority=self.random.choice((0, 0, 0, 1, 50, 99)),
        )

    def _ids(self, count: int) -> list[str]:
        known = list(self.headers) or ["nobody"]
        recent = known[-12:] if self.random.random() < 0.7 else known
        return [self.random.choice(recent) for _ in range(count)]

    def _workflow(self) -> str:
        return self.random.choice(("w1", "w1", "w2"))

    def _key(self) -> str:
        return f"key-{self.random.randrange(30)}"

    def _time(self) -> int:
        return self.now + self.random.randrange(-20, 20)
