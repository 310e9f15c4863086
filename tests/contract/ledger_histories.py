"""Random histories of a ledger: operations that a seed decides, run on any ledger."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from pavane.ports.ledger import ALL, AsideKind, Entry, Ledger, RowKey, Todo
from pavane.testing.contracts.ledger.harness import aside, outgoing

GROUPS = ("step", "scope", "value", "other")
NAMES = ("a", "b", "é", "z_10", "z_9")
KINDS: tuple[AsideKind, ...] = ("parked", "quarantined", "dead")
_MANY = 12  # executions; each step compares them all


class Operation(NamedTuple):
    """One thing to do to a ledger; `entries` are what a commit would write."""

    name: str
    run: Callable[[Ledger], Awaitable[Any]]
    entries: list[Entry] = []  # noqa: RUF012  # never changed where it was not given


class History:
    """Draws operations. It knows what the ledger should hold, so that most of them fit."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.revisions: Counter[str] = Counter()
        self.messages = 0
        self.asides = 0
        self.now = 1000

    @property
    def executions(self) -> list[str]:
        return ["", *(f"x{n}" for n in range(_MANY))]

    @property
    def ids(self) -> list[str]:
        """The message ids that may be in the inbox, the newest ones."""
        return [f"m{n}" for n in range(max(self.messages - 40, 0), self.messages + 2)]

    def draw(self) -> Operation:
        """The next operation."""
        self.now += self.random.randrange(5)
        names = [name for name in dir(self) if name.startswith("do_")]
        weights = [{"do_commit": 10, "do_closed": 3}.get(name, 1) for name in names]
        return getattr(self, self.random.choices(names, weights)[0])()

    def do_commit(self) -> Operation:
        planned = self.revisions.copy()
        entries = [self._entry(planned) for _ in range(self.random.choice((0, 1, 2, 3, 8)))]
        return Operation("commit", lambda ledger: ledger.commit(entries), entries)

    def do_load(self) -> Operation:
        wanted = {
            id: {self._key() for _ in range(4)} | {RowKey(self.random.choice(GROUPS), ALL)}
            for id in self.random.choice((["nobody"], self.random.sample(self.executions, 4)))
        }
        return Operation("load", lambda ledger: ledger.load(wanted))

    def do_seen(self) -> Operation:
        ids = [self.random.choice(self.ids) for _ in range(self.random.choice((1, 3)))]
        return Operation("seen", lambda ledger: ledger.seen(ids))

    def do_log(self) -> Operation:
        position, limit = self.random.randrange(200), self.random.randrange(9)
        return Operation("log", lambda ledger: ledger.log_after(position, limit))

    def do_due(self) -> Operation:
        now, limit = self._time(), self.random.randrange(8)
        return Operation("due", lambda ledger: ledger.due(now, limit))

    def do_work(self) -> Operation:
        after = (self.random.choice(self.executions), self.random.choice(NAMES))
        limit = self.random.randrange(8)
        return Operation("work", lambda ledger: ledger.work(after, limit))

    def do_aside(self) -> Operation:
        kind, limit = self.random.choice((None, *KINDS)), self.random.randrange(5)
        return Operation("aside", lambda ledger: ledger.aside(kind, limit))

    def do_offset(self) -> Operation:
        name, position = self.random.choice(NAMES), self.random.choice((0, self.now))

        async def keep(ledger: Ledger) -> int:
            before = await ledger.offset(name)
            await ledger.keep_offset(name, position)
            return before

        return Operation("offset", keep)

    def do_prune(self) -> Operation:
        inbox, closed = (self.random.choice((0, self.now - 60)) for _ in range(2))
        return Operation("prune", lambda ledger: ledger.prune(inbox, closed))

    def do_closed(self) -> Operation:
        before, limit = self.now + 1, self.random.randrange(1, 4)
        return Operation("closed", lambda ledger: ledger.closed(before, (-1, ""), limit))

    # --- entries --------------------------------------------------------------------------------

    def _entry(self, planned: Counter[str]) -> Entry:
        pick, chance = self.random, self.random.random
        execution = pick.choice(self.executions)
        revision = planned[execution] + pick.choices((0, 1, -1), (30, 1, 1))[0]
        planned[execution] += bool(execution)
        taken = [f"s{pick.randrange(self.asides + 1)}" for _ in range(pick.choice((0, 0, 0, 1, 2)))]
        return Entry(
            execution,
            max(revision, 0),
            message=self._message(),
            others=[id for _ in range(chance() < 0.1) if (id := self._message())],
            rows={self._key(): self._body() for _ in range(pick.randrange(4))},
            done=[pick.choice(NAMES) for _ in range(pick.randrange(2))],
            todos=[self._todo(execution) for _ in range(pick.randrange(3))],
            records=[outgoing(f"{self.now}-{n}") for n in range(pick.randrange(3))],
            aside=[self._aside() for _ in range(chance() < 0.3)],
            taken=taken,
            closed=pick.choices((True, False, None), (5, 2, 3))[0] if execution else False,
            at=self.now,
        )

    def _message(self) -> str:
        draw = self.random.random()
        if draw < 0.3:
            return ""
        if draw < 0.35:
            return f"m{self.random.randrange(self.messages + 1)}"
        self.messages += 1
        return f"m{self.messages}"

    def _aside(self) -> Any:
        self.asides += self.random.random() < 0.8
        kind, execution = self.random.choice(KINDS), self.random.choice(("x1", "far", "far"))
        at, until = self._time(), self._time()
        return aside(f"s{self.asides}", kind, at, until=until, execution=execution)

    def _todo(self, execution: str) -> Todo:
        other = self.random.choice(self.executions)
        owner = execution if self.random.random() < 0.9 else other
        queue = self.random.choice(("", "", "q"))
        return Todo(owner, self.random.choice(NAMES), self._time(), queue, self._body())

    def _key(self) -> RowKey:
        return RowKey(self.random.choice(GROUPS), self.random.choice(NAMES))

    def _body(self) -> bytes:
        return self.random.choice((b"", str(self.now).encode() * self.random.choice((1, 1, 2000))))

    def _time(self) -> int:
        return self.now + self.random.randrange(-20, 20)
