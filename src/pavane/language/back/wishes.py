"""What a definition says about the types of its data, by how it uses them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, ClassVar, cast

import msgspec

from pavane.core.decide.plan import all_steps
from pavane.core.model.event import SINK
from pavane.core.model.workflow import Step, Workflow
from pavane.language.back.inferring import Inferring, is_path, parsed, shape_of
from pavane.language.back.shapes import Shape

_WHOLE = re.compile(r"\$\{([^{}$]*)\}")
_INSIDE = re.compile(r"(?<!\$)\$\{([^{}$]*)\}")
_VARIABLE = re.compile(r"workflow\.variables\.(\w+)")
_READ = re.compile(r"(?<![\w.-])[\w-]+\.(?:output|input)\b")
_WHOLE_OUTPUT = re.compile(r"\b(\w+)\.output(?![\w.])")
_NUMBER = re.compile(r"-?\d+")

Frame = dict[str, Shape]
"""The shapes of what expressions of one definition can name: steps, and `workflow`."""

Called = tuple[str, str]
"""A service and its task; no service and a workflow."""


class Wishes:
    """The shapes that data must have so that what uses it is compiled as it was."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.steps = [*everything(workflow.tasks)]
        self.shown = shown(workflow)
        self.read_variables = {*_VARIABLE.findall(self.shown)}
        self.read_paths = {*_READ.findall(self.shown)}  # of steps that expressions read
        self.inferring = Inferring()
        self.results: dict[Called, Shape] = {}
        self.parameters: dict[Called, dict[str, list[Shape]]] = {}
        self.calls: dict[Called, int] = {}
        self.events: dict[str, Shape] = {}
        self.scopes: dict[str, Frame] = {}  # by the reference of a step with a definition in place
        self.undos = _undos(self.steps)
        self.gives = Shape()  # the one value that the workflow gives
        self.handed_on = dict(_handed_on(workflow))
        self.whole: set[Called] = set()  # those whose results are read as a whole
        self.raced: set[Called] = set()  # those whose results may be those of a race
        self.items: dict[str, Shape] = {}  # by loop, what it goes through
        self._variables = Shape()
        self._steps: Frame = {step.ref: Shape() for step in self.steps}
        self.top = self._frame()
        self._look(workflow, self.top)
        self.inferring.settle()
        self._settle_races()
        self._find_whole()

    def read(self, code: str, frame: Frame) -> ast.expr | None:
        """The tree of an expression, with a shape on each node; None for what is none."""
        tree = parsed(code)
        if tree is not None:
            self.inferring.read(tree, frame)
        return tree

    def unread(self) -> set[str]:
        """The steps that hand on what nobody reads: it was read by what left no trace."""
        found: set[str] = set()
        for step in self.steps:
            given = step.input_parameters
            if step.type == "SET_VARIABLE" and not given.keys() <= self.read_variables:
                found.add(step.ref)
            param = step.sub_workflow_param
            inner = None if param is None else param.workflow_definition
            given_out = {} if inner is None else inner.output_parameters
            if any(f"{step.ref}.output.{key}" not in self.shown for key in given_out):
                found.add(step.ref)
        return found

    def at(self, path: str, frame: Frame | None = None) -> Shape:
        """The shape of what stands at a path."""
        tree = self.read(path, self.top if frame is None else frame)
        return Shape() if tree is None else shape_of(tree)

    def called(self, who: Called, inputs: dict[str, Any], frame: Frame) -> Shape:
        """Note a call with its inputs; the shape of what it gives."""
        self.calls[who] = self.calls.get(who, 0) + 1
        known = self.parameters.setdefault(who, {})
        for key, value in inputs.items():
            known.setdefault(key, []).append(self._value(value, frame))
        return self.results.setdefault(who, Shape())

    def _frame(self) -> Frame:
        whole = Shape()
        whole.member("variables").become(self._variables)
        return {**self._steps, "workflow": whole}

    def _look(self, workflow: Workflow, frame: Frame) -> None:
        for step in all_steps(workflow.tasks):
            itself = self._steps[step.ref]
            look = self._ways.get(step.type, Wishes._plain)
            look(self, step, itself.member("output"), frame)
            for key, value in step.input_parameters.items():
                itself.member("input").member(key).unite(self._value(value, frame))
            if step.undo is not None:
                who = (step.undo.service or "", step.undo.name)
                self.called(who, step.undo.input_parameters, frame)
        given_out = self._value(workflow.output_parameters, frame)
        if workflow is self.workflow and "result" in given_out.known.fields:
            self.gives.unite(given_out.member("result"))

    def _settle_races(self) -> None:
        """What may win is a text where nothing else is known: it must be told from None."""
        calls = {step.ref: who for step in self.steps if (who := called_by(step)) is not None}
        for join in self.steps:
            ways = join.join_on if join.join_count == 1 else []
            self.raced |= {calls[ref] for ref in ways if ref in calls}
            outputs = [self._steps[ref].member("output").known.fields for ref in ways]
            results = [each["result"].shape for each in outputs if "result" in each]
            kinds = {each.kind for each in results if each.kind} or {"str"}
            for each in results:
                if not each.kind and not each.record:
                    each.known.likely = set(sorted(kinds)[:1])

    def _find_whole(self) -> None:
        """Note whose output is read, and not only the one result in it."""
        calls = {step.ref: who for step in self.steps if (who := called_by(step)) is not None}
        for ref in _WHOLE_OUTPUT.findall(self.shown):
            if (who := calls.get(ref)) is not None:
                self.whole.add(who)
            elif (who := calls.get(ref.removesuffix("_join"))) is not None:
                self.whole |= {who} if f"{ref}.output.get(item, {{}}) for" in self.shown else set()

    def _plain(self, step: Step, output: Shape, frame: Frame) -> None:
        self._value(step.input_parameters, frame)

    def _task(self, step: Step, output: Shape, frame: Frame) -> None:
        output.become(self.called((step.service, step.name), step.input_parameters, frame))

    def _setting(self, step: Step, output: Shape, frame: Frame) -> None:
        for key, value in step.input_parameters.items():
            self._set(self._variables.member(key), value, frame)

    def _publishing(self, step: Step, output: Shape, frame: Frame) -> None:
        kind = self.events.setdefault(step.sink.removeprefix(SINK), Shape())
        for key, value in step.input_parameters.items():
            self._set(kind.member(key), value, frame)

    def _ending(self, step: Step, output: Shape, frame: Frame) -> None:
        given = self._value(step.input_parameters, frame)
        if isinstance(step.input_parameters.get("workflowOutput"), str):
            given.member("workflowOutput").known.is_mapping = True

    def _set(self, place: Shape, value: Any, frame: Frame) -> None:
        """A value is put where others may be put as well."""
        found = self._value(value, frame)
        if value is None:
            place.uses.may_be_none = True
        else:
            place.unite(found)

    def _fan(self, step: Step, output: Shape, frame: Frame) -> None:
        given = step.input_parameters
        name = given.get("forkTaskName")
        if not isinstance(name, str):
            return
        who = ("" if "forkTaskWorkflow" in given else step.service, name)
        made = self.called(who, {}, frame)
        if f"{step.ref}_join" in self._steps:
            self._steps[f"{step.ref}_join"].member("output").member("*").become(made)
        code = given.get("forkTaskInputs")
        tree = self.read(code[3:-1].strip(), frame) if isinstance(code, str) else None
        if isinstance(tree, ast.ListComp) and isinstance(tree.elt, ast.Dict):
            for key, value in zip(tree.elt.keys, tree.elt.values, strict=True):
                if isinstance(key, ast.Constant):
                    self.parameters[who].setdefault(str(key.value), []).append(shape_of(value))

    def _choice(self, step: Step, output: Shape, frame: Frame) -> None:
        case = step.input_parameters.get("case")
        keys = list(step.decision_cases)
        if not isinstance(case, str) or step.expression != "case" or not keys:
            return
        tree = self.read(case[3:-1].strip() if case.startswith("${=") else case[2:-1], frame)
        if tree is None or not is_path(tree):
            return
        asked = shape_of(tree)
        if keys == ["true"]:
            asked.known.kinds.add("bool")
        elif all(_NUMBER.fullmatch(each) for each in keys):
            asked.known.kinds.add("int")
        else:
            asked.known.kinds.add("str")

    def _loop(self, step: Step, output: Shape, frame: Frame) -> None:
        if step.loop_condition:
            self.read(step.loop_condition, frame)
        if step.items is not None:
            item = output.member("loopItem")
            self.items[step.ref] = self._value(step.items, frame)
            item.become(self.items[step.ref].elements())

    def _scope(self, step: Step, output: Shape, frame: Frame) -> None:
        param = step.sub_workflow_param
        inner = None if param is None else param.workflow_definition
        if inner is None:
            output.become(self.called(("", step.name), step.input_parameters, frame))
            return
        within = self.scopes[step.ref] = self._frame()
        for key, value in step.input_parameters.items():
            within["workflow"].member("input").member(key).become(self._value(value, frame))
        self._look(inner, within)
        for key, value in inner.output_parameters.items():
            output.member(key).become(self._value(value, within))

    def _event(self, step: Step, output: Shape, frame: Frame) -> None:
        given = step.input_parameters
        if "event" not in given:
            return
        kind = self.events.setdefault(str(given["event"]), Shape())
        output.unite(kind)
        output.uses.may_be_none |= "duration" in given
        match = given.get("match")
        if isinstance(match, dict):
            for key, value in cast("dict[str, Any]", match).items():
                self._set(kind.member(key.partition(".")[0]), value, frame)
        if isinstance(code := given.get("filter"), str):
            inputs = {key: self._value(value, frame) for key, value in given.items()}
            self.read(code, {**inputs, "event": kind})

    def _value(self, value: Any, frame: Frame) -> Shape:
        """The shape of a value as it stands in the definition."""
        if isinstance(value, str):
            return self._text(value, frame)
        made = Shape(type(value).__name__ if isinstance(value, (bool, int, float)) else "")
        if isinstance(value, dict):
            for key, each in cast("dict[str, Any]", value).items():
                self._set(made.member(key), each, frame)
        elif isinstance(value, list):
            shapes = [self._value(each, frame) for each in cast("list[Any]", value)]
            made.elements()
            if len({each.kind for each in shapes if each.kind}) <= 1:
                for each in cast("list[Any]", value):
                    self._set(made.elements(), each, frame)
        made.uses.may_be_none = value is None
        return made

    def _text(self, text: str, frame: Frame) -> Shape:
        if text.startswith("${=") and text.endswith("}"):
            tree = self.read(text[3:-1].strip(), frame)
            return Shape() if tree is None else shape_of(tree)
        if whole := _WHOLE.fullmatch(text):
            return self.at(whole[1], frame)
        made = Shape()
        made.known.likely.add("str")  # a price travels as text, too
        for each in _INSIDE.findall(text):
            inside = self.at(each, frame)
            inside.uses.in_texts = inside.known.is_scalar = True
            inside.known.likely.add("str")
            made.known.kinds.add("str")
        return made

    _ways: ClassVar[Mapping[str, Callable[..., None]]] = {
        "SIMPLE": _task,
        "FORK_JOIN_DYNAMIC": _fan,
        "SWITCH": _choice,
        "SET_VARIABLE": _setting,
        "DO_WHILE": _loop,
        "SUB_WORKFLOW": _scope,
        "WAIT": _event,
        "EVENT": _publishing,
        "TERMINATE": _ending,
    }


