"""What happens to the company: half of it at named points, the rest from outside, by seed."""

import random
from typing import Final, Literal, NamedTuple

from pavane.engine import points as engine
from pavane.participant import points as participant
from pavane.sdk.remote import points as worker
from tests.acceptance.campaign import world
from tests.acceptance.company.part import SERVER
from tests.acceptance.company.processes import PARTS

Kind = Literal["point", "kill", "stop", "restart"]

# The relay has nothing to do on this bus, which is the logs themselves.
DANCER: Final = tuple(point for point in participant.ALL if point != participant.RELAYED)
MOST_PASSINGS: Final = 4
OUTSIDE: Final[tuple[Kind, ...]] = ("kill", "stop", "kill", "restart", "kill", "stop", "kill")


class Fault(NamedTuple):
    """One thing that happens to one part.

    A point: it kills itself there. Kill: SIGKILL from outside. Stop: SIGSTOP for longer than any
    lease, while another process of the part begins, then SIGCONT. Restart: SIGTERM.
    """

    kind: Kind
    part: str
    point: str = ""
    passing: int = 0
    after_s: float = 0.0


def points_of(style: str) -> dict[str, tuple[str, ...]]:
    """The points of the server and those of services, in a style."""
    served = {"orchestrated": worker.ALL, "choreographed": DANCER, "hybrid": worker.ALL + DANCER}
    found: dict[str, tuple[str, ...]] = {"services": (*world.POINTS, *served[style])}
    if style != "choreographed":
        found[SERVER] = engine.ALL
    return found


def plan(style: str, count: int, chance: random.Random) -> list[Fault]:
    """So many faults; each named point at least once."""
    named: list[Fault] = []
    for whose, points in points_of(style).items():
        for point in points:
            named.append(_at(whose, point, style, chance))
    everything = [(whose, p) for whose, points in points_of(style).items() for p in points]
    while len(named) < count // 2:
        named.append(_at(*chance.choice(everything), style, chance))
    parts = [*PARTS, *([] if style == "choreographed" else [SERVER])]
    outside: list[Fault] = []
    while len(named) + len(outside) < count or len(outside) < count // 2:
        kind = OUTSIDE[len(outside) % len(OUTSIDE)]
        part = parts[len(outside) % len(parts)]
        outside.append(Fault(kind, part, after_s=chance.uniform(0.0, 0.3)))
    faults = named + outside
    chance.shuffle(faults)
    return faults


def _at(whose: str, point: str, style: str, chance: random.Random) -> Fault:
    part = SERVER if whose == SERVER else chance.choice(PARTS)
    if style == "hybrid" and point in DANCER:
        part = PARTS[-1]  # the only ones that dance in it
    elif style == "hybrid" and point in worker.ALL:
        part = chance.choice(PARTS[:-1])  # and these are asked by the conductor
    return Fault("point", part, point, chance.randint(1, MOST_PASSINGS))
