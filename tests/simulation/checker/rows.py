"""The rows that are left must agree with each other, with the log, and with what was seen."""

from __future__ import annotations

from typing import Any

from tests.simulation.checker.graph import FORKS
from tests.simulation.checker.replay import ENDED, UNDO, Replay

OPEN = {"SCHEDULED", "IN_PROGRESS"}


def check(replay: Replay) -> None:
    """Header counters, one ready row per open task, nothing open in what has ended."""
    trace, header = replay.trace, replay.trace.header
    rows: list[dict[str, Any]] = trace.tasks
    opened = {(row["ref"], row["attempt"]) for row in rows if row["status"] in OPEN}
    ready = {(r["ref"], r["attempt"]) for r in trace.ready if not r["mark"]}
    if header["open"] != len(opened):
        replay.fault(f"header.open is {header['open']}, rows say {len(opened)}")
    if header["seq"] != len(rows):
        replay.fault(f"header.seq is {header['seq']}, there are {len(rows)} rows")
    if opened != ready:
        replay.fault(f"open tasks {sorted(opened)}, ready rows {sorted(ready)}")
    if header["status"] in ENDED and opened:
        replay.fault(f"it ended {header['status']} with open {sorted(opened)}")
    if header["status"] in ENDED and header["phase"]:
        replay.fault(f"it ended {header['status']} in phase {header['phase']}")
    if header["status"] in ENDED and (header["parked"] or header["alarm_at"]):
        replay.fault(f"it ended with parked={header['parked']}, alarm_at={header['alarm_at']}")
    newest: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["ref"] not in newest or newest[row["ref"]]["attempt"] < row["attempt"]:
            newest[row["ref"]] = row
    undoable = sum(1 for row in newest.values() if row["undoable"] and row["status"] not in OPEN)
    if not replay.era and header["undoable"] != undoable:
        replay.fault(f"header.undoable is {header['undoable']}, rows say {undoable}")
    for ref, row in newest.items():
        _compare(replay, ref, row)
    _numbers(replay, rows)


_STATES = {
    "completed": {"COMPLETED", "COMPLETED_WITH_ERRORS"},
    "failed": {"FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED"},
    "settled": {"FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED"},
    "canceled": {"CANCELED", "IN_PROGRESS"},
    "scheduled": OPEN,
    "started": {"IN_PROGRESS"},
}


def _compare(replay: Replay, ref: str, row: dict[str, Any]) -> None:
    """The newest row of a step is what the log says."""
    told = replay.attempts.get(ref)
    if told is None or told.number < row["attempt"]:
        # What was about to begin when forward progress stopped has a row and no entry.
        silent = row["status"] == "CANCELED" or row["type"] in FORKS
        if not silent:
            replay.fault(f"{ref}#{row['attempt']} is {row['status']}, the log does not know it")
    elif (ref, row["attempt"]) in replay.resolved and row["status"] == "COMPLETED":
        pass  # a person said so
    elif told.number != row["attempt"] or row["status"] not in _STATES[told.state]:
        replay.fault(
            f"{ref}#{row['attempt']} is {row['status']}, "
            f"the log says #{told.number} is {told.state}"
        )


def _numbers(replay: Replay, rows: list[dict[str, Any]]) -> None:
    by_ref: dict[str, list[int]] = {}
    for row in rows:
        by_ref.setdefault(row["ref"], []).append(row["attempt"])
    for ref, numbers in by_ref.items():
        if sorted(numbers) != list(range(len(numbers))):
            replay.fault(f"{ref} has the attempts {sorted(numbers)}")


def check_times(replay: Replay) -> None:
    """Nothing times out, wakes or is tried again before its time."""
    tasks = replay.tasks
    for row in replay.trace.tasks:
        policy = tasks.get(_task_name(replay, row), {})
        if row["status"] == "TIMED_OUT" and row["type"] == "SIMPLE":
            _check_timeout(replay, row, policy)
        early = row["visible_at"] - row["ended_at"]
        by_time = row["type"] == "WAIT" and row["status"] == "COMPLETED" and not row["output"]
        if by_time and early > 0 and (row["ref"], row["attempt"]) not in replay.resolved:
            replay.fault(f"{row['ref']} woke {early} ms early")
        if row["started_at"] and row["type"] == "SIMPLE" and not row["polls"]:
            replay.fault(f"{row['ref']} started without being taken")
        if row["attempt"] and row["type"] == "SIMPLE" and not replay.era:
            _check_delay(replay, row, policy)


