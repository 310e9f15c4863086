"""A definition as a Python module that compiles to it: tried out, not only hoped for."""

from __future__ import annotations

import itertools
import linecache
import re
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import msgspec

from pavane.core.model.workflow import Step, Workflow, content_hash
from pavane.errors import DefinitionError, LanguageError, PavaneError
from pavane.language.back.module import END, Module, module_of
from pavane.language.back.wishes import Wishes, everything

_count = itertools.count(1)
TRIES_MAX = 8
"""How often a program is compiled at most; the last time with every step written out."""
_SAY_MORE = ("SUB_WORKFLOW", "SET_VARIABLE")  # what may come out if it is said more explicitly
_LEAVES_ONLY = 4  # so many times, what a step holds or is named after is given another chance
_PLACE = re.compile(r":(\d+):\d+: ")


@dataclass(frozen=True)
class Decompiled:
    """The text of a module, and how many were compiled to find it."""

    text: str
    tries: int


def decompile(workflow: Workflow) -> str:
    """The text of a module whose workflow has the same content hash as this definition.

    Each step has its natural form if that compiles to the same step, else it is written out.
    DefinitionError where even that does not.
    """
    return tried(workflow).text


def tried(workflow: Workflow) -> Decompiled:
    """The same with the number of tries, which is at most TRIES_MAX and mostly one or two."""
    workflow = _usual(workflow)
    wishes = Wishes(workflow)
    everywhere = {END, *(step.ref for step in wishes.steps)}
    said = {step.ref for step in wishes.steps if step.type in _SAY_MORE}
    why: PavaneError | None = None
    written_out, explicit = set[str](), wishes.unread()
    for tries in range(1, TRIES_MAX + 1):
        module = module_of(wishes, written_out, explicit)
        try:
            made = compiled(module)
        except PavaneError as error:
            wrong, why = _blamed(error, module), error
        else:
            if content_hash(made) == content_hash(workflow):
                return Decompiled(module.text, tries)
            wrong, why = _different(workflow, made, only_first=tries <= _LEAVES_ONLY), None
        new = {*wrong} - written_out
        more = new & said - explicit if tries <= _LEAVES_ONLY else set[str]()
        explicit |= more
        if written_out >= everywhere:
            break
        written_out |= everywhere if not new or tries >= TRIES_MAX - 1 else new - more
    raise DefinitionError(
        f"The workflow {workflow.name!r} cannot be written as Python"
        f"{': ' + why.message if why else ''}.",
        "Check the definition: each step needs a name of its own.",
    ) from why


def _usual(workflow: Workflow) -> Workflow:
    """The same definition whether or not it says of a step what it is by default."""
    return msgspec.structs.replace(workflow, tasks=[_usual_step(step) for step in workflow.tasks])


def _usual_step(step: Step) -> Step:
    param = step.sub_workflow_param
    if param is not None and param.workflow_definition is not None:
        inner = _usual(param.workflow_definition)
        param = msgspec.structs.replace(param, workflow_definition=inner)
    return msgspec.structs.replace(
        step,
        type=sys.intern(step.type),
        decision_cases={
            case: [_usual_step(each) for each in steps]
            for case, steps in step.decision_cases.items()
        },
        default_case=[_usual_step(each) for each in step.default_case],
        fork_tasks=[[_usual_step(each) for each in steps] for steps in step.fork_tasks],
        loop_over=[_usual_step(each) for each in step.loop_over],
        sub_workflow_param=param,
    )


def compiled(module: Module) -> Workflow:
    """The definition of the workflow in a module's text. LanguageError with its findings."""
    number = next(_count)
    file, name = f"<decompiled {number}>", f"decompiled_{number}"
    lines = module.text.splitlines(keepends=True)
    linecache.cache[file] = (len(module.text), None, lines, file)
    made = sys.modules[name] = ModuleType(
        name
    )  # where the annotations of its classes are looked up
    try:
        exec(compile(module.text, file, "exec"), vars(made))  # our own text, of stubs
        definition: Workflow = getattr(made, module.name).definition
        return definition
    except SyntaxError as error:
        raise DefinitionError(f"line {error.lineno}: {error.msg}") from error
    finally:
        del linecache.cache[file], sys.modules[name]


def _blamed(error: PavaneError, module: Module) -> list[str]:
    """The steps at whose lines something was found."""
    if not isinstance(error, LanguageError):
        return []
    places = [match for each in error.findings if (match := _PLACE.search(each))]
    return [ref for place in places if (ref := module.lines.get(int(place[1])))]


def _different(wanted: Workflow, made: Workflow, *, only_first: bool) -> list[str]:
    """The steps that did not come out the same; of those, only the ones that others follow from.

    A step that is not there at all, one that holds others, and the output may come out right as
    soon as the rest does.
    """
    ours = {step.ref: step for step in everything(made.tasks)}
    leaves: list[str] = []
    blocks: list[str] = []
    missing: list[str] = []
    around: list[str] = []
    for step in everything(wanted.tasks):
        other = ours.get(step.ref)
        if other is None:
            missing.append(step.ref)
        elif _own(step) != _own(other):
            (blocks if step.type in _BLOCKS else leaves).append(step.ref)
        elif _inside(step) != _inside(other):
            around.append(step.ref)
    end = [END] if made.output_parameters != wanted.output_parameters else []
    groups = [leaves, blocks, missing, end, around]
    if only_first:
        return next((each for each in groups if each), list[str]())
    return [ref for each in groups[:4] for ref in each] or around


_BLOCKS = frozenset({"SWITCH", "DO_WHILE", "SUB_WORKFLOW", "FORK_JOIN"})


def _own(step: Step) -> Step:
    """A step without those in it."""
    param = step.sub_workflow_param
    if param is not None and param.workflow_definition is not None:
        inner = msgspec.structs.replace(param.workflow_definition, tasks=[], metadata={})
        param = msgspec.structs.replace(param, workflow_definition=inner)
    return msgspec.structs.replace(
        step,
        metadata={},
        description="",
        decision_cases={},
        default_case=[],
        fork_tasks=[],
        loop_over=[],
        sub_workflow_param=param,
    )


def _inside(step: Step) -> tuple[Any, ...]:
    """The names of the steps in a step."""
    param = step.sub_workflow_param
    inner = param.workflow_definition if param is not None else None
    tasks = [] if inner is None else [each.ref for each in inner.tasks]
    blocks = [[each.ref for each in block] for block in step.inner]
    return list(step.decision_cases), blocks, tasks
