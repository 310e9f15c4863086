"""A definition as a Python module that compiles to it: tried out, not only hoped for."""

from __future__ import annotations

import itertools
import linecache
import re
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import Step, Workflow, content_hash
from pavane.errors import DefinitionError, LanguageError, PavaneError
from pavane.language.back.module import END, Module, module_of

_count = itertools.count(1)
_PLACE = re.compile(r":(\d+):\d+: ")


def decompile(workflow: Workflow) -> str:
    """The text of a module whose workflow has the same content hash as this definition.

    Each step has its natural form if that compiles to the same step, else it is written out.
    DefinitionError where even that does not.
    """
    workflow = _usual(workflow)
    everything = {END, *(step.ref for step in all_steps(workflow.tasks))}
    written_out: set[str] = set()
    while True:
        module = module_of(workflow, written_out)
        try:
            made = compiled(module)
        except PavaneError as error:
            wrong, why = _blamed(error, module), error
        else:
            if content_hash(made) == content_hash(workflow):
                return module.text
            wrong, why = _different(workflow, made), None
        if written_out >= everything:
            raise DefinitionError(
                f"The workflow {workflow.name!r} cannot be written as Python"
                f"{': ' + why.message if why else ''}.",
                "Check the definition: each step needs a name of its own.",
            ) from why
        written_out |= (wrong - written_out) or everything


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
    file = f"<decompiled {next(_count)}>"
    lines = module.text.splitlines(keepends=True)
    linecache.cache[file] = (len(module.text), None, lines, file)
    try:
        names: dict[str, Any] = {"__name__": "decompiled", "__file__": file}
        exec(compile(module.text, file, "exec"), names)  # our own text, of stubs
        definition: Workflow = names[module.name].definition
        return definition
    except SyntaxError as error:
        raise DefinitionError(f"line {error.lineno}: {error.msg}") from error
    finally:
        del linecache.cache[file]


def _blamed(error: PavaneError, module: Module) -> set[str]:
    """The steps at whose lines something was found."""
    if not isinstance(error, LanguageError):
        return set()
    places = [match for each in error.findings if (match := _PLACE.search(each))]
    return {ref for place in places if (ref := module.lines.get(int(place[1])))}


def _different(wanted: Workflow, made: Workflow) -> set[str]:
    """The steps that did not come out the same, without the steps in them."""
    ours = {step.ref: _own(step) for step in all_steps(made.tasks)}
    wrong = {ref for step in all_steps(wanted.tasks) if ours.get(ref := step.ref) != _own(step)}
    if made.output_parameters != wanted.output_parameters:
        wrong.add(END)
    return wrong


def _own(step: Step) -> tuple[Any, ...]:
    bare = msgspec.structs.replace(step, metadata={}, description="")
    bare = msgspec.structs.replace(bare, decision_cases={}, default_case=[], fork_tasks=[])
    inside = [[each.ref for each in block] for block in step.inner]
    return (msgspec.structs.replace(bare, loop_over=[]), list(step.decision_cases), *_shape(inside))


def _shape(inside: list[list[str]]) -> Iterator[tuple[str, ...]]:
    for each in inside:
        yield tuple(each)
