"""What happens to a fleet: to its processes, to its servers, and to the wires between its hosts."""

import random
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tests.acceptance.company import faults as company
from tests.acceptance.company.faults import Fault, points_of
from tests.acceptance.company.processes import servers_of

Kind = Literal["store restart", "store kill", "bus restart", "bus kill", "cut"]


class Calamity(NamedTuple):
    """Something that befalls more than one process: a server of the site, or a host (`number`)."""

    kind: Kind
    number: int = 0


def plan(
    style: str,
    chance: random.Random,
    *,
    parts: Sequence[str],
    nodes: int,
    hosts: int,
    most: int | None = None,
) -> list[Fault | Calamity]:
    """All kinds of fault, in any order; `most` of the processes' own, or each named point once."""
    count = 2 * sum(len(points) for points in points_of(style, relays=True).values())
    own: list[Fault] = company.plan(style, count, chance, parts, nodes, relays=True)
    nodes_stopped = [Fault("stop", node, after_s=0.2) for node in servers_of(style, nodes)[:1]]
    if most is not None:
        own = own[:most]
    great: list[Calamity] = [Calamity("store restart"), Calamity("store kill")]
    if style != "orchestrated":
        great += [Calamity("bus restart"), Calamity("bus kill")]
    if hosts > 1:
        great += [Calamity("cut", chance.randrange(hosts))]
    faults = [*own, *nodes_stopped, *great]
    chance.shuffle(faults)
    return faults


def brief(
    style: str, chance: random.Random, *, parts: Sequence[str], nodes: int, hosts: int
) -> list[Fault | Calamity]:
    """Each thing that may break, once: first nodes where there are any, else services."""
    those = servers_of(style, nodes) or tuple(parts)
    named = points_of(style, relays=True)
    point = chance.choice(named["server" if "server" in named else "services"])
    first = [Fault("point", those[0], point, passing=1), Fault("stop", those[1], after_s=0.2)]
    faults: list[Fault | Calamity] = [
        Fault("kill", chance.choice(parts), after_s=0.1),
        Calamity("store kill"),
        Calamity("bus kill"),
    ]
    if hosts > 1:
        faults.append(Calamity("cut", chance.randrange(hosts)))
    chance.shuffle(first)
    chance.shuffle(faults)
    return [*first, *faults]
