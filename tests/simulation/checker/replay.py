"""Replays one execution's log against its definition: causes, transitions, freezing, retries."""

from __future__ import annotations

from typing import Any

from tests.simulation.checker.graph import FORKS, Graph, Json, chosen

UNDO = "undo:"
ENDED = {"COMPLETED", "COMPENSATED", "FAILED", "TIMED_OUT", "TERMINATED"}
INSTANT = {"SWITCH", "INLINE", "NOOP", "SET_VARIABLE", "TERMINATE", *FORKS}
MOVES = {
    "": {"RUNNING"},
    "RUNNING": {"PAUSED", "COMPENSATING", "NEEDS_ATTENTION", *ENDED} - {"COMPENSATED"},
    "PAUSED": {"RUNNING", "COMPENSATING", "NEEDS_ATTENTION", "FAILED", "TIMED_OUT", "TERMINATED"},
    "COMPENSATING": {"NEEDS_ATTENTION", "COMPENSATED", "FAILED", "TIMED_OUT", "TERMINATED"},
    "NEEDS_ATTENTION": {"COMPENSATING", "RUNNING", "FAILED", "TIMED_OUT", "TERMINATED"},
    "COMPLETED": {"COMPENSATING"},
    "FAILED": {"RUNNING"},
    "TIMED_OUT": {"RUNNING"},
    "TERMINATED": {"RUNNING"},
}


class Attempt:
    """The newest attempt of a step as the log tells it."""

    def __init__(self, number: int, state: str, at: int) -> None:
        self.number = number
        self.state = state  # scheduled, started, completed, failed, canceled, settled
        self.opened_at = at
        self.taken_at = 0
        self.worker = ""
        self.end = ""  # the status with which it failed
        self.round = number  # the first attempt since a person last asked
        self.ended_era = 1 << 30  # not ended


