"""What handlers will do, drawn from a seed: succeed, fail, hang, report late, report twice."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

_DELAYS_MS = (0, 3, 20, 120, 400, 900, 2500)


class Turn(msgspec.Struct, frozen=True):
    """One call of a handler. All times are milliseconds from its beginning.

    `end`: the status that it reports, or "HANG". `effect_ms` is when it commits what it does in the
    world (-1: it never does), `report_ms` when it reports (-1: never). `again_ms` is the pause
    before it reports a second time (-1: it does not), `beat_ms` that between signs of life.
    `output` is JSON; without it the simulation makes one up.
    """

    end: str
    report_ms: int
    effect_ms: int = -1
    again_ms: int = -1
    beat_ms: int = 0
    stops: bool = True  # when it is interrupted
    callback_s: float = 0
    output: bytes = b""
    reason: str = ""


class Mood(msgspec.Struct, frozen=True):
    """How likely trouble is in a case, per step."""

    fails: float = 0.1  # some times, then works
    fatal: float = 0.04
    gives_up: float = 0.02  # fails for good, as often as it is tried
    hangs: float = 0.05
    later: float = 0.03
    twice: float = 0.05
    slow: float = 0.05
    undo_fails: float = 0.2
    undo_stuck: float = 0.05


class Scripts:
    """The turns of every handler of a case: the same for the same step, call and seed."""

    def __init__(self, seed: int, mood: Mood) -> None:
        self._seed = seed
        self._mood = mood
        self._plans: dict[tuple[str, str], tuple[list[Turn], Turn]] = {}

    def turn(self, execution_id: str, ref: str, number: int) -> Turn:
        """What the handler does when it is called for the step for the `number`th time (from 0)."""
        key = (execution_id, ref)
        plan = self._plans.get(key)
        if plan is None:
            chance = Random(f"{self._seed} {execution_id} {ref}")
            draw = self._undo if ref.startswith("undo:") else self._forward
            plan = self._plans[key] = draw(chance)
        first, then = plan
        return first[number] if number < len(first) else then

    def _forward(self, chance: Random) -> tuple[list[Turn], Turn]:
        mood, drawn = self._mood, chance.random()
        kinds: list[tuple[float, Callable[[Random], tuple[list[Turn], Turn]]]] = [
            (mood.fails, self._fails),
            (mood.fatal, lambda chance: ([], _failed(chance, "FAILED_WITH_TERMINAL_ERROR"))),
            (mood.gives_up, lambda chance: ([], _failed(chance))),
            (mood.hangs, self._hangs),
            (mood.later, self._later),
            (mood.slow, lambda chance: ([], _slow(chance))),
        ]
        for share, draw in kinds:
            if drawn < share:
                return draw(chance)
            drawn -= share
        return [], _completed(chance, twice=mood.twice)

    def _fails(self, chance: Random) -> tuple[list[Turn], Turn]:
        first = [_failed(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
        return first, _completed(chance, twice=self._mood.twice)

    def _hangs(self, chance: Random) -> tuple[list[Turn], Turn]:
        first = [_hung(chance) for _ in range(chance.choice((1, 1, 2)))]
        drawn = chance.random()
        if drawn < 0.55:
            return first, _completed(chance)
        return first, _failed(chance) if drawn < 0.75 else _hung(chance)

    def _later(self, chance: Random) -> tuple[list[Turn], Turn]:
        ask = Turn("IN_PROGRESS", chance.choice(_DELAYS_MS), callback_s=chance.choice((0, 0.5, 2)))
        return [ask] * chance.choice((1, 2)), _completed(chance)

    def _undo(self, chance: Random) -> tuple[list[Turn], Turn]:
        drawn = chance.random()
        if drawn < self._mood.undo_stuck:
            return [], _failed(chance, chance.choice(("FAILED", "FAILED_WITH_TERMINAL_ERROR")))
        if drawn < self._mood.undo_stuck + self._mood.undo_fails:
            draw = chance.choice((_failed, _hung, _failed))
            return [draw(chance) for _ in range(chance.choice((1, 1, 2, 3)))], _completed(chance)
        return [], _completed(chance, twice=self._mood.twice)


def _completed(chance: Random, twice: float = 0) -> Turn:
    report_ms = chance.choice(_DELAYS_MS)
    again_ms = chance.choice((0, 5, 700)) if chance.random() < twice else -1
    stops = chance.random() < 0.6
    return Turn("COMPLETED", report_ms, chance.randint(0, report_ms), again_ms, stops=stops)


def _failed(chance: Random, end: str = "FAILED") -> Turn:
    return Turn(end, chance.choice(_DELAYS_MS), stops=chance.random() < 0.6)


def _slow(chance: Random) -> Turn:
    report_ms = chance.choice((6_000, 10_000))
    return Turn("COMPLETED", report_ms, report_ms - 5, beat_ms=1_500, stops=chance.random() < 0.8)


def _hung(chance: Random) -> Turn:
    """Silent for longer than any response timeout; some take effect, some report very late."""
    late_ms = chance.choice((13_000, 18_000, 25_000))
    effect_ms = chance.choice((-1, 0, 500, late_ms - 100))
    end = "COMPLETED" if effect_ms >= 0 and chance.random() < 0.7 else "HANG"
    return Turn(end, late_ms, effect_ms, stops=chance.random() < 0.5)
