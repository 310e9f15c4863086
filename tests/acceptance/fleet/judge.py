"""What must hold beyond a company's own judge: in the tables, and in how soon others took over."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.ports.store import LogEntry, Search, Store
from tests.acceptance.campaign.judge import ENDS, begun
from tests.acceptance.campaign.observer import Step, entries_of
from tests.acceptance.campaign.world import Attempt

_ENDED = {"COMPLETED", "COMPENSATED", "FAILED", "TIMED_OUT", "TERMINATED"}
_PAGE = 1000


class Tables(NamedTuple):
    """All that a store holds."""

    headers: Sequence[Header]
    tasks: Sequence[TaskRow]
    ready: Sequence[Ready]
    log: Sequence[LogEntry]


async def tables(store: Store) -> Tables:
    """Of an open store."""
    headers: list[Header] = []
    log: list[LogEntry] = []
    async with store.snapshot() as view:
        before = ""
        while page := await view.search(Search(before=before, limit=_PAGE)):
            headers += page
            before = page[-1].id
        while piece := await view.log_after(log[-1].position if log else 0, _PAGE):
            log += piece
        tasks = [row for header in headers for row in await view.tasks(header.id)]
        ready = [row for header in headers for row in await view.ready(header.id)]
    return Tables(headers, tasks, ready, log)


def nothing_waits(left: Tables) -> None:
    """Every execution has ended, scopes too, and nothing is on its way."""
    assert not (going_on := [each for each in left.headers if each.status not in _ENDED]), going_on
    assert not (waiting := [row for row in left.ready if not row.mark]), waiting


def nothing_doubled(left: Tables, attempts: Iterable[Attempt]) -> None:
    """No transition twice, none behind the end; no call of a service that was not begun.

    What the log says was completed is completed in the tables.
    """
    ends: Counter[tuple[Step, str]] = Counter()
    over: set[str] = set()
    completed: set[Step] = set()
    for record in left.log:
        assert record.execution_id not in over, f"after its end: {record}"
        for entry in entries_of(record):
            if entry["kind"] == "status":
                if entry["status"] in _ENDED:
                    over.add(record.execution_id)
                continue
            step = Step(record.execution_id, entry["ref"], entry["attempt"])
            if entry["kind"] in ENDS:
                ends[step, entry["kind"]] += 1
            if entry["kind"] == "completed":
                completed.add(step)
    assert max(ends.values()) == 1, [each for each, count in ends.items() if count > 1]
    assert over == {each.id for each in left.headers}
    rows = {Step(row.execution_id, row.ref, row.attempt): row.status for row in left.tasks}
    assert not (lost := {step for step in completed if rows.get(step) != "COMPLETED"}), lost
    began = begun(left.log)
    calls = Counter(_step(call) for call in attempts)
    known = {each.id for each in left.headers}
    for step, count in calls.items():
        if step.execution_id in known:  # the others were danced
            assert count <= began[step], f"{step} was called {count} times, begun {began[step]}"


def _step(call: Attempt) -> Step:
    execution_id, _, ref = call.key.partition(":")
    return Step(execution_id, ref, call.attempt - 1)


def take_overs(left: Tables, deaths: Sequence[int]) -> list[int]:
    """For each death of a node and execution under way: milliseconds until it went on."""
    times: dict[str, list[int]] = defaultdict(list)
    for record in left.log:
        times[record.execution_id].append(record.at)
    found: list[int] = []
    for death in deaths:
        for header in left.headers:
            if header.created_at < death < header.ended_at:
                found.append(min(at for at in times[header.id] if at >= death) - death)
    return sorted(found)
