"""Exploration of definitions thrown by dice reaches exactly the conductor's outcomes.

`PAVANE_CASES` says how many (`PAVANE_SEED` where they begin), `PAVANE_STATES` how far each goes.
"""

from __future__ import annotations

import os
import random
from collections import Counter

from pavane.core.check.explore import Network, explore
from tests.exploration.conductor import outcomes
from tests.exploration.random_definitions import thrown

STRICT = os.environ.get("PAVANE_STRICT", "") not in {"", "0"}  # the same dice each time
BASE = int(os.environ.get("PAVANE_SEED", 1 if STRICT else random.randrange(1_000_000_000)))
CASES = int(os.environ.get("PAVANE_CASES", "60"))
STATES = int(os.environ.get("PAVANE_STATES", "10000"))

# At least so many of each hundred cases.
WANTED = {
    "complete": 40,
    "fork": 5,
    "some": 5,
    "each": 5,
    "loop": 5,
    "scope": 15,
    "choice": 5,
    "caught": 6,
    "pivot": 12,
    "pivot may fail": 1,
    "pivot in a scope": 3,
    "deadline": 40,
    "deadline inside": 8,
    "late": 20,
    "optional": 10,
    "process dies": 3,
    "retry": 3,
    "aborted": 60,
}


def test_a_conductor_could_have_done_it() -> None:
    print(f"PAVANE_SEED={BASE}")
    met: Counter[str] = Counter()
    for seed in range(BASE, BASE + CASES):
        scenario, features = thrown(seed)
        network: Network = "many" if seed % 5 < 3 else "once"
        wanted = outcomes(scenario.root, scenario.mishaps)
        made = scenario.apart if seed % 8 == 3 else scenario.together
        found = explore(
            made,
            network,
            mishaps=scenario.mishaps,
            expected=wanted,
            alarms=False,
            limit=STATES,
        )
        told = f"{scenario.name} PAVANE_CASES=1 ({network})"
        if found.violation is not None:
            trace = "\n".join(found.violation.trace.lines())
            raise AssertionError(f"{told}: {found.violation.kind}, {found.violation.text}\n{trace}")
        if found.complete:
            assert found.outcomes == wanted, f"{told}: never reached {wanted - found.outcomes}"
        met += Counter(features.keys() & +features)
        met["complete"] += found.complete
        met["aborted"] += any(how == "aborted" for how, _ in found.outcomes)
        met["states"] += found.states
    print(dict(met))
    missing = {key: met[key] for key, least in WANTED.items() if met[key] * 100 < least * CASES}
    assert not missing or CASES < 60
