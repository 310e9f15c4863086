"""Random steps that hold no others, and for-each: each task in it has a definition of its own."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from pavane.core.model.task_definition import TaskDefinition

Json = dict[str, Any]

SERVICES = ("alma", "bela", "carl", "dora", "emil")
_CALM_WIDTHS = (0, 1, 1, 2, 2, 3)
_RACY_WIDTHS = (0, 1, 2, 2)


class Traits(msgspec.Struct, frozen=True):
    """What a definition is like. `racy`: whatever may fail stands anywhere, also side by side."""

    steps: int = 4
    services: int = 3
    racy: bool = False
    weights: dict[str, float] = {}
    undo: float = 0.75
    pivot: float = 0.2
    optional: float = 0.1
    timeouts: float = 0.2
    deadline: float = 0.1
    endless: float = 0.2  # of the WAITs wait for somebody who never comes
    depth: int = 2


class Scope:
    """A workflow or scope that is being written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.readable: list[str] = []
        self.loops: list[tuple[str, bool]] = []  # around what is being written; over a list?
        self.views: list[str] = []  # of loops and for-eaches that are over


class Steps:
    """Writes the steps of one workflow; what holds others is written by the Author."""

    def __init__(self, chance: Random, traits: Traits) -> None:
        self._chance = chance
        self._traits = traits
        self.count = 0
        self._services = SERVICES[: traits.services]
        self.tasks: list[TaskDefinition] = []
        self._pivot = chance.random() < traits.pivot  # there is to be one
        self._dated = chance.random() < traits.deadline  # the whole has a deadline
        self._dated_inside = False  # a scope in it has one
        self._behind = False  # it was written: what comes now has no way back

    def _step(self, kind: str, **fields: Any) -> Json:
        self.count += 1
        ref = f"{kind[:2].lower()}{self.count}"
        return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}

    def _some_read(self, scope: Scope) -> str:
        choices = ["${workflow.input.k}", "${workflow.variables.x}", "plain"]
        if scope.readable:
            choices += [f"${{{self._chance.choice(scope.readable)}.output.n}}"] * 5
        for loop, listed in scope.loops:
            member = "loopItem" if listed else "iteration"
            choices += [f"${{{loop}.output.{member}}}"] * 2 + ["${workflow.variables.x}"] * 2
        return self._chance.choice(choices + scope.views)

    def _simple(self, scope: Scope, forked: bool) -> list[Json]:
        step = self._step("SIMPLE", inputParameters={"a": self._some_read(scope)})
        ref = step["taskReferenceName"]
        step["name"] = f"do_{ref}"
        self._offer(step, may_be_pivot=not forked)
        scope.readable.append(ref)
        return [step]

    def _each(self, scope: Scope, forked: bool) -> list[Json]:
        """The same task for each item of a list, which may be empty; rarely of what is no list."""
        chance = self._chance
        fork = self._step("FORK_JOIN_DYNAMIC")
        ref = fork["taskReferenceName"]
        widths = _RACY_WIDTHS if self._traits.racy else _CALM_WIDTHS
        items: Any = [self._item(scope) for _ in range(chance.choice(widths))]
        drawn = chance.random()
        if drawn < 0.25 and not self._traits.racy:
            items = "${workflow.input.l}"
        elif drawn < 0.3 and not (forked or self._behind):
            items = "${workflow.input.k}"
        fork["inputParameters"] = {"forkTaskName": f"do_{ref}", "forkTaskInputs": items}
        defaults = {"a": self._some_read(scope)} if chance.random() < 0.2 else {}
        self._offer(fork, may_be_pivot=False, input_template=defaults)
        join = self._step("JOIN")
        name = join["taskReferenceName"]
        scope.views += [f"${{{name}.output}}", f"${{{ref}.input.forkedTasks}}"]
        return [fork, join]

    def _item(self, scope: Scope) -> Any:
        read = self._some_read(scope)
        return self._chance.choice((1, "text", {"a": 2}, {"a": read}, {"a": None}, read))

    def _offer(self, step: Json, *, may_be_pivot: bool, **fields: Any) -> None:
        """The definition of its task: what may go wrong, and how it is reversed."""
        chance, traits = self._chance, self._traits
        ref, service = step["taskReferenceName"], chance.choice(self._services)
        fields |= {"retry_count": chance.choice((0, 0, 1, 2))}
        if self._behind:
            fields |= {"retriable": True}
        elif may_be_pivot and self._pivot and chance.random() < 0.5:
            self._behind = step["pivot"] = True
        elif chance.random() < traits.undo:
            self._reversible(step, service)
        else:
            fields |= {"read_only": True}
        if not self._behind:
            fields |= self._limits()
            if chance.random() < traits.optional:
                step["optional"] = True
        self.tasks.append(
            TaskDefinition(
                name=f"do_{ref}",
                service=service,
                retry_delay_seconds=chance.choice((0, 0.1, 0.7)),
                max_retry_delay_seconds=1,
                **fields,
            )
        )

    def _reversible(self, step: Json, service: str) -> None:
        ref = step["taskReferenceName"]
        parameters = {"n": f"${{{ref}.output.n}}", "a": f"${{{ref}.input.a}}"}
        step["undo"] = {"name": f"undo_{ref}", "inputParameters": parameters}
        self.tasks.append(
            TaskDefinition(
                name=f"undo_{ref}",
                service=service,
                retry_count=self._chance.choice((1, 2)),
                retry_delay_seconds=0.2,
                response_timeout_seconds=30,
            )
        )

    def _limits(self) -> Json:
        chance = self._chance
        if chance.random() >= self._traits.timeouts:
            return {}
        name = chance.choice(("timeout_seconds", "response_timeout_seconds"))
        policy = chance.choice(("RETRY", "TIME_OUT_WF"))
        return {name: 3 if self._traits.racy else 20, "timeout_policy": policy}

    def _terminate(self, forked: bool) -> list[Json]:
        kinds = ("FAILED", "TERMINATED") if forked else ("COMPLETED", "FAILED", "TERMINATED")
        parameters = {
            "terminationStatus": self._chance.choice(kinds),
            "terminationReason": "the definition says so",
            "workflowOutput": {"k": "${workflow.input.k}"},
        }
        return [self._step("TERMINATE", inputParameters=parameters)]

    def _instant(self, kind: str, scope: Scope, forked: bool) -> list[Json]:
        chance = self._chance
        if kind == "WAIT":
            return [self._wait(scope, forked)]
        step = self._step(kind)
        if kind == "SET_VARIABLE" and not forked:
            step["inputParameters"] = {"x": self._some_read(scope)}
        elif kind == "INLINE":
            expression = "k" if self._behind or forked else chance.choice(("k", "[k]", "6 / k"))
            step |= {
                "inputParameters": {"k": self._some_read(scope)},
                "evaluatorType": "pavane",
                "expression": expression,
            }
        else:
            step["type"] = "NOOP"
        if chance.random() < 0.3:
            step["service"] = chance.choice(self._services)
        return [step]

    def _ask(self, forked: bool) -> Json:
        """Nobody ever answers: what counts is that every style knows what happens then."""
        chance = self._chance
        step = self._step("HUMAN", inputParameters={"deadline": chance.choice(("1s", "3s"))})
        if self._behind or forked or chance.random() < 0.5:
            step["inputParameters"]["onDeadline"] = "continue"
        else:
            step["optional"] = chance.random() < 0.5
        return step

    def _may_be_endless(self, scope: Scope, forked: bool) -> bool:
        free = not (self._behind or forked or scope.loops)
        return free and self._chance.random() < self._traits.endless

    def _wait(self, scope: Scope, forked: bool) -> Json:
        chance = self._chance
        if chance.random() < 0.25:
            return self._ask(forked)
        durations = ("0.2 seconds", "2 seconds")
        step = self._step("WAIT", inputParameters={"duration": chance.choice(durations)})
        if not self._behind and chance.random() < 0.4:
            step["taskDefinition"] = {"timeoutSeconds": 4, "retryCount": 0}
            if chance.random() < 0.5:
                step["inputParameters"] = {}
                step["optional"] = forked or chance.random() < 0.5
        elif self._may_be_endless(scope, forked):
            step["inputParameters"] = {}  # nobody ever says that it is enough
        if chance.random() < 0.3:
            step["service"] = chance.choice(self._services)
        return step
