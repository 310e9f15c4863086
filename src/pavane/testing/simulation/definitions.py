"""Random definitions: every step type, nested in every way, with policies, undos and pivots."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from pavane.core.check import check_workflow
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow

Json = dict[str, Any]

TASKS = tuple(f"t{i}" for i in range(8))
UNDOS = tuple(f"u{i}" for i in range(3))
_ALONE = ("SIMPLE", "WAIT", "SET_VARIABLE", "INLINE", "NOOP", "TERMINATE")
_NESTED = ("SWITCH", "FORK_JOIN", "SUB_WORKFLOW", "DO_WHILE", "FORK_JOIN_DYNAMIC")


class Traits(msgspec.Struct, frozen=True):
    """What a case is about: how likely each kind of step and policy is in its definitions."""

    steps: int = 9  # about so many in a workflow
    undo: float = 0.6
    weights: dict[str, float] = {}
    optional: float = 0.06
    permissive: float = 0.04
    pivot: float = 0.06
    wide: int = 0  # branches of one wide fork
    partial_join: float = 0.1
    timeouts: float = 0.35


_WEIGHTS = {
    "SIMPLE": 55.0,
    "SWITCH": 9.0,
    "FORK_JOIN": 11.0,
    "SUB_WORKFLOW": 9.0,
    "DO_WHILE": 4.0,
    "FORK_JOIN_DYNAMIC": 4.0,
    "WAIT": 5.0,
    "SET_VARIABLE": 3.0,
    "INLINE": 3.0,
    "NOOP": 2.0,
    "TERMINATE": 2.0,
}


def task_definitions(chance: Random, traits: Traits) -> list[TaskDefinition]:
    """Definitions of all tasks and undos, each with a policy of its own."""
    found = [_task(chance, name, traits) for name in TASKS]
    for name in UNDOS:
        definition = TaskDefinition(
            name=name,
            retry_count=chance.choice((0, 1, 2, 3)),
            retry_delay_seconds=chance.choice((0, 0.3, 1)),
            response_timeout_seconds=chance.choice((4, 8)),
        )
        found.append(definition)
    return found


def _task(chance: Random, name: str, traits: Traits) -> TaskDefinition:
    def sometimes(*choices: float) -> float:
        return chance.choice(choices) if chance.random() < traits.timeouts else 0

    return TaskDefinition(
        name=name,
        retry_count=chance.choice((0, 1, 2, 2, 3)),
        retry_logic=chance.choice(("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF")),
        retry_delay_seconds=chance.choice((0, 0.05, 0.4, 1.5)),
        backoff_scale_factor=chance.choice((1, 2)),
        max_retry_delay_seconds=chance.choice((0, 2)),
        backoff_jitter_ms=chance.choice((0, 0, 300)),
        timeout_seconds=sometimes(2, 5, 11),
        timeout_policy=chance.choice(
            ("RETRY", "RETRY", "RETRY", "TIME_OUT_WF", "TIME_OUT_WF", "ALERT_ONLY")
        ),
        total_timeout_seconds=chance.choice((3, 12)) if sometimes(0, 1, 0) else 0,
        response_timeout_seconds=chance.choice((3, 6, 12)),
        poll_timeout_seconds=sometimes(0, 2, 5),
    )


def workflows(chance: Random, traits: Traits) -> list[Workflow]:
    """Three workflows; the first is what clients start, it may use the others by name."""
    while True:
        found = _drawn(chance, traits)
        if not any(check_workflow(workflow) for workflow in found):
            return found


def _drawn(chance: Random, traits: Traits) -> list[Workflow]:
    leaf = Author(chance, traits, "sub2", 3, ()).write()
    middle = Author(chance, traits, "sub1", 4, ("sub2",)).write()
    root = Author(chance, traits, "main", traits.steps, ("sub1", "sub2")).write()
    return [msgspec.convert(body, Workflow) for body in (root, middle, leaf)]


class Author:
    """Writes one workflow; reference names tell where a step stands."""

    def __init__(
        self,
        chance: Random,
        traits: Traits,
        name: str,
        steps: int,
        known: tuple[str, ...],
        prefix: str = "",
    ) -> None:
        self._chance = chance
        self._traits = traits
        self._name = name
        self._prefix = prefix or name[0] + name[3:]
        self._left = steps
        self._known = known
        self._count = 0
        self._readable: list[str] = []
        self._pivot = chance.random() < traits.pivot * 2
        self._weights = {**_WEIGHTS, **traits.weights}

    def write(self) -> Json:
        """The definition as JSON."""
        chance = self._chance
        steps = self._list(0, max(1, self._left + chance.randint(-2, 3)))
        if self._traits.wide and self._name == "main":
            wide = self._traits.wide
            steps += self._fan_of(wide) if chance.random() < 0.3 else self._wide_fork()
        body: Json = {
            "name": self._name,
            "tasks": steps,
            "variables": {"x": 1} if chance.random() < 0.4 else {},
        }
        if chance.random() < 0.3:
            reads = [r for r in self._readable if chance.random() < 0.5]
            body["outputParameters"] = {r: f"${{{r}.output}}" for r in reads}
        if self._name == "main" and chance.random() < 0.12:
            body["timeoutSeconds"] = chance.choice((2, 8, 25))
            body["timeoutPolicy"] = chance.choice(("TIME_OUT_WF", "TIME_OUT_WF", "ALERT_ONLY"))
        if self._known and chance.random() < 0.06:
            body["failureWorkflow"] = "sub2"
        return body

    # --- lists ----------------------------------------------------------------------------------

    def _list(self, depth: int, length: int) -> list[Json]:
        found: list[Json] = []
        while len(found) < length and (self._left > 0 or not found):
            kinds = _ALONE if depth >= 3 else (*_ALONE, *_NESTED)
            weights = [self._weights[kind] for kind in kinds]
            kind = self._chance.choices(kinds, weights)[0]
            if kind == "TERMINATE" and depth == 0:
                kind = "SIMPLE"
            self._left -= 1
            found += getattr(self, f"_{kind.lower()}")(depth)
            if kind == "TERMINATE":
                break
        return found

    def _short(self, depth: int) -> list[Json]:
        return self._list(depth + 1, self._chance.choice((1, 1, 2, 3)))

    def _ref(self) -> str:
        self._count += 1
        return f"{self._prefix}_{self._count}"

    def _step(self, kind: str, **fields: Any) -> Json:
        ref = self._ref()
        return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}

    def _some_read(self) -> str:
        chance = self._chance
        choices = ["${workflow.input.n}", "${workflow.variables.x}", "plain"]
        if self._readable:
            choices += [f"${{{chance.choice(self._readable)}.output.n}}"] * 3
        return chance.choice(choices)

    # --- steps ----------------------------------------------------------------------------------

    def _simple(self, depth: int) -> list[Json]:
        chance, traits = self._chance, self._traits
        name = chance.choice(TASKS)
        step = self._step("SIMPLE", inputParameters={"a": self._some_read()})
        ref = step["taskReferenceName"]
        step["name"] = name
        if chance.random() < traits.undo:
            parameters = {"n": f"${{{ref}.output.n}}", "a": f"${{{ref}.input.a}}"}
            if chance.random() < 0.03:
                parameters["n"] = "${= 1 / 0}"  # an undo that cannot even be begun
            step["undo"] = {"name": chance.choice(UNDOS), "inputParameters": parameters}
        drawn = chance.random()
        if drawn < traits.optional:
            step["optional"] = True
        elif drawn < traits.optional + traits.permissive:
            step["permissive"] = True
        elif self._pivot and chance.random() < 0.3:
            step["pivot"] = True
            self._pivot = False
        if chance.random() < 0.06:
            step["startDelay"] = chance.choice((0.2, 3))
        if chance.random() < 0.1:
            step["retryCount"] = chance.choice((0, 1))
        self._readable.append(ref)
        return [step]

    def _switch(self, depth: int) -> list[Json]:
        chance = self._chance
        if chance.random() < 0.6:
            fields: Json = {
                "evaluatorType": "value-param",
                "expression": "k",
                "inputParameters": {"k": "${workflow.input.k}"},
            }
        else:
            fields = {
                "evaluatorType": "pavane",
                "expression": chance.choice(("k % 2 == 0", "'1' if k > 1 else '0'", "k + 1")),
                "inputParameters": {"k": "${workflow.input.k}"},
            }
        step = self._step("SWITCH", **fields)
        labels = chance.sample(("0", "1", "2", "true", "false"), chance.choice((1, 2, 3)))
        cases = {label: self._case(depth) for label in labels}
        step["decisionCases"] = cases
        if chance.random() < 0.6:
            step["defaultCase"] = self._case(depth)
        return [step]

    def _case(self, depth: int) -> list[Json]:
        """A branch of a SWITCH: what stands in it is nothing that another one could read."""
        before = list(self._readable)
        found = self._short(depth)
        self._readable = before
        return found

    def _do_while(self, depth: int) -> list[Json]:
        """For each of a list, while a number of iterations is not reached, or both."""
        chance = self._chance
        step = self._step("DO_WHILE")
        ref, before = step["taskReferenceName"], list(self._readable)
        listed = chance.random() < 0.6
        if listed:
            step["items"] = list(range(chance.choice((0, 1, 2, 2, 3))))
        if not listed or chance.random() < 0.2:
            step["evaluatorType"] = "pavane"
            step["loopCondition"] = f"{ref}.output.iteration < {chance.choice((1, 2, 3, 4))}"
        step["loopOver"] = self._short(depth)
        self._readable = before
        return [step]

    def _fork_join(self, depth: int) -> list[Json]:
        chance = self._chance
        fork = self._step("FORK_JOIN")
        branches = [self._short(depth) for _ in range(chance.choice((2, 2, 3, 4)))]
        for branch in branches:
            if branch[-1]["type"] == "TERMINATE" or (
                branch[-1]["type"] == "SWITCH" and chance.random() < 0.7
            ):
                branch.append(self._step("NOOP"))
        fork["forkTasks"] = branches
        return [fork, self._join(branches)]

    def _fork_join_dynamic(self, depth: int) -> list[Json]:
        """In its simple form all branches are alike, else each is written out."""
        if self._chance.random() < 0.6:
            return self._fan_of(self._chance.choice((0, 1, 2, 3, 3)))
        branches = [self._branch() for _ in range(self._chance.choice((0, 1, 2, 3)))]
        inputs = {each["taskReferenceName"]: {"a": self._some_read()} for each in branches}
        step = self._step("FORK_JOIN_DYNAMIC", inputParameters={"dyn": branches, "with": inputs})
        step |= {"dynamicForkTasksParam": "dyn", "dynamicForkTasksInputParamName": "with"}
        return [step, self._step("JOIN")]

    def _fan_of(self, width: int) -> list[Json]:
        inputs = [{"a": self._some_read()} for _ in range(width)]
        given = {"forkTaskName": self._chance.choice(TASKS), "forkTaskInputs": inputs}
        step = self._step("FORK_JOIN_DYNAMIC", inputParameters=given)
        return [{**step, **self._of_branch()}, self._step("JOIN")]

    def _branch(self) -> Json:
        """A step that is made at run time, so nothing here can be read from it."""
        kind = self._chance.choice(("SIMPLE", "SIMPLE", "SIMPLE", "WAIT", "SUB_WORKFLOW"))
        step = self._step(kind)
        if kind == "WAIT":
            return step | {"inputParameters": {"duration": "0.2 seconds"}}
        if kind == "SUB_WORKFLOW" and self._known:
            return step | {"subWorkflowParam": {"name": self._chance.choice(self._known)}}
        name = self._chance.choice(TASKS)
        return step | {"name": name, "type": "SIMPLE", **self._of_branch()}

    def _of_branch(self) -> Json:
        chance, traits = self._chance, self._traits
        found: Json = {}
        if chance.random() < traits.undo:
            found["undo"] = {"name": chance.choice(UNDOS)}
        drawn = chance.random()
        if drawn < traits.optional:
            found["optional"] = True
        elif drawn < traits.optional + traits.permissive:
            found["permissive"] = True
        if chance.random() < 0.1:
            found["retryCount"] = chance.choice((0, 1))
        return found

    def _join(self, branches: list[list[Json]]) -> Json:
        chance = self._chance
        names = [branch[-1]["taskReferenceName"] for branch in branches]
        if chance.random() < self._traits.partial_join:
            names = chance.sample(names, max(1, len(names) - 1))
        join = self._step("JOIN", joinOn=names)
        if chance.random() < 0.3:
            self._readable.append(join["taskReferenceName"])
        return join

    def _wide_fork(self) -> list[Json]:
        fork = self._step("FORK_JOIN")
        branches: list[list[Json]] = []
        for _ in range(self._traits.wide):
            worked = self._chance.random() < 0.25
            branches.append(self._simple(9) if worked else [self._step("NOOP")])
        fork["forkTasks"] = branches
        return [fork, self._join(branches)]

    def _sub_workflow(self, depth: int) -> list[Json]:
        chance = self._chance
        step = self._step("SUB_WORKFLOW", inputParameters={"k": "${workflow.input.k}", "n": 3})
        if self._known and chance.random() < 0.4:
            step["subWorkflowParam"] = {"name": chance.choice(self._known)}
        else:
            ref = step["taskReferenceName"]
            name = f"{self._name}.{ref}"
            steps = min(self._left, chance.choice((2, 3, 4)))
            inner = Author(chance, self._traits, name, steps, self._known, prefix=ref)
            self._left -= max(0, steps - 1)
            body = inner.write()
            body.pop("failureWorkflow", None)
            step["subWorkflowParam"] = {"name": name, "workflowDefinition": body}
        if chance.random() < 0.1:
            step["retryCount"] = 1
        if chance.random() < self._traits.timeouts / 4:
            step["taskDefinition"] = self._limits()
        if chance.random() < 0.1:
            step["undo"] = {"name": chance.choice(UNDOS)}
        drawn = chance.random()
        if drawn < self._traits.optional:
            step["optional"] = True
        elif drawn < self._traits.optional + self._traits.permissive:
            step["permissive"] = True
        return [step]

    def _wait(self, depth: int) -> list[Json]:
        chance = self._chance
        duration = chance.choice(("0.2 seconds", "2 seconds", "9 seconds", "", "1 minute"))
        step = self._step("WAIT", inputParameters={"duration": duration} if duration else {})
        if chance.random() < self._traits.timeouts / 2:
            step["taskDefinition"] = self._limits()
            step["optional"] = chance.random() < 0.5
        return [step]

    def _limits(self) -> Json:
        """A policy for a step that is no worker's: after so long it has failed."""
        chance = self._chance
        return {
            "retryCount": chance.choice((0, 0, 1)),
            "retryDelaySeconds": 0.1,
            "timeoutSeconds": chance.choice((1, 4)),
            "timeoutPolicy": chance.choice(("RETRY", "TIME_OUT_WF", "ALERT_ONLY")),
        }

    def _set_variable(self, depth: int) -> list[Json]:
        return [self._step("SET_VARIABLE", inputParameters={"x": self._some_read()})]

    def _inline(self, depth: int) -> list[Json]:
        expression = self._chance.choice(("k + 1", "k * 2", "6 / k"))  # the last fails for 0
        fields = {"evaluatorType": "pavane", "expression": expression}
        step = self._step("INLINE", inputParameters={"k": "${workflow.input.k}"}, **fields)
        return [step]

    def _noop(self, depth: int) -> list[Json]:
        return [self._step("NOOP")]

    def _terminate(self, depth: int) -> list[Json]:
        status = self._chance.choice(("COMPLETED", "FAILED", "TERMINATED", "FAILED"))
        return [self._step("TERMINATE", inputParameters={"terminationStatus": status})]
