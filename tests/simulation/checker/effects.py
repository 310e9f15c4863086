"""What was done in the world: acknowledged, matched with the log, standing only where it should."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.simulation.checker.replay import ENDED, UNDO, Replay

Key = tuple[str, str, int]  # execution, step, attempt


class Effects:
    """The services' own record, read beside the logs of all executions."""

    def __init__(self, trace: Any, replays: dict[str, Replay]) -> None:
        self.trace = trace
        self.replays = replays
        self.faults: list[str] = []
        self.standing: dict[tuple[str, str], int] = {}  # key to its index in the record
        self.taken: Counter[Key] = Counter()  # final reports that the engine took
        self.left = {
            act["id"]
            for act in trace.actions
            if act.get("answer") in ("ok", "lost")
            and (act["action"] == "leave" or act.get("how") == "abandon")
        }

    def check(self) -> list[str]:
        """Every fault."""
        self._calls()
        self._record()
        self._acknowledged()
        for replay in self.replays.values():
            self._stands(replay)
        return self.faults

    # --- calls and reports ----------------------------------------------------------------------

    def _calls(self) -> None:
        """No call without a lease, none after its step's completion was acknowledged."""
        leased: Counter[Key] = Counter()
        for id, replay in self.replays.items():
            for _, _, entries in replay.trace.log:
                for entry in entries:
                    if entry["kind"] == "started":
                        leased[id, entry["ref"], entry["attempt"]] += 1
        done: set[tuple[str, str]] = set()
        called: Counter[Key] = Counter()
        for seen in self.trace.record:
            key = (seen.execution_id, seen.ref, seen.attempt)
            if seen.kind == "call":
                called[key] += 1
                if key[:2] in done:
                    self.faults.append(f"{key} called after it was acknowledged as completed")
            elif seen.kind == "answer" and seen.what == "taken":
                self.taken[key] += seen.body != b"IN_PROGRESS"
                if seen.body == b"COMPLETED":
                    done.add(key[:2])
        self._count(called, leased)

    def _count(self, called: Counter[Key], leased: Counter[Key]) -> None:
        for key, count in called.items():
            if count > leased[key]:
                self.faults.append(f"{key} called {count} times, leased {leased[key]}")
        for key, count in self.taken.items():
            if count > 1:
                self.faults.append(f"{key}: {count} final reports were taken")

    def _acknowledged(self) -> None:
        """What was answered is in the store; what the log says was reported."""
        reports: dict[Key, set[str]] = {}
        for seen in self.trace.record:
            if seen.kind == "report":
                key = (seen.execution_id, seen.ref, seen.attempt)
                reports.setdefault(key, set()).add(seen.what)
        closed: set[Key] = set()
        for id, replay in self.replays.items():
            for _, _, entries in replay.trace.log:
                for entry in entries:
                    if entry["kind"] in ("completed", "failed", "settled", "canceled"):
                        closed.add((id, entry["ref"], entry["attempt"]))
            for row in replay.trace.tasks:
                self._believed(id, replay, row, reports)
        for key, count in self.taken.items():
            if count and key not in closed:
                self.faults.append(f"{key}: its report was acknowledged, and then lost")
        for act in self.trace.actions:
            self._answered(act)

    def _believed(self, id: str, replay: Replay, row: Any, reports: dict[Key, set[str]]) -> None:
        key = (id, row["ref"], row["attempt"])
        if row["type"] != "SIMPLE" or (row["ref"], row["attempt"]) in replay.resolved:
            return
        told = reports.get(key, set())
        status = row["status"]
        if status in ("COMPLETED", "FAILED") and status not in told:
            undo_without = (
                status == "FAILED" and row["reason"] and not row["reason"].startswith("scripted")
            )
            if not undo_without:
                self.faults.append(f"{key} is {status}, but nobody reported that")

    def _answered(self, act: dict[str, Any]) -> None:
        id = act["id"]
        if act["action"] == "start" and act["answer"] == "ok":
            replay = self.replays.get(id)
            if replay is None or replay.trace.header["key"] != act["key"]:
                self.faults.append(f"start {act['key']} was answered with {id}, which is lost")
        elif act["action"] == "wait" and len(set(act["ids"])) != 1:
            self.faults.append(f"one key, several executions: {act['ids']}")
        elif act["action"] == "waited":
            known = self.replays[id].statuses if id in self.replays else []
            if act["answer"] not in known:
                self.faults.append(f"{id} was told to be {act['answer']}, the log has {known}")
        elif act["action"] == "pause" and act.get("answer") == "ok":
            replay = self.replays.get(id)
            if replay is not None and "PAUSED" not in replay.statuses:
                self.faults.append(f"{id}: pause was acknowledged, and then lost")

    # --- effects --------------------------------------------------------------------------------

    def _record(self) -> None:
        """Which effects stand at the end; undos that took effect came in reverse causal order."""
        undone: list[tuple[tuple[str, str], int, int]] = []  # key, when made, when undone
        for index, seen in enumerate(self.trace.record):
            key = (seen.execution_id, seen.ref.removeprefix(UNDO))
            undo = seen.ref.startswith(UNDO)
            if not undo and seen.kind in ("effect", "by-hand"):
                self.standing.setdefault(key, index)
            elif undo and seen.kind in ("undone", "by-hand"):
                made = self.standing.pop(key, None)
                if made is not None:
                    undone.append((key, made, index))
                    self._not_behind_pivot(key, made, index)
        undone = [item for item in undone if not self._was_left(item[0][0])]
        for i, (first, _, at) in enumerate(undone):
            for second, made, _ in undone[i + 1 :]:
                if made < at and self._caused(first, second):
                    self.faults.append(f"{first} was undone before {second}, which it caused")

    def _was_left(self, id: str) -> bool:
        """People gave the execution up, or one around it: no order is promised any more."""
        while id and id not in self.left:
            id = self.replays[id].trace.header["parent_id"] if id in self.replays else ""
        return bool(id)

    def path(self, key: tuple[str, str]) -> list[tuple[str, str]]:
        """The steps in which an effect stands, outermost execution first."""
        id, ref = key
        found = [(id, ref)]
        while id in self.replays and self.replays[id].trace.header["parent_id"]:
            header = self.replays[id].trace.header
            id, ref = header["parent_id"], header["parent_ref"].rpartition("#")[0]
            found.append((id, ref))
        return found[::-1]

    def _caused(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        mine, theirs = self.path(one), self.path(other)
        for depth, ((id, ref), (id2, ref2)) in enumerate(zip(mine, theirs, strict=False)):
            if id != id2:
                return False
            if ref != ref2:
                # A scope that was broken off, and undid itself, caused nothing behind it.
                inner = [
                    self.replays[below].trace.header["cause"] for below, _ in mine[depth + 1 :]
                ]
                whole = all(cause in ("", "UNDO") for cause in inner)
                whole = whole and not any(
                    self._broken_off(below) for below, _ in theirs[depth + 1 :]
                )
                return whole and self.replays[id].graph.causes(ref, ref2)
        return False

    def _broken_off(self, id: str) -> bool:
        """A TERMINATE in its parent completed that one, and left this to undo itself meanwhile."""
        header = self.replays[id].trace.header
        above = self.replays.get(header["parent_id"])
        own = header["cause"] not in ("", "UNDO")
        return own and above is not None and "COMPLETED" in above.statuses

    def _not_behind_pivot(self, key: tuple[str, str], made: int, undone: int) -> None:
        """A pivot's own effect stood already when something in the same scopes was undone."""
        around = {id for id, _ in self.path(key)[:-1]} | {key[0]}
        for (id, ref), index in self.standing.items():
            place = self.replays[id].graph.places.get(ref) if id in self.replays else None
            if place is None or not place.step.get("pivot") or index > undone:
                continue
            holds = {i for i, _ in self.path((id, ref))}
            if key[0] in holds and around & holds:
                self.faults.append(f"{key} was undone behind the pivot {(id, ref)}")

    def _stands(self, replay: Replay) -> None:
        """In an execution that failed nothing undoable stands, unless people left it so."""
        id = replay.id
        if self._excused(id):
            return
        should_stand = self._should_stand(id)
        for ref, place in replay.graph.places.items():
            if place.type != "SIMPLE":
                continue
            stands = (id, ref) in self.standing
            now = replay.attempts.get(ref)
            if not should_stand and stands and place.step.get("undo"):
                self.faults.append(
                    f"{id} {ref} stands, though the run is {replay.trace.header['status']}"
                )
            completed = now is not None and now.state == "completed" and now.end == ""
            if should_stand and completed and not stands:
                self.faults.append(f"{id} {ref} completed, but its effect does not stand")

    def _should_stand(self, id: str) -> bool:
        header = self.replays[id].trace.header
        if header["status"] != "COMPLETED":
            return False
        parent = header["parent_id"]
        return not parent or self._should_stand(parent)

    def _excused(self, id: str) -> bool:
        """Not ended yet, left as it stands by people, or undone by its step's own undo."""
        while id:
            replay = self.replays.get(id)
            if replay is None:
                return True
            header = replay.trace.header
            if header["status"] not in ENDED or id in self.left:
                return True
            if header["parent_id"] and header["parent_id"] in self.replays:
                ref = header["parent_ref"].rpartition("#")[0]
                place = self.replays[header["parent_id"]].graph.places[ref]
                if place.step.get("undo") and header["status"] == "COMPLETED":
                    return True
            id = header["parent_id"]
        return False
