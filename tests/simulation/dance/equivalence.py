"""One case in both styles, and everything that is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pavane.core.model.status import ENDED
from pavane.core.projection.dancing.dancer import Dancer
from pavane.participant.retention import Retention
from pavane.participant.roles.turns import DancerMaker
from pavane.testing.simulation import loop
from pavane.testing.simulation.dance.case import DanceCase
from pavane.testing.simulation.dance.drawing import calm_case, racy_case
from pavane.testing.simulation.dance.orchestra import orchestrate
from pavane.testing.simulation.dance.played import Played, Run
from pavane.testing.simulation.dance.world import Danced, dance
from pavane.testing.simulation.loop import DeadlockError
from tests.simulation.dance.checker import judge
from tests.simulation.dance.coverage import features, has_limits
from tests.simulation.dance.enumerate import Enumeration, Outcome, TooManyError
from tests.simulation.dance.pictures import differences

RACY_SHARE = 5  # of so many cases two are racy
_MOST_STATES = 8_000


def case_of(seed: int) -> DanceCase:
    """Calm cases and racy ones, by their number."""
    return racy_case(seed) if is_racy(seed) else calm_case(seed)


def is_racy(seed: int) -> bool:
    """Whether the outcome may depend on what comes first."""
    return seed % RACY_SHARE < 2


def faults_of(
    seed: int,
    counts: Counter[str] | None = None,
    dancer: DancerMaker = Dancer,
    forgetting: type[Retention] = Retention,
) -> list[str]:
    """What is wrong with a case; a run that breaks down is a fault as well."""
    counts = Counter() if counts is None else counts
    try:
        case = case_of(seed)
        danced = dance(case, dancer, forgetting)
        counts.update(features(case, danced))
        return [*_of_case(seed, case, danced, counts)]
    except (Exception, DeadlockError) as error:  # noqa: BLE001 - whatever it is, it is reported
        return [f"{type(error).__name__}: {error}"]


def _of_case(seed: int, case: DanceCase, danced: Danced, counts: Counter[str]) -> Iterator[str]:
    yield from (f"{role}: {text}" for role, left in danced.aside.items() for text in left)
    for run in case.runs:
        played = danced.runs[run.key]
        if case.keep_s and played.status in ENDED and danced.remember[run.key]:
            yield f"{run.key}: it is over, and {danced.remember[run.key]} have not forgotten it"
        yield from (f"danced, {run.key}: {text}" for text in judge(run, played))
        if is_racy(seed):
            yield from _racy(case, run, played, counts)
        else:
            counts["a calm case"] += 1
            yield from _calm(case, run, played)


def _calm(case: DanceCase, run: Run, danced: Played) -> Iterator[str]:
    """One outcome is possible, and one picture."""
    conducted = loop.run(orchestrate(run, case.seed, danced.lost), seed=case.seed)
    yield from (f"conducted, {run.key}: {text}" for text in judge(run, conducted))
    one, other = _outcome(conducted), _outcome(danced)
    if one != other:
        yield f"{run.key}: conducted {one}, danced {other}"
    else:
        pictures = differences(conducted, danced, skewed=bool(case.skew_ms))
        yield from (f"{run.key}: {text}" for text in pictures)


def _outcome(played: Played) -> tuple[Any, ...]:
    view = played.view
    output = bytes(view.output) if view is not None and view.status == "COMPLETED" else b""
    return (played.status, view.cause if view is not None else "", output, sorted(played.standing))


def _racy(case: DanceCase, run: Run, danced: Played, counts: Counter[str]) -> Iterator[str]:
    """What happened is one of all the things that could."""
    try:
        tried = Enumeration(run, stops=len(case.stops), lost=danced.lost, most=_MOST_STATES)
    except TooManyError:
        counts["a racy case with too many states"] += 1
        return
    counts["a racy case"] += 1
    if len(tried.outcomes) > 1:
        counts["a racy case with several outcomes"] += 1
        counts["a deadline race"] += has_limits(run.drawn)
    found = Outcome(danced.status, danced.standing)
    if found not in tried.outcomes:
        yield f"{run.key}: danced {found}, possible are {sorted(tried.outcomes)}"
