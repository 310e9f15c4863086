"""The rows that are left must agree with each other, with the log, and with what was seen."""

from __future__ import annotations

from typing import Any

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
        silent = row["status"] == "CANCELED" or row["type"] == "FORK_JOIN"
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
        step = replay.graph.places[row["ref"].removeprefix(UNDO)].step
        name = (
            step["undo"]["name"]
            if row["ref"].startswith(UNDO) and "undo" in step
            else (step["name"])
        )
        policy = tasks.get(name, {})
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


def check_leases(replay: Replay, crashes: list[int]) -> None:
    """What a dead process held is taken back when the next one starts, not when it times out."""
    for ref, worker, taken_at, at in replay.silences:
        if worker.startswith("local/") and any(taken_at <= crash < at for crash in crashes):
            replay.fault(f"{ref} waited for a dead process until {at}")


def _check_timeout(replay: Replay, row: dict[str, Any], policy: dict[str, Any]) -> None:
    which = row["reason"].split()[0]
    begun, limit = {
        "task": (row["started_at"], policy.get("timeoutSeconds", 0)),
        "total": (row["first_scheduled_at"], policy.get("totalTimeoutSeconds", 0)),
        "poll": (row["scheduled_at"], policy.get("pollTimeoutSeconds", 0)),
        "response": (row["started_at"], policy.get("responseTimeoutSeconds", 3600)),
    }[which]
    if not limit:
        replay.fault(f"{row['ref']} timed out ({which}) without such a limit")
    elif row["ended_at"] < begun + limit * 1000:
        replay.fault(f"{row['ref']}#{row['attempt']} timed out ({which}) early")


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
