"""The world outside the product, shared by all processes: append-only files, read by the judge.

A service writes down every attempt, and asks for its effects under the idempotency key, as of a
real supplier: who honours the first request of a key, and none for a key that was called back.
"""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from pavane import TaskContext
from tests.acceptance.campaign.world import (
    ATTEMPTED,
    EFFECT_DONE,
    Attempt,
    Effect,
    PointHit,
    Record,
    World,
)


def number(name: str) -> int:
    """A whole number from the environment of a part."""
    return int(os.environ.get(f"COMPANY_{name}", "0"))


class KillAt:
    """A probe that ends the process at a point, without warning; armed from outside.

    `arm` in the folder, under the process's life, says where and at which passing.
    """

    def __init__(self, folder: Path, life: int) -> None:
        self._folder = folder
        self._life = life
        self._point = ""
        self._left = 0
        self._hits = Record(folder / "points.txt")

    def arm(self) -> None:
        """Read what is wanted: called at a signal."""
        point, passing = (self._folder / f"arm-{self._life}").read_text().split()
        self._point, self._left = point, int(passing)

    def at(self, point: str) -> None:
        """The process is here."""
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                self._hits.append(PointHit(self._life, point))
                os.kill(os.getpid(), signal.SIGKILL)


class SharedWorld(World):
    """What the services of one process see of the world; keeps the face of the campaign's."""

    def open(self, folder: Path, life: int, at: Callable[[str], None]) -> None:
        """Begin to append to the folder's files; `at` is told of the services' own points."""
        self._life = life
        self._at = at
        self._attempts = Record(folder / "attempts.txt")
        self._effects = Record(folder / "effects.txt")

    def attempt(self, ctx: TaskContext, order: str) -> None:
        """Count this call."""
        row = Attempt(self._life, order, ctx.step, ctx.is_undo, ctx.attempt, ctx.idempotency_key)
        self._attempts.append(row)
        self._at(ATTEMPTED)

    def do(self, ctx: TaskContext, order: str, kind: str) -> None:
        """Ask for the effect."""
        self._ask(Effect(self._life, order, kind, 1, ctx.idempotency_key))

    def reverse(self, ctx: TaskContext, order: str, kind: str) -> None:
        """Call back what was, or will have been, asked for under the step's key."""
        key = ctx.idempotency_key.replace(":undo:", ":", 1)
        self._ask(Effect(self._life, order, kind, -1, key))

    def _ask(self, effect: Effect) -> None:
        self._effects.append(effect)
        self._at(EFFECT_DONE)


def honoured(asked: Iterable[Effect]) -> list[Effect]:
    """What the supplier has done and reversed, of all that it was asked, in order."""
    done: set[str] = set()
    back: set[str] = set()
    found: list[Effect] = []
    for effect in asked:
        if effect.sign > 0 and effect.key not in done | back:
            done.add(effect.key)
            found.append(effect)
        elif effect.sign < 0 and effect.key not in back:
            back.add(effect.key)
            if effect.key in done:
                found.append(effect)
    return found
