"""Parents and children tell the same story, and every run ends or waits for somebody."""

from __future__ import annotations

from typing import Any

from tests.simulation.checker.replay import ENDED, Replay


def check(trace: Any, replays: dict[str, Replay]) -> list[str]:
    """Every fault."""
    faults: list[str] = []
    for id, replay in replays.items():
        header = replay.trace.header
        if header["parent_id"]:
            faults += _child(id, header, replays)
        if header["status"] not in ENDED and not _waits(id, trace, replays, set()):
            faults.append(f"{id} ({header['workflow']}) is {header['status']}: stuck")
        for row in replay.trace.tasks:
            child = row["child_id"]
            unborn = row["status"] == "FAILED" or row["ref"].startswith("undo:")
            if child and child not in replays and not unborn:
                faults.append(f"{id} {row['ref']} names the child {child}, which is not there")
    return faults


def _child(id: str, header: dict[str, Any], replays: dict[str, Replay]) -> list[str]:
    parent = replays.get(header["parent_id"])
    if parent is None:
        return [f"{id} has a parent that is not there"]
    ref, _, number = header["parent_ref"].rpartition("#")
    rows = [r for r in parent.trace.tasks if r["ref"] == ref and r["attempt"] == int(number)]
    if not rows or rows[0]["child_id"] != id:
        return [f"{id} is not the child of {ref}#{number} in its parent"]
    row, status = rows[0]["status"], header["status"]
    above = parent.trace.header["status"]
    faults: list[str] = []
    if status in ENDED and row in ("SCHEDULED", "IN_PROGRESS"):
        faults.append(f"{id} is {status}, but its step {ref}#{number} is {row}")
    if status not in ENDED and above in ENDED:
        faults.append(f"{id} is {status} though its parent is {above}")
    undone = status == "COMPENSATED" and header["cause"] == "UNDO"
    settled = header["cause"] == "UNDO" or (ref, int(number)) in parent.resolved
    if row == "COMPLETED" and status != "COMPLETED" and not settled:
        faults.append(f"{id} is {status}, but its step {ref}#{number} is COMPLETED")
    if undone and above in ("COMPLETED", "RUNNING"):
        faults.append(f"{id} was undone, but its parent is {above}")
    if status == "COMPLETED" and row not in ("COMPLETED", "CANCELED"):
        faults.append(f"{id} is COMPLETED, but its step {ref}#{number} is {row}")
    return faults


def _waits(id: str, trace: Any, replays: dict[str, Replay], seen: set[str]) -> bool:
    """Whether an open execution waits for people who never come."""
    replay = replays.get(id)
    if not trace.absent_people or replay is None or id in seen:
        return False
    if replay.trace.header["status"] in ("PAUSED", "NEEDS_ATTENTION"):
        return True
    for row in replay.trace.tasks:
        if row["status"] == "IN_PROGRESS":
            if row["type"] == "WAIT" and not row["visible_at"]:
                return True
            if row["child_id"] and _waits(row["child_id"], trace, replays, seen | {id}):
                return True
    return False
