"""A small interpreter of definitions, independent of the engine: what the JSON means, plainly."""

from __future__ import annotations

import random
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import Step, SubWorkflow, Workflow
from pavane.errors import Fail
from pavane.sdk.task import Task

DURATION = re.compile(r"(\d+ days?)?( ?\d+ hours?)?( ?\d+ minutes?)?( ?[\d.]+ seconds?)?", re.ASCII)

LISTED = (range, zip, enumerate, type({}.keys()), type({}.values()), type({}.items()))


class Ended(Exception):
    """A TERMINATE, or a task that failed."""

    def __init__(self, status: str, output: Any, reason: str, step: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.output, self.reason, self.step = status, output, reason, step
        self.inner = self  # how the execution itself ended, of one that ends another

    @property
    def told(self) -> str:
        return self.reason if self.step is None else f"{self.step}: {self.reason}"

    @property
    def failure(self) -> dict[str, Any]:
        kind = "fail" if self.step is None else "step"
        return {"failure": {"kind": kind, "step": self.step or "", "reason": self.reason}}


class Map(dict[str, Any]):
    """A JSON object whose members are also attributes, for `eval`."""

    def __getattribute__(self, name: str) -> Any:
        return self[name] if name in self else super().__getattribute__(name)


def seen(value: Any) -> Any:
    if isinstance(value, dict):
        return Map({key: seen(item) for key, item in value.items()})
    if isinstance(value, list):
        return [seen(item) for item in value]
    return value


def _reader(kind: Any, parse: Any) -> Any:
    def read(*values: Any, **named: Any) -> Any:
        if len(values) == 1 and isinstance(values[0], kind):
            return values[0]
        return parse(values[0]) if isinstance(values[0], str) else kind(*values, **named)

    return read


FUNCTIONS = {
    "decimal": lambda value: value if isinstance(value, Decimal) else Decimal(str(value)),
    "date": _reader(date, date.fromisoformat),
    "datetime": _reader(datetime, datetime.fromisoformat),
    "time": _reader(time, time.fromisoformat),
    "timedelta": lambda value="", **named: (
        timedelta(**named) if named else msgspec.convert(value, timedelta)
    ),
    "uuid": _reader(UUID, UUID),
}


class Interpreter:
    """Runs one definition with real task functions; forks run branch by branch in random order."""

    def __init__(
        self, tasks: dict[str, Task[..., Any]], workflows: dict[str, Workflow], seed: int
    ) -> None:
        self.tasks, self.workflows, self.random = tasks, workflows, random.Random(seed)
        self.steps = self.iterations = self.caught = 0
        self.winners: dict[str, str] = {}  # by JOIN, of races
        self.fans: dict[str, list[str]] = {}  # the branches that a JOIN waits for, if they are made

    async def run(self, definition: Workflow, given: dict[str, Any]) -> tuple[str, Any, str]:
        """Status, output and reason of one execution."""
        try:
            return "COMPLETED", await self.ended_well(definition, given), ""
        except Ended as end:
            return end.status, end.output, end.told

    async def ended_well(self, definition: Workflow, given: dict[str, Any]) -> Any:
        given = {**definition.input_template, **given}
        data: dict[str, Any] = {"workflow": {"input": given, "variables": {}}}
        try:
            last = await self.block(definition.tasks, data)
        except Ended as end:
            if end.status == "COMPLETED":
                return end.output
            raise
        if definition.output_parameters:
            return self.filled(definition.output_parameters, data)
        return last

    async def block(self, steps: list[Step], data: dict[str, Any]) -> Any:
        last: Any = {}
        pending: set[str] = set()
        for step, behind in zip(steps, [*steps[1:], None], strict=False):
            self.steps += 1
            assert step.ref not in data, f"{step.ref} runs twice"
            assert not pending or step.type == "JOIN", "a fork is followed by its join"
            inputs = self.filled(step.input_parameters, data)
            row: dict[str, Any] = {"input": inputs, "output": {}, "status": "COMPLETED"}
            data[step.ref] = row
            if step.type == "FORK_JOIN_DYNAMIC":
                await self.fan(step, inputs, data)
            elif step.type == "FORK_JOIN" and behind is not None and behind.join_count:
                await self.race(step, behind, data)
            elif step.type == "FORK_JOIN":
                for branch in self.random.sample(step.fork_tasks, len(step.fork_tasks)):
                    await self.block(branch, data)
            else:
                try:
                    row["output"] = last = await self.step(step, inputs, data)
                except Ended as end:
                    if not (step.optional and step.type == "SUB_WORKFLOW"):
                        raise
                    self.caught += 1
                    row |= {"output": end.inner.failure, "status": "COMPLETED_WITH_ERRORS"}
        return last

    async def step(self, step: Step, inputs: dict[str, Any], data: dict[str, Any]) -> Any:
        match step.type:
            case "SIMPLE":
                return await self.task(step, inputs)
            case "SWITCH":
                key = _text(inputs[step.expression])
                chosen = step.decision_cases.get(key, step.default_case)
                await self.block(chosen, data)
                return {"selectedCase": key}
            case "JOIN":
                return self.joined(step, data)
            case "SUB_WORKFLOW":
                return await self.child(step, inputs)
            case "SET_VARIABLE":
                data["workflow"]["variables"].update(inputs)
                return {}
            case "WAIT":
                if "duration" in inputs:
                    assert DURATION.fullmatch(inputs["duration"]), inputs
                return {}
            case "DO_WHILE":
                return await self.loop(step, data)
            case "NOOP":
                return {}
            case "TERMINATE":
                status = inputs["terminationStatus"]
                reason = inputs.get("terminationReason", "")
                raise Ended(status, inputs.get("workflowOutput", {}), reason)
            case other:
                raise AssertionError(f"unknown step type {other}")

    def joined(self, step: Step, data: dict[str, Any]) -> Any:
        """What a JOIN shows: its winner, what a fan has made, or the ends of its branches."""
        if step.join_count:
            won = self.winners[step.ref]
            return {"winner": won, "winners": [won], won: data[won]["output"]}
        if step.ref in self.fans:
            outputs = {ref: data[ref]["output"] for ref in self.fans[step.ref]}
            return {ref: output for ref, output in outputs.items() if output}
        assert all(ref in data for ref in step.join_on), "a join waits for ever"
        return {ref: data[ref]["output"] for ref in step.join_on}

    async def fan(self, step: Step, inputs: dict[str, Any], data: dict[str, Any]) -> None:
        """A branch for each item, in any order; its JOIN is named after the fork."""
        name, items = inputs["forkTaskName"], inputs["forkTaskInputs"]
        names = [f"_{step.ref}_{name}_{index}" for index in range(len(items))]
        self.fans[f"{step.ref}_join"] = inputs["forkedTasks"] = names
        workflow = inputs.get("forkTaskWorkflow")
        for index in self.random.sample(range(len(items)), len(items)):
            one = Step(name=name, task_reference_name=names[index], service=step.service)
            if workflow:
                param = SubWorkflow(workflow, inputs["forkTaskWorkflowVersion"])
                one = msgspec.structs.replace(one, sub_workflow_param=param, type="SUB_WORKFLOW")
            one = msgspec.structs.replace(one, optional=step.optional)
            output = await self.step(one, items[index], data)
            data[names[index]] = {"input": items[index], "output": output, "status": "COMPLETED"}

    async def race(self, fork: Step, join: Step, data: dict[str, Any]) -> None:
        """The first branch of one that is done; what waits is slower than tasks that end."""
        assert join.join_count == 1
        assert all(len(branch) == 1 for branch in fork.fork_tasks)
        steps = [branch[0] for branch in fork.fork_tasks]
        failures: list[Ended] = []
        for step in sorted(steps, key=lambda each: (each.name == "forever", each.type == "WAIT")):
            try:
                await self.block([step], data)
            except Ended as end:
                failures.append(end)
            else:
                self.winners[join.ref] = step.ref
                return
        raise failures[-1]

    async def loop(self, step: Step, data: dict[str, Any]) -> Any:
        """Iterations; a name means the step of the newest one, null where it was not carried out"""
        items = None if step.items is None else self.filled(step.items, data)
        assert items is None or isinstance(items, list), f"{items!r} is no list"
        output: dict[str, Any] = {"iteration": 0}
        data[step.ref]["output"] = output
        refs = {each.ref for each in all_steps(step.loop_over)}
        while items is None or output["iteration"] < len(items):
            if items is not None:
                output |= {"loopItem": items[output["iteration"]], "loopIndex": output["iteration"]}
            output["iteration"] += 1
            self.iterations += 1
            assert self.iterations < 10_000, "a loop without an end"
            for ref in refs:
                data.pop(ref, None)
            await self.block(step.loop_over, data)
            seen = dict.fromkeys(refs) | data  # null, where an iteration did not come to it
            if step.loop_condition and not self.text(f"${{= {step.loop_condition} }}", seen):
                break
        return output

    async def task(self, step: Step, inputs: dict[str, Any]) -> Any:
        task = self.tasks[step.name]
        assert step.service == task.service
        body = msgspec.json.encode(inputs)
        args, kwargs = task.contract.arguments(body, None)
        try:
            result = task.function(*args, **kwargs)
            if task.shape.is_async:
                result = await result
        except Fail as error:
            if step.optional:
                return {}
            raise Ended("FAILED", {}, str(error), step.name) from error
        return msgspec.json.decode(task.contract.result(result))

    async def child(self, step: Step, inputs: dict[str, Any]) -> Any:
        assert step.sub_workflow_param is not None
        inline = step.sub_workflow_param.workflow_definition
        definition = inline or self.workflows[step.sub_workflow_param.name]
        assert set(inputs) <= set(definition.input_parameters)
        try:
            return await self.ended_well(definition, inputs)
        except Ended as end:
            outer = Ended(end.status, end.output, end.told, step.name)
            outer.inner = end
            raise outer from end

    # expressions

    def filled(self, value: Any, data: dict[str, Any]) -> Any:
        if isinstance(value, dict):
            return {key: self.filled(item, data) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item, data) for item in value]
        return self.text(value, data) if isinstance(value, str) else value

    def text(self, text: str, data: dict[str, Any]) -> Any:
        if text.startswith("${=") and text.endswith("}"):
            code = text[3:-1].strip()
            result = eval(code, {**FUNCTIONS, **seen(data)})
            if isinstance(result, LISTED):
                result = [list(x) if isinstance(x, tuple) else x for x in result]
            return msgspec.to_builtins(result, str_keys=True)
        whole = re.fullmatch(r"\$\{([^{}]*)\}", text)
        if whole and not text.startswith("$${"):
            return _path(whole[1], data)
        parts = re.split(r"(?<!\$)\$\{([^{}]*)\}", text)
        for index in range(1, len(parts), 2):
            parts[index] = _text(_path(parts[index], data))
        return "".join(parts).replace("$${", "${")


def _path(path: str, data: Any) -> Any:
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            data = data[int(index)] if index else data[name]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
