"""Random definitions that both styles can play: small, within the projectable profile."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from pavane.core.check import check_workflow
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.testing.simulation.dance.steps import Json, Scope, Steps, Traits

_ALONE = (
    "SIMPLE",
    "WAIT",
    "SET_VARIABLE",
    "INLINE",
    "NOOP",
    "TERMINATE",
    "FORK_JOIN_DYNAMIC",
)
_RACE = "RACE"  # a FORK_JOIN whose JOIN goes on with some of its branches
_NESTED = ("SWITCH", "FORK_JOIN", "SUB_WORKFLOW", "DO_WHILE", _RACE)
_WEIGHTS = {
    "SIMPLE": 52.0,
    "SWITCH": 9.0,
    "FORK_JOIN": 12.0,
    "FORK_JOIN_DYNAMIC": 8.0,
    "SUB_WORKFLOW": 11.0,
    "DO_WHILE": 8.0,
    "WAIT": 5.0,
    "SET_VARIABLE": 4.0,
    "INLINE": 4.0,
    "NOOP": 2.0,
    "TERMINATE": 4.0,
    _RACE: 0.0,
}

_RACERS = ("SIMPLE", "SIMPLE", "WAIT", "SUB_WORKFLOW")


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


class Author(Steps):
    """Writes one workflow with its scopes."""

    def __init__(self, chance: Random, traits: Traits, name: str) -> None:
        super().__init__(chance, traits)
        self._name = name
        self._left = traits.steps
        self._weights = {**_WEIGHTS, **({"DO_WHILE": 0.0} if traits.racy else {}), **traits.weights}

    def write(self) -> Json:
        """The definition as JSON."""
        scope = Scope(self._name)
        steps = self._list(scope, 0, max(1, self._left), forked=False)
        if not any(step["type"] == "SIMPLE" or "joinCount" in step for step in steps):
            steps.insert(0, self._simple(scope, False)[0])
        return self._body(scope, steps)

    def _body(self, scope: Scope, steps: list[Json]) -> Json:
        chance = self._chance
        body: Json = {"name": scope.name, "tasks": steps, "variables": {"x": 1}}
        if chance.random() < 0.4:
            reads = [ref for ref in scope.readable if chance.random() < 0.6]
            body["outputParameters"] = {ref: f"${{{ref}.output}}" for ref in reads}
        racy, whole = self._traits.racy, scope.name == self._name
        late = self._behind and not racy  # it would mean nothing
        dated = self._dated if whole else chance.random() < self._traits.deadline
        if dated and not late and (racy or not (self._dated_inside or (self._dated and not whole))):
            self._dated_inside = not whole  # two deadlines would race
            seconds = chance.choice((2, 5)) if racy else 300
            body |= {"timeoutSeconds": seconds, "timeoutPolicy": "TIME_OUT_WF"}
        return body

    # --- lists ----------------------------------------------------------------------------------

    def _list(self, scope: Scope, depth: int, length: int, *, forked: bool) -> list[Json]:
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

    def _write(self, kind: str, scope: Scope, depth: int, forked: bool) -> list[Json]:
        match kind:
            case "SIMPLE":
                return self._simple(scope, forked)
            case "SWITCH":
                return self._switch(scope, depth, forked)
            case "FORK_JOIN":
                return self._fork(scope, depth)
            case "RACE":
                return self._race(scope, depth)
            case "SUB_WORKFLOW":
                return self._sub(scope, depth, forked)
            case "FORK_JOIN_DYNAMIC":
                return self._each(scope, forked)
            case "TERMINATE":
                return self._terminate(forked)
            case "DO_WHILE":
                return self._loop(scope, depth, forked)
            case _:
                return self._instant(kind, scope, forked)

    # --- steps that hold others ------------------------------------------------------------------

    def _switch(self, scope: Scope, depth: int, forked: bool) -> list[Json]:
        chance = self._chance
        read = self._some_read(scope) if chance.random() < 0.4 else "${workflow.input.k}"
        step = self._step("SWITCH", inputParameters={"k": read})
        older = chance.random() < 0.45
        if older:
            step |= {"type": "DECISION", "caseValueParam": "k"}
        elif chance.random() < 0.6:
            step |= {"evaluatorType": "value-param", "expression": "k"}
        else:
            step |= {"evaluatorType": "pavane", "expression": "'0' if k == 0 else '1'"}
        labels = chance.sample(("0", "1", "2"), chance.choice((1, 2)))
        before, behind = list(scope.readable), self._behind
        step["decisionCases"] = {label: self._case(scope, depth, forked) for label in labels}
        if older and "2" not in labels:
            step["decisionCases"]["2"] = []  # which is none
        if chance.random() < 0.5:
            step["defaultCase"] = self._case(scope, depth, forked)
        if chance.random() < 0.7:  # else: read from outside what perhaps never ran
            scope.readable = before
        self._behind = behind or self._behind
        return [step, *(self._meet(scope, step, forked) if chance.random() < 0.45 else [])]

    def _meet(self, scope: Scope, choice: Json, forked: bool) -> list[Json]:
        """Where the ways of a choice meet."""
        ways = [*choice["decisionCases"].values(), choice.get("defaultCase", [])]
        last = [way[-1]["taskReferenceName"] for way in ways if way]
        join = self._step("EXCLUSIVE_JOIN", joinOn=last)
        if forked or self._behind or self._chance.random() < 0.7:  # else it fails where none is
            join["defaultExclusiveJoinTask"] = [choice["taskReferenceName"]]
        scope.views.append(f"${{{join['taskReferenceName']}.output}}")
        return [join]

    def _case(self, scope: Scope, depth: int, forked: bool) -> list[Json]:
        return self._list(scope, depth + 1, self._chance.choice((1, 1, 2)), forked=forked)

    def _loop(self, scope: Scope, depth: int, forked: bool) -> list[Json]:
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

    def _fork(self, scope: Scope, depth: int) -> list[Json]:
        chance = self._chance
        fork = self._step("FORK_JOIN")
        before, views = list(scope.readable), list(scope.views)
        branches: list[list[Json]] = []
        pivot, self._pivot = self._pivot, False  # none side by side
        found: list[str] = []
        for _ in range(chance.choice((2, 2, 3))):
            scope.readable, scope.views = list(before), list(views)
            branch = self._list(scope, depth + 1, chance.choice((1, 1, 2)), forked=True)
            if branch[-1]["type"] in ("SWITCH", "DECISION", "TERMINATE", "JOIN"):
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

    def _race(self, scope: Scope, depth: int) -> list[Json]:
        """Branches of one step each, of which one or two are enough."""
        chance = self._chance
        fork = self._step("FORK_JOIN")
        before, views = list(scope.readable), list(scope.views)
        pivot, self._pivot = self._pivot, False
        branches: list[list[Json]] = []
        found: list[str] = []
        kinds = ("SIMPLE", "WAIT") if depth >= self._traits.depth else _RACERS
        for kind in ("SIMPLE", *chance.choices(kinds, k=chance.choice((1, 1, 2)))):
            scope.readable, scope.views = list(before), list(views)
            branch = self._write(kind, scope, depth, True)
            branch[0].pop("optional", None)
            branches.append(branch)
            found += scope.readable[len(before) :]
        self._pivot = pivot
        fork["forkTasks"] = branches
        join = self._step("JOIN", joinOn=[branch[0]["taskReferenceName"] for branch in branches])
        join["joinCount"] = chance.choice((1, 1, 1, 2))
        scope.readable = before + found
        name = join["taskReferenceName"]
        scope.views = [*views, f"${{{name}.output.winner}}", f"${{{name}.output}}"]
        return [fork, join]

    def _sub(self, scope: Scope, depth: int, forked: bool) -> list[Json]:
        chance = self._chance
        parameters = {"k": "${workflow.input.k}", "n": self._some_read(scope)}
        step = self._step("SUB_WORKFLOW", inputParameters=parameters)
        ref = step["taskReferenceName"]
        inner = Scope(f"{scope.name}.{ref}")
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
