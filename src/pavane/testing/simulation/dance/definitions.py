"""Random definitions that both styles can play: small, within the projectable profile."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from pavane.core.check import check_workflow
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow

Json = dict[str, Any]

SERVICES = ("alma", "bela", "carl", "dora", "emil")
_ALONE = ("SIMPLE", "WAIT", "SET_VARIABLE", "INLINE", "NOOP", "TERMINATE")
_NESTED = ("SWITCH", "FORK_JOIN", "SUB_WORKFLOW", "DO_WHILE")
_WEIGHTS = {
    "SIMPLE": 52.0,
    "SWITCH": 9.0,
    "FORK_JOIN": 12.0,
    "SUB_WORKFLOW": 11.0,
    "DO_WHILE": 8.0,
    "WAIT": 5.0,
    "SET_VARIABLE": 4.0,
    "INLINE": 4.0,
    "NOOP": 2.0,
    "TERMINATE": 4.0,
}


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


class Drawn(msgspec.Struct, frozen=True):
    """A workflow with the definitions of its tasks."""

    workflow: Workflow
    tasks: list[TaskDefinition]
    others: list[Workflow] = []  # that it starts by name


def draw_definition(chance: Random, traits: Traits, name: str = "main", version: int = 1) -> Drawn:
    """A definition in which the checks find nothing."""
    while True:
        author = Author(chance, traits, name)
        body = author.write()
        body["style"], body["version"] = "choreographed", version
        drawn = Drawn(msgspec.convert(body, Workflow), author.tasks)
        tasks = {task.name: task for task in drawn.tasks}
        if author.count <= traits.steps + 3 and not check_workflow(drawn.workflow, tasks):
            return drawn


class Author:
    """Writes one workflow with its scopes; each SIMPLE step has a task of its own."""

    def __init__(self, chance: Random, traits: Traits, name: str) -> None:
        self._chance = chance
        self._traits = traits
        self._name = name
        self._left = traits.steps
        self.count = 0
        self._services = SERVICES[: traits.services]
        self._weights = {**_WEIGHTS, **({"DO_WHILE": 0.0} if traits.racy else {}), **traits.weights}
        self.tasks: list[TaskDefinition] = []
        self._pivot = chance.random() < traits.pivot  # there is to be one
        self._dated = chance.random() < traits.deadline  # the whole has a deadline
        self._behind = False  # it was written: what comes now has no way back

    def write(self) -> Json:
        """The definition as JSON."""
        scope = _Scope(self._name)
        steps = self._list(scope, 0, max(1, self._left), forked=False)
        if not any(step["type"] == "SIMPLE" for step in steps):
            steps.insert(0, self._simple(scope, False)[0])
        return self._body(scope, steps)

    def _body(self, scope: _Scope, steps: list[Json]) -> Json:
        chance = self._chance
        body: Json = {"name": scope.name, "tasks": steps, "variables": {"x": 1}}
        if chance.random() < 0.4:
            reads = [ref for ref in scope.readable if chance.random() < 0.6]
            body["outputParameters"] = {ref: f"${{{ref}.output}}" for ref in reads}
        racy, whole = self._traits.racy, scope.name == self._name
        late = self._behind and not racy  # it would mean nothing
        dated = self._dated if whole else chance.random() < self._traits.deadline
        if dated and not late and (racy or whole or not self._dated):
            self._dated = True  # two deadlines would race
            seconds = chance.choice((2, 5)) if racy else 300
            body |= {"timeoutSeconds": seconds, "timeoutPolicy": "TIME_OUT_WF"}
        return body

    # --- lists ----------------------------------------------------------------------------------

    def _list(self, scope: _Scope, depth: int, length: int, *, forked: bool) -> list[Json]:
        found: list[Json] = []
        while len(found) < length and (self._left > 0 or not found):
            kinds = _ALONE if depth >= self._traits.depth else (*_ALONE, *_NESTED)
            kind = self._chance.choices(kinds, [self._weights[kind] for kind in kinds])[0]
            if kind == "TERMINATE" and (
                not found or self._behind or (forked and not self._traits.racy)
            ):
                kind = "SIMPLE"
            self._left -= 1
            found += self._write(kind, scope, depth, forked)
            if kind == "TERMINATE":
                break
        return found

    def _write(self, kind: str, scope: _Scope, depth: int, forked: bool) -> list[Json]:
        match kind:
            case "SIMPLE":
                return self._simple(scope, forked)
            case "SWITCH":
                return self._switch(scope, depth, forked)
            case "FORK_JOIN":
                return self._fork(scope, depth)
            case "SUB_WORKFLOW":
                return self._sub(scope, depth, forked)
            case "TERMINATE":
                return self._terminate(forked)
            case "DO_WHILE":
                return self._loop(scope, depth, forked)
            case _:
                return self._instant(kind, scope, forked)

    def _step(self, kind: str, **fields: Any) -> Json:
        self.count += 1
        ref = f"{kind[:2].lower()}{self.count}"
        return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}

    def _some_read(self, scope: _Scope) -> str:
        choices = ["${workflow.input.k}", "${workflow.variables.x}", "plain"]
        if scope.readable:
            choices += [f"${{{self._chance.choice(scope.readable)}.output.n}}"] * 5
        for loop, listed in scope.loops:
            member = "loopItem" if listed else "iteration"
            choices += [f"${{{loop}.output.{member}}}"] * 2 + ["${workflow.variables.x}"] * 2
        return self._chance.choice(choices + scope.views)

    # --- steps ----------------------------------------------------------------------------------

    def _simple(self, scope: _Scope, forked: bool) -> list[Json]:
        chance, traits = self._chance, self._traits
        step = self._step("SIMPLE", inputParameters={"a": self._some_read(scope)})
        ref = step["taskReferenceName"]
        step["name"] = f"do_{ref}"
        service = chance.choice(self._services)
        fields: Json = {"retry_count": chance.choice((0, 0, 1, 2))}
        if self._behind:
            fields |= {"retriable": True}
        elif self._pivot and not forked and chance.random() < 0.5:
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
        scope.readable.append(ref)
        return [step]

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

    def _switch(self, scope: _Scope, depth: int, forked: bool) -> list[Json]:
        chance = self._chance
        read = self._some_read(scope) if chance.random() < 0.4 else "${workflow.input.k}"
        step = self._step("SWITCH", inputParameters={"k": read})
        if chance.random() < 0.6:
            step |= {"evaluatorType": "value-param", "expression": "k"}
        else:
            step |= {"evaluatorType": "pavane", "expression": "'0' if k == 0 else '1'"}
        labels = chance.sample(("0", "1", "2"), chance.choice((1, 2)))
        before, behind = list(scope.readable), self._behind
        step["decisionCases"] = {label: self._case(scope, depth, forked) for label in labels}
        if chance.random() < 0.5:
            step["defaultCase"] = self._case(scope, depth, forked)
        if chance.random() < 0.7:  # else: read from outside what perhaps never ran
            scope.readable = before
        self._behind = behind or self._behind
        return [step]

    def _case(self, scope: _Scope, depth: int, forked: bool) -> list[Json]:
        return self._list(scope, depth + 1, self._chance.choice((1, 1, 2)), forked=forked)

    def _loop(self, scope: _Scope, depth: int, forked: bool) -> list[Json]:
        """Over a list, while a condition holds, or both; at most three times."""
        chance = self._chance
        step = self._step("DO_WHILE", inputParameters={})
        ref = step["taskReferenceName"]
        listed = chance.random() < 0.6
        if listed:
            lists: list[Any] = [[1, 0], [2, 1, 0], ["a"], [], "${workflow.input.l}"]
            step["items"] = chance.choice(lists)
        before, pivot, self._pivot = list(scope.readable), self._pivot, False
        scope.loops.append((ref, listed))
        step["loopOver"] = self._list(scope, depth + 1, chance.choice((1, 2, 2)), forked=forked)
        scope.loops.pop()
        self._pivot = pivot
        if not listed or chance.random() < 0.3:
            found = [each for each in scope.readable if each not in before]
            condition = f"{ref}.output.iteration < {chance.choice((1, 2, 2, 3))}"
            if found and chance.random() < 0.5:  # what may not have run, or have failed
                condition += f" and {chance.choice(found)}.output.n != 1"
            elif chance.random() < 0.3:
                condition += " and workflow.variables.x != 2"
            step |= {"evaluatorType": "pavane", "loopCondition": condition}
        if chance.random() < 0.5:
            scope.readable = before
        shown = ["output.iteration", "output", "output.1", *(["output.loopItem"] * listed)]
        scope.views.append(f"${{{ref}.{chance.choice(shown)}}}")
        if chance.random() < 0.2:
            step["inputParameters"]["keepLastN"] = chance.choice((1, 2))
        return [step]

    def _fork(self, scope: _Scope, depth: int) -> list[Json]:
        chance = self._chance
        fork = self._step("FORK_JOIN")
        before, views = list(scope.readable), list(scope.views)
        branches: list[list[Json]] = []
        pivot, self._pivot = self._pivot, False  # none side by side
        found: list[str] = []
        for _ in range(chance.choice((2, 2, 3))):
            scope.readable, scope.views = list(before), list(views)
            branch = self._list(scope, depth + 1, chance.choice((1, 1, 2)), forked=True)
            if branch[-1]["type"] in ("SWITCH", "TERMINATE", "JOIN"):
                branch.append(self._step("NOOP"))
            branches.append(branch)
            found += scope.readable[len(before) :]
        self._pivot = pivot
        fork["forkTasks"] = branches
        join = self._step("JOIN", joinOn=[branch[-1]["taskReferenceName"] for branch in branches])
        scope.readable, scope.views = before + found, views
        if chance.random() < 0.4 and not self._behind:
            reads = {
                f"b{i}": f"${{{join['taskReferenceName']}.output.{name}.n}}"
                for i, name in enumerate(join["joinOn"])
            }
            inline = self._step("INLINE", inputParameters=reads | {"k": 1}, expression="k + 1")
            return [fork, join, inline | {"evaluatorType": "pavane"}]
        return [fork, join]

    def _sub(self, scope: _Scope, depth: int, forked: bool) -> list[Json]:
        chance = self._chance
        parameters = {"k": "${workflow.input.k}", "n": self._some_read(scope)}
        step = self._step("SUB_WORKFLOW", inputParameters=parameters)
        ref = step["taskReferenceName"]
        inner = _Scope(f"{scope.name}.{ref}")
        pivot = self._pivot
        caught = not self._behind and chance.random() < 0.35
        if caught:
            step["optional"] = True
            self._pivot = False
        steps = self._list(inner, depth + 1, chance.choice((1, 2, 2)), forked=forked)
        self._pivot = pivot
        body = self._body(inner, steps)
        step["subWorkflowParam"] = {"name": inner.name, "workflowDefinition": body}
        if chance.random() < 0.25:
            step["subWorkflowParam"]["home"] = chance.choice(self._services)
        scope.readable.append(ref)
        return [step]

    def _terminate(self, forked: bool) -> list[Json]:
        kinds = ("FAILED", "TERMINATED") if forked else ("COMPLETED", "FAILED", "TERMINATED")
        parameters = {
            "terminationStatus": self._chance.choice(kinds),
            "terminationReason": "the definition says so",
            "workflowOutput": {"k": "${workflow.input.k}"},
        }
        return [self._step("TERMINATE", inputParameters=parameters)]

    def _instant(self, kind: str, scope: _Scope, forked: bool) -> list[Json]:
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

    def _may_be_endless(self, scope: _Scope, forked: bool) -> bool:
        free = not (self._behind or forked or scope.loops)
        return free and self._chance.random() < self._traits.endless

    def _wait(self, scope: _Scope, forked: bool) -> Json:
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


class _Scope:
    """A scope that is being written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.readable: list[str] = []
        self.loops: list[tuple[str, bool]] = []  # around what is being written; over a list?
        self.views: list[str] = []  # of loops that are over
