"""The world outside the product: files to which services only ever append, read by the judge.

A service counts every attempt, and does an effect once per idempotency key, as a real one would:
what stands in its file is what it has done, also after it was killed.
"""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pavane.sdk.context import TaskContext

# Lines of one length that divides a page: no write straddles two pages, so no kill tears a line.
LINE_BYTES = 256

ATTEMPTED = "attempted"  # points of a service's own, beside those of the engine
EFFECT_DONE = "effect-done"
POINTS = (ATTEMPTED, EFFECT_DONE)


class Attempt(NamedTuple):
    """A service was called."""

    life: int  # of the process: 0 for the first, one more after each kill
    order: str
    step: str
    undo: bool
    attempt: int  # 1 for the first
    key: str


class Effect(NamedTuple):
    """Something was done (+1) or reversed (-1) in the world."""

    life: int
    order: str
    kind: str
    sign: int
    key: str


class PointHit(NamedTuple):
    """The process killed itself here."""

    life: int
    point: str


class Record:
    """One append-only file of lines."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def append(self, row: tuple[Any, ...]) -> None:
        """Written when this returns: it survives the death of the process."""
        line = json.dumps(row).encode().ljust(LINE_BYTES - 1) + b"\n"
        assert len(line) == LINE_BYTES
        assert os.write(self._file, line) == LINE_BYTES


def _read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def attempts(folder: Path) -> list[Attempt]:
    """Every call of a service, in order."""
    return [Attempt(*row) for row in _read(folder / "attempts.txt")]


def effects(folder: Path) -> list[Effect]:
    """Everything done and reversed, in order."""
    return [Effect(*row) for row in _read(folder / "effects.txt")]


def hits(folder: Path) -> list[PointHit]:
    """The points at which a process ended itself."""
    return [PointHit(*row) for row in _read(folder / "points.txt")]


def attempts_so_far(folder: Path) -> int:
    """The number of attempts, without reading them."""
    path = folder / "attempts.txt"
    return path.stat().st_size // LINE_BYTES if path.exists() else 0


class World:
    """What the services of one process see of it. Opened once by the process."""

    def open(self, folder: Path, life: int, at: Callable[[str], None]) -> None:
        """Begin to append to the folder's files; `at` is told of the services' own points."""
        self._life = life
        self._at = at
        self._lock = threading.Lock()  # sync services run in threads
        self._attempts = Record(folder / "attempts.txt")
        self._effects = Record(folder / "effects.txt")
        self._done = {(effect.key, effect.sign) for effect in effects(folder)}

    def attempt(self, ctx: TaskContext, order: str) -> None:
        """Count this call."""
        row = Attempt(self._life, order, ctx.step, ctx.is_undo, ctx.attempt, ctx.idempotency_key)
        with self._lock:
            self._attempts.append(row)
        self._at(ATTEMPTED)

    def do(self, ctx: TaskContext, order: str, kind: str) -> None:
        """Have the effect, once per idempotency key."""
        self._write(Effect(self._life, order, kind, 1, ctx.idempotency_key))

    def reverse(self, ctx: TaskContext, order: str, kind: str) -> None:
        """Reverse what the step did, once; nothing where it did nothing."""
        done = f"{ctx.execution_id}:{ctx.step}"
        if (done, 1) in self._done:
            self._write(Effect(self._life, order, kind, -1, ctx.idempotency_key))

    def _write(self, effect: Effect) -> None:
        with self._lock:
            if (effect.key, effect.sign) not in self._done:
                self._effects.append(effect)
                self._done.add((effect.key, effect.sign))
        self._at(EFFECT_DONE)
