"""All that is so at one moment of a conductor's run, small enough to be told from other moments."""

from __future__ import annotations

from typing import Any

from pavane.core.decide.draft import Page
from pavane.core.decide.plan import Plan
from pavane.core.model.fact import Fact
from pavane.core.model.rows import PAGE, Header, Ready, TaskRow
from pavane.testing.simulation.dance.played import Lost
from pavane.testing.simulation.dance.script import Place


class Stored:
    """The rows of one execution. Copied before it is changed."""

    __slots__ = ("header", "path", "plan", "ready", "tasks", "values")

    def __init__(self, plan: Plan, header: Header, path: str) -> None:
        self.plan = plan
        self.header = header
        self.path = path
        self.tasks: dict[str, TaskRow] = {}
        self.values: dict[str, bytes] = {}
        self.ready: dict[str, Ready] = {}

    def copied(self) -> Stored:
        new = Stored(self.plan, self.header, self.path)
        new.tasks, new.values, new.ready = dict(self.tasks), dict(self.values), dict(self.ready)
        return new

    def page(self, after: str) -> Page:
        rows = sorted((r for r in self.ready.values() if r.ref > after), key=lambda r: r.ref)
        return Page(tuple(rows[:PAGE]), rows[PAGE - 1].ref if len(rows) > PAGE else "")

    def key(self) -> Any:
        """What matters of it."""
        h = self.header
        return (
            self.path,
            (h.status, h.cause, h.open, h.undoable, h.parked, h.phase, h.cursor, h.pivot),
            (h.pivot_passed, h.ended_by, h.deadline_at > 0, h.permissive_failure),
            frozenset(
                (
                    *(t.ref, t.attempt, t.status, t.count, t.failed, t.undoable, t.frontier),
                    *(bool(t.polls), t.output, t.visible_at > 0, bool(t.worker)),
                )
                for t in self.tasks.values()
            ),
            frozenset((r.ref, r.attempt, r.mark, r.alarm_at > 0) for r in self.ready.values()),
            frozenset((n, v) for n, v in self.values.items() if n.startswith("var:")),
        )


class State:
    """All executions of a run, and the world outside."""

    __slots__ = (
        "effects",
        "heard",
        "interrupted",
        "loose",
        "lost",
        "pending",
        "stops",
        "stored",
        "undone",
    )

    def __init__(self) -> None:
        self.stored: dict[str, Stored] = {}
        self.effects: dict[Place, bool] = {}  # False: undone, and stays so
        self.loose: frozenset[Place] = frozenset()  # may yet take effect, whatever was decided
        self.interrupted: frozenset[Place] = frozenset()
        self.lost: frozenset[Lost] = frozenset()  # attempts that are yet to be lost
        self.stops = 0
        self.pending: tuple[tuple[str, Fact], ...] = ()  # what executions tell each other
        self.heard: frozenset[Place] = frozenset()  # failed, and said so after their time was up
        self.undone: frozenset[Place] = frozenset()

    def copied(self) -> State:
        new = State()
        new.stored, new.effects = dict(self.stored), dict(self.effects)
        new.loose, new.interrupted, new.lost = self.loose, self.interrupted, self.lost
        new.stops, new.heard, new.undone = self.stops, self.heard, self.undone
        new.pending = self.pending
        return new

    def key(self) -> Any:
        return (
            frozenset(each.key() for each in self.stored.values()),
            frozenset(self.effects.items()),
            self.loose,
            self.interrupted,
            self.lost,
            self.stops,
            tuple((self.stored[id].path, repr(fact)) for id, fact in self.pending),
            self.heard,
            self.undone,
        )

    def take_effect(self, place: Place) -> bool:
        self.effects.setdefault(place, True)
        return self.effects[place]
