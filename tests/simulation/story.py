"""Traces made by hand: a story is told entry by entry, right or wrong, and rows are made of it."""

from __future__ import annotations

from typing import Any

from pavane.testing.simulation.outside import Seen
from pavane.testing.simulation.trace import ExecutionTrace, Trace

Json = dict[str, Any]
UNDO = "undo:"

_ENDS = {"completed": "COMPLETED", "canceled": "CANCELED"}
TASKS: Json = {
    "t": {"name": "t", "retryCount": 1, "retryDelaySeconds": 0},
    "u": {"name": "u", "retryCount": 1, "retryDelaySeconds": 0},
}


def task(ref: str, **fields: Any) -> Json:
    return {"name": "t", "taskReferenceName": ref, "type": "SIMPLE", **fields}


def undoable(ref: str, **fields: Any) -> Json:
    return task(ref, undo={"name": "u"}, **fields)


def step(kind: str, ref: str, **fields: Any) -> Json:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


class Execution:
    """One execution as it is told."""

    def __init__(self, story: Story, id: str, steps: list[Json], parent: tuple[str, str]) -> None:
        self.story = story
        self.id = id
        self.types = {s["taskReferenceName"]: s.get("type", "SIMPLE") for s in _all(steps)}
        self.log: list[tuple[int, int, list[Json]]] = []
        self.rows: dict[tuple[str, int], Json] = {}
        self.header: Json = {
            "id": id,
            "workflow": id,
            "definition": id,
            "status": "",
            "cause": "",
            "parent_id": parent[0],
            "parent_ref": parent[1],
            "key": "",
            "open": 0,
            "seq": 0,
            "undoable": 0,
            "parked": 0,
            "alarm_at": 0,
            "phase": "",
        }

    # --- the log --------------------------------------------------------------------------------

    def tell(self, kind: str, ref: str = "", attempt: int = 0, **more: Any) -> Execution:
        entry: Json = {"kind": kind, **more}
        if ref:
            entry |= {"ref": ref, "attempt": attempt}
        self.log.append((self.story.next_position(), self.story.now, [entry]))
        if kind == "status":
            self.header["status"] = more["status"]
        elif ref:
            self._row(kind, ref, attempt, more)
        return self

    def status(self, status: str) -> Execution:
        return self.tell("status", status=status)

    def _row(self, kind: str, ref: str, attempt: int, more: Json) -> None:
        row = self.rows.setdefault((ref, attempt), self._new(ref, attempt))
        if kind == "scheduled":
            row["status"] = "SCHEDULED" if row["type"] == "SIMPLE" else "IN_PROGRESS"
        elif kind == "started":
            row |= {"status": "IN_PROGRESS", "started_at": self.story.now, "polls": 1}
        elif kind in ("failed", "settled"):
            row |= {"status": more["status"], "reason": more.get("reason", "scripted")}
        elif kind in _ENDS:
            row["status"] = _ENDS[kind]
        row["ended_at"] = self.story.now

    def _new(self, ref: str, attempt: int) -> Json:
        now = self.story.now
        return {
            "ref": ref,
            "attempt": attempt,
            "type": self.types.get(ref.removeprefix(UNDO), "SIMPLE"),
            "status": "",
            "reason": "",
            "output": None,
            "worker": "",
            "polls": 0,
            "round": 0,
            "undoable": False,
            "child_id": "",
            "scheduled_at": now,
            "first_scheduled_at": now,
            "visible_at": now,
            "started_at": 0,
            "ended_at": 0,
        }

    # --- what the services see ------------------------------------------------------------------

    def call(self, ref: str, attempt: int = 0, end: str = "COMPLETED") -> Execution:
        """A worker takes the attempt, does it, and reports; the engine believes it."""
        self.tell("started", ref, attempt, worker="local/crew")
        self.see("call", ref, attempt)
        if end == "COMPLETED":
            self.see("undone" if ref.startswith(UNDO) else "effect", ref, attempt)
        self.see("report", ref, attempt, end)
        return self

    def answered(self, ref: str, attempt: int = 0, end: str = "COMPLETED") -> Execution:
        self.story.record.append(
            Seen(self.story.now, "answer", self.id, ref, attempt, "taken", end.encode())
        )
        return self

    def see(self, kind: str, ref: str, attempt: int = 0, what: str = "") -> Execution:
        self.story.record.append(Seen(self.story.now, kind, self.id, ref, attempt, what))
        return self

    def done(self, ref: str, attempt: int = 0) -> Execution:
        """A task from its beginning to its end."""
        self.tell("scheduled", ref, attempt).call(ref, attempt).tell("completed", ref, attempt)
        return self.answered(ref, attempt)

    def fail(self, ref: str, attempt: int = 0, status: str = "FAILED") -> Execution:
        """A task that is begun and fails."""
        self.tell("scheduled", ref, attempt).call(ref, attempt, status)
        self.tell("failed", ref, attempt, status=status)
        return self.answered(ref, attempt, status)

    def finished(self) -> ExecutionTrace:
        """The rows that such a log would leave."""
        rows = list(self.rows.values())
        opened = [row for row in rows if row["status"] in ("SCHEDULED", "IN_PROGRESS")]
        self.header |= {"open": len(opened), "seq": len(rows)}
        ready = [{"ref": r["ref"], "attempt": r["attempt"], "mark": ""} for r in opened]
        return ExecutionTrace(self.header, rows, ready, {}, self.log)


class Story:
    """A whole trace as it is told; time goes by one second at a call of `later`."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self.record: list[Seen] = []
        self.actions: list[Json] = []
        self.notes: list[tuple[int, str]] = []
        self._position = 0
        self._executions: dict[str, Execution] = {}
        self._definitions: dict[str, Json] = {}

    def next_position(self) -> int:
        self._position += 1
        return self._position

    def later(self, ms: int = 1000) -> None:
        self.now += ms

    def begin(self, id: str, *steps: Json, parent: tuple[str, str] = ("", "")) -> Execution:
        self._definitions[id] = {"name": id, "tasks": list(steps)}
        execution = self._executions[id] = Execution(self, id, list(steps), parent)
        return execution.status("RUNNING")

    def trace(self) -> Trace:
        return Trace(
            seed=0,
            ended_at=self.now,
            definitions=self._definitions,
            tasks=TASKS,
            executions={id: e.finished() for id, e in self._executions.items()},
            record=self.record,
            actions=self.actions,
            notes=self.notes,
        )


def _all(steps: list[Json]) -> list[Json]:
    found: list[Json] = []
    for one in steps:
        inner = [*one.get("decisionCases", {}).values(), one.get("defaultCase", [])]
        found += [one, *(s for part in [*inner, *one.get("forkTasks", [])] for s in _all(part))]
    return found