_LATE_MS = 1500  # a commit that takes its time, or an alarm that is tried again after trouble


def check_lateness(replay: Replay) -> None:
    """Where the process was never down, what is due happens when it is due."""
    for row in replay.trace.tasks:
        if row["type"] == "WAIT" and row["status"] == "COMPLETED" and row["visible_at"]:
            late = row["ended_at"] - row["visible_at"]
            if late > _LATE_MS and (row["ref"], row["attempt"]) not in replay.resolved:
                replay.fault(f"{row['ref']} woke {late} ms late")
        if row["status"] == "TIMED_OUT" and row["type"] == "SIMPLE":
            late = row["ended_at"] - _due(replay, row)
            if late > _LATE_MS:
                replay.fault(f"{row['ref']}#{row['attempt']} timed out {late} ms late")


def check_leases(replay: Replay, crashes: list[int]) -> None:
    """What a dead process held is taken back when the next one starts, not when it times out."""
    for ref, worker, taken_at, at in replay.silences:
        if worker.startswith("local/") and any(taken_at <= crash < at for crash in crashes):
            replay.fault(f"{ref} waited for a dead process until {at}")


def _check_timeout(replay: Replay, row: dict[str, Any], policy: dict[str, Any]) -> None:
    which = limit_of(row["reason"])
    if not _limit(policy, which):
        replay.fault(f"{row['ref']} timed out ({which}) without such a limit")
    elif row["ended_at"] < _begun(row, which) + _limit(policy, which) * 1000:
        replay.fault(f"{row['ref']}#{row['attempt']} timed out ({which}) early")


_LIMITS = {
    "task": ("timeoutSeconds", 0),
    "total": ("totalTimeoutSeconds", 0),
    "poll": ("pollTimeoutSeconds", 0),
    "response": ("responseTimeoutSeconds", 3600),
}
_BEGINNINGS = {"task": "started_at", "total": "first_scheduled_at", "response": "started_at"}


def limit_of(reason: str) -> str:
    """Which limit an attempt came to, by what its row says."""
    return "task" if reason.startswith("timed out after") else reason.split(maxsplit=1)[0]


def _limit(policy: dict[str, Any], which: str) -> float:
    name, default = _LIMITS[which]
    return policy.get(name, default)


def _begun(row: dict[str, Any], which: str) -> int:
    """From when a limit runs at the earliest; a sign of life may have moved it."""
    return row[_BEGINNINGS[which]] if which != "poll" else row["scheduled_at"]


def _due(replay: Replay, row: dict[str, Any]) -> int:
    """The latest time at which the limit that struck can have been due."""
    which = limit_of(row["reason"])
    policy = replay.tasks.get(_task_name(replay, row), {})
    begun = _begun(row, which)
    if which == "poll":
        begun = row["visible_at"]
    elif which == "response":
        begun = max(begun, replay.alive_at.get((row["ref"], row["attempt"]), 0))
    return begun + int(_limit(policy, which) * 1000)


def _task_name(replay: Replay, row: dict[str, Any]) -> str:
    step = replay.graph.places[row["ref"].removeprefix(UNDO)].step
    undo = row["ref"].startswith(UNDO) and "undo" in step
    return step["undo"]["name"] if undo else step["name"]


def _check_delay(replay: Replay, row: dict[str, Any], policy: dict[str, Any]) -> None:
    if row["round"] == row["attempt"]:
        return
    used = row["attempt"] - 1 - row["round"]
    delay = policy.get("retryDelaySeconds", 60)
    logic = policy.get("retryLogic", "FIXED")
    if logic == "LINEAR_BACKOFF":
        delay *= policy.get("backoffScaleFactor", 1) * (used + 1)
    elif logic == "EXPONENTIAL_BACKOFF":
        delay *= 2**used
    if policy.get("maxRetryDelaySeconds", 0):
        delay = min(delay, policy["maxRetryDelaySeconds"])
    waited = row["visible_at"] - row["scheduled_at"]
    if row["polls"] <= 1 and row["status"] != "SCHEDULED" and waited < int(delay * 1000) - 1:
        replay.fault(f"{row['ref']}#{row['attempt']} waits {waited} ms, not {delay} s")
