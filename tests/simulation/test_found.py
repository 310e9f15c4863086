"""What random runs once found, told again in the smallest case that shows it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.engine.engine import Engine
from pavane.testing.simulation.case import Ask, Case, CrashAt, Start, draw
from pavane.testing.simulation.definitions import Traits
from pavane.testing.simulation.scripts import Mood
from pavane.testing.simulation.trace import Trace
from pavane.testing.simulation.world import simulate
from tests.simulation.checker.judge import judge
from tests.simulation.story import Json, step

CALM = Mood(0, 0, 0, 0, 0, 0, 0, 0, 0)


def played(*steps: Json, mood: Mood = CALM, **changes: Any) -> tuple[Trace, list[str]]:
    """One execution of a workflow in a case where nothing else happens; and its status."""
    main = msgspec.convert({"name": "main", "tasks": list(steps)}, Workflow)
    tasks = [TaskDefinition(name=name, retry_delay_seconds=0) for name in ("t0", "u0")]
    case = Case(
        seed=1,
        shuffle=False,
        traits=Traits(),
        mood=mood,
        workflows=[main],
        tasks=tasks,
        starts=[Start(0, {"k": 0})],
        asks=[],
        crashes=[],
        outside=frozenset(),
        places=10,
        commit_s=0,
        full=(0, 0),
        late_crew_s=0,
        absent_people=False,
    )
    trace = simulate(msgspec.structs.replace(case, **changes), MemoryStore)
    assert judge(trace) == []
    return trace, [e.header["status"] for e in trace.executions.values()]


def work(ref: str, **fields: Any) -> Json:
    return {"name": "t0", "taskReferenceName": ref, "undo": {"name": "u0"}} | fields


def scope(ref: str, *steps: Json) -> Json:
    inner = {"name": f"in-{ref}", "tasks": list(steps)}
    return step("SUB_WORKFLOW", ref, subWorkflowParam={"workflowDefinition": inner})


def fails(ref: str) -> Json:
    return step("TERMINATE", ref, inputParameters={"terminationStatus": "FAILED"})


def both(ref: str, *branches: list[Json]) -> list[Json]:
    last = [branch[-1]["taskReferenceName"] for branch in branches]
    return [
        step("FORK_JOIN", ref, forkTasks=list(branches)),
        step("JOIN", f"{ref}_join", joinOn=last),
    ]


def test_a_scope_that_fails_at_once_beside_one_that_has_yet_to_begin():
    """The stop of the second came before its start, which then never came."""
    _, statuses = played(*both("f", [scope("a", fails("x"))], [scope("b", work("y"))]))
    assert sorted(statuses) == ["COMPENSATED", "FAILED", "FAILED"]


def test_a_branch_that_fails_in_the_decision_that_offers_another():
    """A worker was given the task of a run that was being stopped."""
    _, statuses = played(*both("f", [work("a")], [fails("x"), step("NOOP", "n")]))
    assert statuses == ["FAILED"]


def test_a_pivot_in_a_scope_that_changes_nothing_but_its_parents_header():
    """The header of the parent was not written, so the pivot was forgotten."""
    inner = scope("s", work("a"), work("p", pivot=True), step("WAIT", "w", **_wait("1 s")))
    trace, statuses = played(work("first"), inner, fails("x"), absent_people=True)
    assert "NEEDS_ATTENTION" in statuses
    assert not [seen for seen in trace.record if seen.ref.startswith("undo:")]


def test_what_a_dead_process_had_begun_is_undone_whatever_is_said_later():
    """Its effect stood: the redelivery failed, so there seemed to be nothing to undo."""
    for seed in range(40):
        trace, _ = played(
            *both("f", [work("a")], [work("b")]),
            mood=msgspec.structs.replace(CALM, fails=0.9, gives_up=0.1),
            crashes=[CrashAt("", after_s=0.2 + seed / 50), CrashAt("committed", 2)],
            seed=seed,
        )
        assert trace.notes


def test_a_fan_out_is_walked_back_in_pages():
    """The way back stopped at an alarm that never rang."""
    branches = [[work(f"b{number}")] for number in range(120)]
    trace, statuses = played(*both("f", *branches), fails("x"))
    assert statuses == ["COMPENSATED"]
    assert sum(seen.kind == "undone" for seen in trace.record) == 120


def test_a_pause_in_the_middle_of_a_fan_out():
    """What is paused begins no page of a fan-out, and goes on with it when it is resumed."""
    branches = [[work(f"b{number}")] for number in range(350)]
    ask = Ask(0.1, "pause", 0)
    trace, statuses = played(*both("f", *branches), asks=[ask], commit_s=0.03)
    assert statuses == ["COMPLETED"]
    moves = [e["status"] for _, e in _entries(trace) if e["kind"] == "status"]
    assert moves == ["RUNNING", "PAUSED", "RUNNING", "COMPLETED"]
    paused_at = next(at for at, e in _entries(trace) if e.get("status") == "PAUSED")
    begun = sum(e["kind"] == "scheduled" and at <= paused_at for at, e in _entries(trace))
    assert 100 <= begun < 350


POLLED_TOO_LATE: Json = {
    "tasks": [
        TaskDefinition(name="t0", retry_count=0, poll_timeout_seconds=2),
        TaskDefinition(name="t1"),
        TaskDefinition(name="u0"),
    ],
    "late_crew_s": 2.0,
    "places": 1,
}


def polled_too_late() -> Trace:
    late = work("late", optional=True)
    trace, statuses = played(*both("f", [late], [work("other", name="t1")]), **POLLED_TOO_LATE)
    assert statuses == ["COMPLETED"]
    return trace


def test_a_task_that_times_out_as_it_is_polled_hides_nothing():
    """The poll gave up with the first refusal, and what waited behind it was never fetched."""
    trace = polled_too_late()
    assert "poll timeout" in [row["reason"] for e in trace.executions.values() for row in e.tasks]


def test_a_poll_that_gives_up_is_caught(monkeypatch: pytest.MonkeyPatch):
    async def poll(self: Any, names: list[str], worker: str, limit: int) -> Any:
        return (await self._claim(await self._waiting_for(names, limit, set()), worker))[0]

    monkeypatch.setattr(Engine, "poll", poll)
    with pytest.raises(AssertionError):
        polled_too_late()


def test_a_case_is_all_in_its_seed():
    assert draw(5) == draw(5)
    assert draw(5) != draw(6)


def _entries(trace: Trace) -> list[tuple[int, Json]]:
    logs = [execution.log for execution in trace.executions.values()]
    return [(at, entry) for log in logs for _, at, entries in log for entry in entries]


def _wait(duration: str) -> Json:
    return {"inputParameters": {"duration": duration}}