class Replay:
    """Walks through the log once; `faults` says everything that is wrong."""

    def __init__(self, execution_id: str, graph: Graph, trace: Any, tasks: Json) -> None:
        self.id = execution_id
        self.graph = graph
        self.trace = trace
        self.tasks = tasks  # task definitions
        self.faults: list[str] = []
        self.attempts: dict[str, Attempt] = {}
        self.status = ""
        self.statuses: list[str] = []
        self.frozen = False
        self.era = 0  # goes up when a person lets an execution run again
        self.order: dict[tuple[str, str], int] = {}  # (kind, ref) to index of its last entry
        self.first: dict[tuple[str, str], int] = {}
        self.silences: list[tuple[str, str, int, int]] = []  # ref, worker, taken, given up
        self.alive_at: dict[tuple[str, int], int] = {}  # when it was last taken
        self.resolved: set[tuple[str, int]] = set()
        self.passed: set[str] = set()  # pivots
        self.iterations: dict[str, int] = {}  # of each loop, the number of the newest one
        self._never_begun = {
            (row["ref"], row["attempt"])
            for row in trace.tasks
            if row["status"] == "CANCELED" and not row["polls"]
        }
        self._choices = {
            row["ref"]: row["output"]["selectedCase"]
            for row in trace.tasks
            if row["type"] == "SWITCH" and row["output"]
        }

    def fault(self, text: str) -> None:
        self.faults.append(f"{self.id} ({self.trace.header['workflow']}): {text}")

    def run(self) -> Replay:
        index = 0
        last = 0
        for position, at, entries in self.trace.log:
            if position <= last:
                self.fault(f"log position {position} behind {last}")
            last = position
            for entry in entries:
                self._take(index, at, entry)
                index += 1
        if self.status != self.trace.header["status"]:
            self.fault(f"the log ends {self.status}, the header {self.trace.header['status']}")
        return self

    def _take(self, index: int, at: int, entry: Json) -> None:
        kind, ref = entry["kind"], entry.get("ref", "")
        if kind == "status":
            self._move(entry["status"])
        elif kind in ("deadline", "timeout", "parked"):
            if kind == "parked":
                self.attempts[ref].round = self.attempts[ref].number + 1
        elif ref.removeprefix(UNDO) not in self.graph.places:
            self.fault(f"{kind} of {ref}, which is no step")
        else:
            getattr(self, f"_{kind}")(at, ref, entry["attempt"], entry)
            self.order[kind, ref] = index
            self.first.setdefault((kind, ref), index)

    def _move(self, new: str) -> None:
        if new not in MOVES.get(self.status, set()):
            self.fault(f"status {self.status or 'none'} became {new}")
        if new == "RUNNING" and self.status not in ("", "PAUSED"):
            self.era += 1
            self.frozen = False
        if new == "COMPENSATING" or new in ENDED:
            self.frozen = True
        self.status = new
        self.statuses.append(new)

    # --- attempts -------------------------------------------------------------------------------

    def _scheduled(self, at: int, ref: str, number: int, entry: Json) -> None:
        now = self.attempts.get(ref)
        if now is not None and now.number == number:
            if now.state != "started":
                self.fault(f"{ref}#{number} opened twice ({now.state})")
            now.state = "scheduled"  # a worker gave it back
            return
        self._open(at, ref, number, "scheduled")

    def _open(self, at: int, ref: str, number: int, state: str) -> None:
        """A new attempt begins: is it the next one, and may it?"""
        before = self.attempts.get(ref)
        following = before.number + 1 if before else 0
        # What was about to begin when a run ended has a row that never began, and no entry.
        while following < number and (ref, following) in self._never_begun:
            following += 1
        if number != following:
            self.fault(f"{ref}#{number} follows #{before.number if before else 'nothing'}")
        now = self.attempts[ref] = Attempt(number, state, at)
        if before is not None:
            if before.state in ("scheduled", "started", "completed"):
                again = before.state == "completed" and self._place(ref).type == "TERMINATE"
                if not (again and before.ended_era < self.era):
                    self.fault(f"{ref}#{number} begins while #{before.number} is {before.state}")
            self._check_retry(ref, before, now)
        if ref.startswith(UNDO):
            self._undo_may_begin(ref)
        else:
            self._may_begin(ref, number)

    def _check_retry(self, ref: str, before: Attempt, now: Attempt) -> None:
        by_person = before.ended_era < self.era or before.round > before.number
        if by_person:
            return
        now.round = before.round
        if before.end == "FAILED_WITH_TERMINAL_ERROR":
            self.fault(f"{ref}#{now.number} tries again what failed for good")
        if now.number - now.round > self.retry_limit(ref):
            self.fault(f"{ref}#{now.number}: more retries than {self.retry_limit(ref)}")

    def retry_limit(self, ref: str) -> int:
        """How often a step is tried again without anybody asking."""
        step = self._place(ref).step
        if ref.startswith(UNDO):
            undo = step.get("undo")
            return self.tasks[undo["name"]].get("retryCount", 3) if undo else 0
        if step.get("retryCount") is not None:
            return step["retryCount"]
        if "taskDefinition" in step:
            return step["taskDefinition"].get("retryCount", 3)
        if step.get("type", "SIMPLE") != "SIMPLE":
            return 0
        return self.tasks[step["name"]].get("retryCount", 3)

    def _started(self, at: int, ref: str, number: int, entry: Json) -> None:
        now = self.attempts.get(ref)
        if now is None or now.number != number or now.state != "scheduled":
            self.fault(f"{ref}#{number} started, but it is {now and now.state}")
            return
        now.state, now.taken_at, now.worker = "started", at, entry["worker"]
        self.alive_at[ref, number] = at
        if self.frozen and not ref.startswith(UNDO):
            self.fault(f"{ref}#{number} started after the run was frozen")

    def _close(self, at: int, ref: str, number: int, state: str) -> Attempt:
        now = self.attempts.get(ref)
        kind = self._place(ref).type
        if now is None or number > now.number:
            again = kind == "DO_WHILE" and self.era  # one that a person lets go on says nothing
            if kind not in INSTANT and state == "completed" and not again:
                self.fault(f"{ref}#{number} {state} without having begun")
            if kind in FORKS and state in ("settled", "canceled"):
                # Its beginning has no entry of its own, and its first page is only begun.
                self.attempts[ref] = Attempt(number, "started", at)
            else:
                self._open(at, ref, number, "started")
            now = self.attempts[ref]
        elif now.number != number:
            self.fault(f"{ref}#{number} {state}, but #{now.number} is the newest")
        elif (
            kind in ("JOIN", "DO_WHILE", *FORKS)
            and now.state in ("failed", "canceled", "settled")
            and now.ended_era < self.era
        ):
            now.state = "started"  # a person lets the run go on, and it with it
        now.ended_era = self.era
        return now

    def _completed(self, at: int, ref: str, number: int, entry: Json) -> None:
        now = self._close(at, ref, number, "completed")
        late = now.state == "failed" and (
            entry.get("with_errors") or (ref, number) in self.resolved
        )
        if now.state not in ("scheduled", "started") and not late:
            self.fault(f"{ref}#{number} completed when it was {now.state}")
        if self._place(ref).type == "JOIN" and not ref.startswith(UNDO):
            self._check_join(ref)
        if self._place(ref).type == "DO_WHILE" and not ref.startswith(UNDO):
            self._check_loop(ref)
        if self._place(ref).step.get("pivot") and not ref.startswith(UNDO):
            self.passed.add(ref)
        now.state = "completed"

    def _failed(self, at: int, ref: str, number: int, entry: Json) -> None:
        now = self._close(at, ref, number, "failed")
        if now.state not in ("scheduled", "started"):
            self.fault(f"{ref}#{number} failed when it was {now.state}")
        now.state, now.end = "failed", entry.get("status", "")
        if entry.get("reason") == "response timeout":
            self.silences.append((ref, now.worker, now.taken_at, at))

    def _canceled(self, at: int, ref: str, number: int, entry: Json) -> None:
        now = self._close(at, ref, number, "canceled")
        if now.state not in ("scheduled", "started"):
            self.fault(f"{ref}#{number} canceled when it was {now.state}")
        now.state, now.end = "canceled", "CANCELED"

    def _iteration(self, at: int, ref: str, number: int, entry: Json) -> None:
        now = self.attempts.get(ref)
        if now is not None and now.ended_era < self.era and number >= now.number:
            now.number, now.state, now.ended_era = number, "started", 1 << 30  # it goes on
        if now is None or now.number != number or now.state not in ("scheduled", "started"):
            self.fault(f"{ref}#{number} begins an iteration, but it is {now and now.state}")
        before = self.iterations.get(ref, 0)
        if entry["number"] != before + 1:
            self.fault(f"{ref}: iteration {entry['number']} follows {before}")
        elif before and not self.over(self.graph.iteration(ref, before)[-1]):
            self.fault(f"{ref}: iteration {entry['number']} begins before {before} is over")
        if self.frozen:
            self.fault(f"{ref}: iteration {entry['number']} begins after the run was frozen")
        self.iterations[ref] = entry["number"]

    def _settled(self, at: int, ref: str, number: int, entry: Json) -> None:
        now = self._close(at, ref, number, "settled")
        if now.state not in ("scheduled", "started", "failed"):
            self.fault(f"{ref}#{number} settled when it was {now.state}")
        done = entry.get("status") == "COMPLETED"
        now.state, now.end = ("completed" if done else "settled"), entry.get("status", "")
        if done and self._place(ref).step.get("pivot"):
            self.passed.add(ref)

    def _resolved(self, at: int, ref: str, number: int, entry: Json) -> None:
        self.resolved.add((ref, number))

    # --- causes ---------------------------------------------------------------------------------

    def _place(self, ref: str) -> Any:
        return self.graph.places[ref.removeprefix(UNDO)]

    def _may_begin(self, ref: str, number: int) -> None:
        """Forward: the run goes forward, and what causes the step is over."""
        if self.frozen or self.status not in ("RUNNING", "PAUSED"):
            self.fault(f"{ref}#{number} begins although the run is {self.status}")
        elif self.status == "PAUSED" and number == 0:
            self.fault(f"{ref} begins although the run is paused")
        if not self._caused(ref):
            self.fault(f"{ref}#{number} begins before its cause")

    def _caused(self, ref: str) -> bool:
        place = self.graph.places[ref]
        if place.type == "JOIN":
            return self._caused(place.siblings[place.index - 1]["taskReferenceName"])
        if place.index:
            return self.over(place.siblings[place.index - 1])
        outer, branch = place.inside
        if not outer:
            return bool(self.statuses)
        around = self.graph.places[outer]
        if place.iteration:
            return self.iterations.get(outer, 0) >= place.iteration
        if around.type == "SWITCH":
            state = self.attempts.get(outer)
            label = self._choices.get(outer, "")
            took = "default" if f"case:{label}" != branch else branch
            known = label in around.step.get("decisionCases", {})
            right = took == branch and known == (branch != "default")
            return right and state is not None and state.state == "completed"
        join = around.siblings[around.index + 1]["taskReferenceName"]
        return join in self.attempts and self._caused(outer)

    def over(self, step: Json) -> bool:
        """Whether the flow may have gone on behind a step."""
        now = self.attempts.get(step["taskReferenceName"])
        if now is None:
            return False
        if now.state == "completed":
            if step.get("type") == "SWITCH":
                inner = chosen(step, self._choices.get(step["taskReferenceName"], ""))
                return self.over(inner[-1]) if inner else True
            settled = (step["taskReferenceName"], now.number) in self.resolved
            return settled or step.get("type") != "TERMINATE"
        return bool(step.get("permissive")) and now.state in ("failed", "canceled", "settled")

    def _check_join(self, ref: str) -> None:
        place = self._place(ref)
        fork: Json = place.siblings[place.index - 1]
        for name in place.step.get("joinOn", []) or self.graph.made(fork["taskReferenceName"]):
            step = self.graph.places[name].step
            now = self.attempts.get(name)
            permissive = step.get("permissive") and now is not None and now.state == "failed"
            if now is None or (now.state != "completed" and not permissive):
                self.fault(f"{ref} completed before {name}, which it joins")
        if fork.get("type") == "FORK_JOIN_DYNAMIC":
            self._check_width(ref, fork)

    def _check_loop(self, ref: str) -> None:
        """It went on as often as it had to: `items` here are written out, conditions count."""
        step, made = self._place(ref).step, self.iterations.get(ref, 0)
        if made and not self.over(self.graph.iteration(ref, made)[-1]):
            self.fault(f"{ref} completed before its iteration {made}")
        condition = step.get("loopCondition", "")
        least = int(condition.rsplit(" ", 1)[1]) if condition else 1 << 30
        wanted = min(len(step["items"]) if "items" in step else 1 << 30, max(1, least))
        if made != wanted:
            self.fault(f"{ref} completed after {made} iterations of {wanted}")

    def _check_width(self, ref: str, fork: Json) -> None:
        """All branches have begun that its inputs say, which are written out here."""
        given = fork["inputParameters"]
        wanted = len(given["dyn"] if "dyn" in given else given["forkTaskInputs"])
        made = len(self.graph.made(fork["taskReferenceName"]))
        if made != wanted:
            self.fault(f"{ref} completed with {made} branches of {wanted}")

    def _undo_may_begin(self, ref: str) -> None:
        if not self.frozen or self.status not in ("COMPENSATING", "NEEDS_ATTENTION"):
            self.fault(f"{ref} begins although the run is {self.status}, not frozen")
        for other, now in self.attempts.items():
            if now.state in ("scheduled", "started") and not other.startswith(UNDO):
                self.fault(f"{ref} begins while {other} is still {now.state}")
        if self.passed:
            self.fault(f"{ref} begins behind the pivot {', '.join(sorted(self.passed))}")
        for other, now in self.attempts.items():
            later = other.removeprefix(UNDO)
            undone = other.startswith(UNDO) and later != ref.removeprefix(UNDO)
            if undone and now.state != "completed" and self.graph.causes(ref[5:], later):
                self.fault(f"{ref} begins before {other}, whose step came later, is done")
