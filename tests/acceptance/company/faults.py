"""What happens to the company: half of it at named points, the rest from outside, by seed."""

import random
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from pavane.engine import points as engine
from pavane.participant import points as participant
from pavane.sdk.remote import points as worker
from tests.acceptance.campaign import world
from tests.acceptance.company.part import SERVER
from tests.acceptance.company.processes import servers_of
from tests.acceptance.company.site import PARTS

Kind = Literal["point", "kill", "stop", "restart"]

DANCER: Final = participant.ALL
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


def points_of(style: str, *, relays: bool = False) -> dict[str, tuple[str, ...]]:
    """The points of the server and those of services, in a style.

    A relay has something to do where the bus is a broker; the embedded one is the logs themselves.
    """
    dancer = tuple(point for point in DANCER if relays or point != participant.RELAYED)
    served = {"orchestrated": worker.ALL, "choreographed": dancer, "hybrid": worker.ALL + dancer}
    found: dict[str, tuple[str, ...]] = {"services": (*world.POINTS, *served[style])}
    if style != "choreographed":
        found[SERVER] = engine.ALL
    return found


def plan(
    style: str,
    count: int,
    chance: random.Random,
    parts: Sequence[str] = PARTS,
    nodes: int = 1,
    *,
    relays: bool = False,
) -> list[Fault]:
    """So many faults; each named point at least once. Half of them are at points."""
    servers = servers_of(style, nodes)

    def at(whose: str, point: str) -> Fault:
        among = parts
        if whose == SERVER:
            among = servers
        elif style == "hybrid" and point in DANCER:
            among = [part for part in parts if not _asked(part)]
        elif style == "hybrid" and point in worker.ALL:
            among = [part for part in parts if _asked(part)]
        return Fault("point", chance.choice(among), point, chance.randint(1, MOST_PASSINGS))

    everything = [
        (whose, p) for whose, points in points_of(style, relays=relays).items() for p in points
    ]
    named = [at(*each) for each in everything]
    named += [at(*chance.choice(everything)) for _ in range(count // 2 - len(named))]
    outside: list[Fault] = []
    everybody = [*parts, *servers]
    while len(named) + len(outside) < count or len(outside) < count // 2:
        kind = OUTSIDE[len(outside) % len(OUTSIDE)]
        part = everybody[len(outside) % len(everybody)]
        outside.append(Fault(kind, part, after_s=chance.uniform(0.0, 0.3)))
    faults = named + outside
    chance.shuffle(faults)
    return faults


def _asked(part: str) -> bool:
    """Whether the conductor asks them in a hybrid; the others only dance in it."""
    return not set(part.split(",")) & {"shipping", "notifications", "hotels", "cars"}