def called_by(step: Step) -> Called | None:
    """The task or workflow that a step calls, once or for each item."""
    match step.type:
        case "SIMPLE":
            return step.service, step.name
        case "SUB_WORKFLOW":
            return "", step.name
        case "FORK_JOIN_DYNAMIC":
            return step.service, str(step.input_parameters.get("forkTaskName"))
        case _:
            return None


def _handed_on(workflow: Workflow) -> Iterator[tuple[str, list[str]]]:
    """By loop, the variables that are set in front of it for its iterations, in their order."""
    for block in _blocks(workflow):
        for before, step in pairwise(block):
            inside = [step, *(each for way in step.inner for each in way)]
            for loop in inside if step.type in ("SWITCH", "DO_WHILE") else []:
                stem = rf"{re.escape(loop.ref)}(_\d+)?"
                given = before.input_parameters if before.type == "SET_VARIABLE" else {}
                if loop.type == "DO_WHILE" and all(re.fullmatch(stem, key) for key in given):
                    yield loop.ref, list(given)


def _blocks(workflow: Workflow) -> Iterator[list[Step]]:
    """Every list of steps."""
    yield workflow.tasks
    for step in all_steps(workflow.tasks):
        yield from step.inner
        param = step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            yield from _blocks(param.workflow_definition)


def _undos(steps: list[Step]) -> dict[Called, Called]:
    """By task, the undo that every step of it has."""
    found: dict[Called, set[Called | None]] = {}
    for step in steps:
        who, undo = called_by(step), step.undo
        if who is not None and who[0]:
            named = None if undo is None or not undo.service else (undo.service, undo.name)
            found.setdefault(who, set()).add(named)
    alone = {who: each.pop() for who, each in found.items() if len(each) == 1}
    return {who: undo for who, undo in alone.items() if undo is not None and undo != who}


def everything(steps: Iterable[Step]) -> Iterator[Step]:
    """Every step, also those of definitions in place."""
    for step in all_steps(steps):
        yield step
        param = step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            yield from everything(param.workflow_definition.tasks)


def shown(value: Any) -> str:
    """Data as its JSON, to look for names in it."""
    return msgspec.json.encode(value).decode()
