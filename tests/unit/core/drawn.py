"""Random definitions, and random things that happen to them, from a seed."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from pavane.core.check import ensure_valid
from pavane.core.model import fact as facts
from pavane.core.model import status
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Undo, Workflow
from pavane.errors import ConflictError, NotFoundError
from tests.unit.core.build import (
    around,
    fork,
    loop,
    noop,
    of_type,
    switch,
    task,
    terminate,
    workflow,
)
from tests.unit.core.drawn_fans import draw_fan
from tests.unit.core.execution import Execution
from tests.unit.core.witness import Witness

_POLICIES: list[dict[str, Any]] = [
    {},
    {},
    {"retry_count": 1, "retry_delay_seconds": 0},
    {"retry_count": 2, "retry_delay_seconds": 3, "response_timeout_seconds": 5},
    {"timeout_seconds": 7, "timeout_policy": "RETRY", "retry_count": 1},
    {"poll_timeout_seconds": 20, "timeout_policy": "TIME_OUT_WF"},
    {"total_timeout_seconds": 30, "timeout_policy": "ALERT_ONLY"},
]


class Author:
    """Writes a random definition; `danced`: without what needs a conductor, such as loops."""

    def __init__(self, seed: int, *, danced: bool = False) -> None:
        self.danced = danced
        self.random = random.Random(seed)
        self.names = 0
        self.pivots = 0

    def workflow(self) -> Workflow:
        made = workflow(self.steps(0, 0, 1 + self.random.randrange(7)), name="drawn")
        ensure_valid(made)
        return made

    def name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def steps(self, depth: int, scopes: int, count: int) -> list[Step]:
        found: list[Step] = []
        for _ in range(count):
            found += self.step(depth, scopes)
        return found

    def step(self, depth: int, scopes: int) -> list[Step]:
        draw = self.random.random()
        if depth < 3 and draw < 0.16:
            return self.fork(depth, scopes)
        if not self.danced and 0.9 < draw < 0.95:
            return draw_fan(self)
        if depth < 3 and draw < 0.26:
            cases = {f"k{i}": self.inner(depth, scopes) for i in range(self.random.randrange(3))}
            on = self.random.choice(["k0", "k1", "other"])
            return self.choice(on, self.inner(depth, scopes), cases)
        if scopes < 2 and draw < 0.36:
            ref = self.name("s")
            inner = workflow(self.steps(depth, scopes + 1, 1 + self.random.randrange(3)), name=ref)
            optional = self.random.random() < 0.1
            undo = Undo(name="u", task_definition=self.policy()) if draw < 0.275 else None
            return [around(ref, inner, optional=optional, undo=undo)]
        if not self.danced and depth < 3 and draw < 0.4:
            return [self.loop(depth, scopes)]
        if draw < 0.43:
            if not self.danced and self.coin():
                return [self.person()]
            inputs = self.random.choice([{}, {"duration": "5s"}])
            return [of_type("WAIT", self.name("w"), inputs)]
        if draw < 0.46:
            kind = self.random.choice(["COMPLETED", "FAILED", "TERMINATED"])
            on = self.random.choice(["k0", "other"])
            return [switch(self.name("c"), on, k0=terminate(self.name("t"), kind))]
        if not self.danced and draw < 0.48:
            name = self.random.choice(["other", "other", "other", "nowhere"])
            request = {"startWorkflow": {"name": name}}
            return [of_type("START_WORKFLOW", self.name("b"), request, optional=self.coin())]
        if draw < 0.51:
            return [noop(self.name("n"))]
        return [self.task()]

    def choice(self, on: str, default: list[Step], cases: dict[str, list[Step]]) -> list[Step]:
        """A SWITCH or a DECISION, with or without an EXCLUSIVE_JOIN behind it."""
        made = switch(self.name("c"), on, default, **cases)
        if self.danced:
            return [made]
        if self.coin():
            made = of_type(
                "DECISION",
                made.ref,
                {"on": on},
                case_value_param="on",
                decision_cases=cases,
                default_case=default,
            )
        ends = [ways[-1].ref for ways in (*cases.values(), default) if ways]
        if not ends or self.coin():
            return [made]
        first = self.task()
        meet = of_type(
            "EXCLUSIVE_JOIN",
            self.name("m"),
            join_on=ends,
            default_exclusive_join_task=[first.ref],
        )
        return [first, made, meet]

    def inner(self, depth: int, scopes: int) -> list[Step]:
        return self.steps(depth + 1, scopes, self.random.randrange(3))

    def fork(self, depth: int, scopes: int) -> list[Step]:
        branches: list[list[Step]] = []
        for _ in range(1 + self.random.randrange(3)):
            branch = self.steps(depth + 1, scopes, 1 + self.random.randrange(2))
            if branch[-1].type in ("SWITCH", "DECISION", "TERMINATE"):
                branch.append(noop(self.name("n")))
            branches.append(branch)
        ends = [branch[-1].ref for branch in branches]
        awaited = ends if self.random.random() < 0.7 else [e for e in ends if self.coin()]
        return fork(self.name("f"), *branches, join_on=awaited)

    def loop(self, depth: int, scopes: int) -> Step:
        ref, times = self.name("l"), self.random.randrange(4)
        body = self.steps(depth + 1, scopes, 1 + self.random.randrange(3))
        if self.coin():
            return loop(ref, *body, items=list(range(times)))
        return loop(ref, *body, loop_condition=f"{ref}.output.iteration < {times}")

    def person(self) -> Step:
        inputs = self.random.choice(
            [{}, {"deadline": "4s"}, {"deadline": "4s", "onDeadline": "continue"}]
        )
        ref = self.name("h")
        undo = Undo(name=f"un-{ref}", task_definition=self.policy()) if self.coin() else None
        return of_type("HUMAN", ref, inputs, undo=undo, optional=self.random.random() < 0.2)

    def coin(self) -> bool:
        return self.random.random() < 0.5

    def policy(self) -> TaskDefinition:
        fields = {"retry_count": 0, "response_timeout_seconds": 0}
        return TaskDefinition(**{**fields, **self.random.choice(_POLICIES)})

    def task(self) -> Step:
        draw = self.random.random()
        ref = self.name("a")
        pivot = draw < 0.04
        undo = None
        if not pivot and self.random.random() < 0.6:
            undo = Undo(name=f"un-{ref}", task_definition=self.policy())
        if not self.danced and self.random.random() < 0.15:
            name = self.random.choice(["quick", "slow", "quick", "slow", "unknown"])
            return of_type(
                "DYNAMIC",
                ref,
                {"name": name},
                dynamic_task_name_param="name",
                undo=undo,
                pivot=pivot,
                optional=0.04 < draw < 0.1,
                permissive=0.1 < draw < 0.14,
            )
        return task(
            ref,
            undo=undo or False,
            policy=self.policy(),
            pivot=pivot,
            optional=0.04 < draw < 0.1,
            permissive=0.1 < draw < 0.14,
        )


class Fate:
    """Lets random things happen to an execution and all below it, and counts what did."""

    def __init__(self, seed: int, world: Witness, root: Execution) -> None:
        self.random = random.Random(f"fate {seed}")
        self.world = world
        self.root = root
        self.kindness = self.random.choice([0.5, 0.8, 0.95])
        self.seen: Counter[str] = Counter()

    @property
    def all(self) -> list[Execution]:
        return [Execution(self.world, identity) for identity in self.world.executions]

    def run(self) -> None:
        """Random things, then only good ones, until everything has ended."""
        for _ in range(self.random.randrange(60)):
            if self.root.status in status.ENDED and not self.random.randrange(3):
                break
            if self.root.status in status.UNSUCCESSFUL and self.coin():
                self.ask("retry")
            self.something()
        self.kindness = 1.0
        for _ in range(400):
            if not self.bring_to_an_end():
                return
        raise AssertionError(f"it does not end: {self.root.status}, {self.left()}")

    def coin(self) -> bool:
        return self.random.random() < 0.5

    def left(self) -> list[object]:
        return [(x.id, x.status, x.header.phase, x.open, x.marks) for x in self.all if x.open]

    def something(self) -> None:
        draw = self.random.random()
        if draw < 0.70:
            self.work()
        elif draw < 0.80:
            self.world.pass_time(self.random.choice([0, 0, 1, 4, 10]))
        elif draw < 0.85:
            self.signal()
        else:
            self.ask(self.random.choice(_REQUESTS))
        if self.random.random() < 0.3:
            self.resolve()
        if self.random.random() < 0.1:
            self.ring_in_vain()

    def work(self) -> bool:
        alive = [run for run in self.all if run.status not in status.ENDED]
        offers = [(run, ready) for run in alive for ready in run.ready() if ready.queue]
        offers = [each for each in offers if each[0].row(each[1].ref).type == "SIMPLE"]
        held = [(run, ready) for run, ready in offers if ready.worker or self.may(ready)]
        if not held:
            return False
        run, ready = self.random.choice(held)
        ref, attempt = ready.ref, ready.attempt
        if not ready.worker:
            run.take(ref)
            if self.kindness < 1 and self.random.random() < 0.4:
                return True
        kind = self.random.random() < self.kindness
        outcome = "COMPLETED" if kind else self.random.choice(_OUTCOMES)
        self.seen[outcome] += 1
        if outcome == "SILENT":
            self.world.pass_time(8)
        elif outcome == "RETURNED":
            run.tell(facts.Returned(ref, attempt))
        elif outcome == "HEARTBEAT":
            run.tell(facts.Heartbeat(ref, attempt))
        else:
            run.tell(facts.Reported(ref, attempt, outcome, b'{"x":1}', "drawn"))
            if not self.random.randrange(5):  # once more, too late
                run.tell(facts.Reported(ref, attempt, "COMPLETED"))
        return True

    def may(self, ready: Any) -> bool:
        return ready.visible_at <= self.world.now

    def signal(self) -> bool:
        for run in self.all:
            if run.status in status.ENDED:
                continue
            for ready in run.ready():
                row = run.row(ready.ref)
                if row.type in ("WAIT", "HUMAN") and row.status in status.OPEN:
                    kind = self.random.random() < max(self.kindness, 0.8)
                    run.signal(ready.ref, "COMPLETED" if kind else "FAILED")
                    return True
        return False

    def ring_in_vain(self) -> None:
        """An alarm that nobody has set, or that rings once more: it must do no harm."""
        run = self.random.choice(self.all)
        ref = self.random.choice(["", *self.world.executions[run.id].tasks])
        run.tell(facts.AlarmRang(ref))
        self.seen["rung in vain"] += 1

    def ask(self, what: str) -> bool:
        run = self.random.choice(self.all) if self.random.random() < 0.2 else self.root
        before = self.world.given_up
        try:
            if what == "abandon":
                self.world.given_up = True
                run.terminate(undo=False)
            else:
                getattr(run, what)()
        except ConflictError:
            self.world.given_up = before
            return False
        self.seen[what] += 1
        return True

    def resolve(self, action: str = "") -> bool:
        done = False
        for run in self.all:
            if run.status != status.NEEDS_ATTENTION:
                continue
            refs = [ref for ref, mark in run.marks.items() if mark == "parked"]
            refs = refs or [run.header.failed_ref]
            first = action or self.random.choice(["retry", "done", "done", "abandon"])
            done |= any(self.settle(run, self.random.choice(refs), x) for x in (first, "done"))
        return done

    def settle(self, run: Execution, ref: str, action: str) -> bool:
        before = self.world.given_up
        self.world.given_up |= action == "abandon"
        try:
            run.resolve(ref, action)
        except (ConflictError, NotFoundError):
            self.world.given_up = before
            return False
        self.seen[f"resolve {action}"] += 1
        return True

    def bring_to_an_end(self) -> bool:
        self.world.pass_time(0)
        if self.work() or self.signal():
            return True
        before = sum(run.header.revision for run in self.all)
        self.world.pass_time(61)
        if self.work():
            return True
        for run in self.all:
            if run.status == status.PAUSED:
                run.resume()
        if self.resolve("done" if self.random.random() < 0.7 else "retry"):
            return True
        if before != sum(run.header.revision for run in self.all):
            return True
        stuck = [x for x in self.all if x.status not in status.ENDED or x.open or x.header.phase]
        assert not stuck, [(x.id, x.status, x.header.phase, x.open, x.marks) for x in stuck]
        return False


_OUTCOMES = [
    "FAILED",
    "FAILED",
    "FAILED_WITH_TERMINAL_ERROR",
    "CANCELED",
    "SILENT",
    "RETURNED",
    "HEARTBEAT",
    "IN_PROGRESS",
]
_REQUESTS = [*["pause", "resume", "retry"] * 5, *["terminate"] * 3, "abandon"]
