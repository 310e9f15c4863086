"""The judgement over a whole trace: every fault that the checker finds."""

from __future__ import annotations

from typing import Any

from tests.simulation.checker import family, rows
from tests.simulation.checker.effects import Effects
from tests.simulation.checker.graph import Graph
from tests.simulation.checker.replay import Replay


def judge(trace: Any) -> list[str]:
    """All faults in a trace, in words; none for a run that kept every promise."""
    graphs = {hash: Graph(body) for hash, body in trace.definitions.items()}
    crashes = [at for at, note in trace.notes if note.startswith("crash")]
    replays: dict[str, Replay] = {}
    faults: list[str] = []
    for id, execution in trace.executions.items():
        graph = graphs[execution.header["definition"]].grow(execution)
        replay = replays[id] = Replay(id, graph, execution, trace.tasks).run()
        rows.check(replay)
        rows.check_times(replay)
        rows.check_leases(replay, crashes)
        if not crashes and not trace.full:
            rows.check_lateness(replay)
        faults += replay.faults
    faults += family.check(trace, replays)
    return faults + Effects(trace, replays).check()
