"""A fork of ten thousand branches, and what other runs notice of it.

A window of 100 ms is taken twice: on the wall, where other programs disturb it, and in the CPU time
of this process, where they do not.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

import msgspec

from bench import order
from bench.load import Load
from bench.result import Result
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Workflow
from pavane.ports.store import Unit
from pavane.sdk.service import Service

BRANCHES = 10_000
IN_FLIGHT = 16
WINDOW_S = 0.1
SETTLED_S = 1.0  # orders alone, before the fork begins
PATIENCE_S = 600.0
FORK = "wide"


class Seen(msgspec.Struct, frozen=True):
    """A commit: when, and how many changes of the fork and of other runs were in it."""

    at_s: float
    cpu_s: float
    of_fork: int
    of_others: int


class WatchedStore(SqliteStore):
    """Notes each commit once it is durable, and when the fork has begun its last branch."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.seen: list[Seen] = []
        self.scheduled = 0  # commits until then

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        lost = await super().commit(units)
        changes = [change for unit in units for change in unit.changes]
        wide = [change for change in changes if change.header.workflow == FORK]
        rows = [row for change in wide for row in (*change.tasks, *change.new_tasks)]
        ours, others = len(wide), len(changes) - len(wide)
        self.seen.append(Seen(perf_counter(), process_time(), ours, others))
        if any(row.type == "FORK_JOIN" and row.status == "COMPLETED" for row in rows):
            self.scheduled = len(self.seen)
        return lost


def wide_workflow(branches: int, task: TaskDefinition) -> Workflow:
    """One step in each branch, then the join."""
    refs = [f"branch_{n}" for n in range(branches)]
    return Workflow(
        name=FORK,
        tasks=[
            Step(
                name="fork",
                task_reference_name="fork",
                type="FORK_JOIN",
                fork_tasks=[
                    [Step(name=task.name, task_reference_name=ref, input_parameters={"n": n})]
                    for n, ref in enumerate(refs)
                ],
            ),
            Step(name="join", task_reference_name="join", type="JOIN", join_on=refs),
        ],
        # Else its output is the join's, which is that of all branches.
        output_parameters={"branches": branches},
    )


async def measure(path: Path, branches: int) -> tuple[list[Seen], list[Seen], list[Seen]]:
    """Commits before the fork, while it was scheduled, and until its join."""
    fan = Service("fan")

    @fan.task(timeout="60s")
    async def branch_work(n: int) -> int:
        return n

    store = WatchedStore(path)
    async with running_engine(store, services=[*order.SERVICES, fan]) as engine:
        await engine.register([order.definition(), wide_workflow(branches, branch_work.definition)])
        ended = asyncio.Event()
        load = Load(engine)
        going = asyncio.create_task(load.until(ended.is_set, IN_FLIGHT))
        await asyncio.sleep(SETTLED_S)
        began = len(store.seen)
        id = await engine.start_execution(FORK, b"{}")
        header = await engine.wait(id, PATIENCE_S)
        joined = len(store.seen)
        ended.set()
        await going
    assert header.status == "COMPLETED", header
    assert began < store.scheduled <= joined
    return store.seen[:began], store.seen[began : store.scheduled], store.seen[began:joined]


def windows(seen: Sequence[Seen], *, cpu: bool) -> list[int]:
    """Commits with steps of other runs in each whole window."""
    times = [(each.cpu_s if cpu else each.at_s, each.of_others > 0) for each in seen]
    begin = times[0][0]
    counts = Counter(int((at - begin) / WINDOW_S) for at, others in times if others)
    return [counts[n] for n in range(max(1, int((times[-1][0] - begin) / WINDOW_S)))]


def longest_gap_ms(seen: Sequence[Seen]) -> float:
    """The longest time without a commit of another run."""
    times = [each.at_s for each in seen if each.of_others]
    return max((b - a for a, b in pairwise(times)), default=0.0) * 1e3


def results(branches: int = BRANCHES) -> list[Result]:
    """The fewest commits of others in a window, and how long the fork took."""
    with tempfile.TemporaryDirectory() as folder:
        before, scheduling, whole = asyncio.run(measure(Path(folder) / "fork.db", branches))
    found = [
        Result(
            "branches, scheduled in s, joined in s",
            f"{branches:,}, {_seconds(scheduling):.1f}, {_seconds(whole):.1f}",
        )
    ]
    for name, seen in (("scheduled", scheduling), ("scheduled and run", whole)):
        for cpu in (True, False):
            counts = windows(seen, cpu=cpu)
            what = f"others' commits in 100 ms{' of CPU' if cpu else ''}, while {name}"
            figure = f"min {min(counts)} of {len(counts)}"
            found.append(Result(what, figure, "min >= 1", min(counts) >= 1))
    for name, seen in (
        ("before", before),
        ("while scheduled", scheduling),
        ("until joined", whole),
    ):
        each = sum(one.of_others for one in seen) / _seconds(seen)
        gap = longest_gap_ms(seen)
        found.append(
            Result(f"  others' steps/s, longest gap in ms: {name}", f"{each:,.0f}, {gap:.0f}")
        )
    return found


def _seconds(seen: Sequence[Seen]) -> float:
    return seen[-1].at_s - seen[0].at_s
