"""A definition as the text of a Python module that runs: imports, stubs, the workflow."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import Workflow
from pavane.language.back.data import STANDARD, Names
from pavane.language.back.ends import output_of
from pavane.language.back.limited import limit_options
from pavane.language.back.stubs import NoFormError, is_plain
from pavane.language.back.wishes import Wishes
from pavane.language.back.writing import OUR_NAMES, Writing, default_of
from pavane.language.back.written import written_call

END = "(the output)"
"""Stands for the last line, which gives the output, among the names of steps."""
_SAID = frozenset({"name", "version", "description", "tasks", "style", "metadata"})
_CONSTANTS = (str, int, float, bool, type(None))


@dataclass
class Module:
    """The text, and by line (from 1) the step that stands there."""

    text: str
    name: str
    lines: dict[int, str]


def module_of(wishes: Wishes, written_out: Iterable[str], explicit: Iterable[str] = ()) -> Module:
    """The module of a workflow, in which some steps are written out, or say more than they must."""
    workflow = wishes.workflow
    writing = Writing(wishes, frozenset(written_out), frozenset(explicit))
    writing.wraps = _only_results(workflow, END not in writing.written_out)
    function = writing.function = writing.stubs.fresh(workflow.name)
    names = Names(wishes.top)
    for name in workflow_inputs(workflow):
        writing.stubs.take(name)
        names[f"workflow.input.{name}"] = name
    names.update(writing.variables())
    start = len(writing.lines)
    writing.block(workflow.tasks, names)
    if END not in writing.written_out and _result(writing, names):
        only = writing.lines[start:-1] == ["    pass"]
        if only:
            del writing.lines[start]
        writing.at[len(writing.lines)] = END
        ends = True
    else:
        ends = False
    body = writing.lines
    head = _head(writing, function, ends=ends)
    while body and not body[-1]:
        del body[-1]
    if body[0].lstrip().startswith("async def ") and head[-1].endswith('"""'):
        head.append("")
    lines = {number + len(head): ref for number, ref in writing.at.items()}
    return Module("\n".join([*head, *body]) + "\n", function, lines)


def _only_results(workflow: Workflow, is_natural: bool) -> bool:
    """Whether every output is one value under the name `result`, so that it is what is returned."""
    outputs: list[Any] = []
    for each in all_steps(workflow.tasks):
        given = each.input_parameters
        if each.type == "TERMINATE" and given.get("terminationStatus") == "COMPLETED":
            outputs.append(given.get("workflowOutput"))
    if workflow.output_parameters or not outputs:  # else no way leads to the end
        outputs.append(workflow.output_parameters)
    return is_natural and all(_is_result(each) for each in outputs)


def _is_result(output: Any) -> bool:
    return isinstance(output, dict) and [*cast("dict[str, Any]", output)] == ["result"]


def _result(writing: Writing, names: Names) -> bool:
    """`return …` as the last line, where the output has a form."""
    if not writing.workflow.output_parameters:
        return False
    try:
        shown = output_of(writing, writing.workflow.output_parameters, names)
    except NoFormError:
        return False
    writing.returns = True
    writing.line(f"return {shown}")
    return True


def _head(writing: Writing, function: str, *, ends: bool) -> list[str]:
    signature = _signature(writing, function, ends=ends)
    stubs = [*writing.stubs.lines()]
    public = {*writing.public, *(["Service"] if writing.stubs.services else [])}
    lines = ['"""Made by `pavane decompile`, which knows types by what is done with them."""']
    lines += ["", "from __future__ import annotations", ""]
    text = "\n".join([*signature, *stubs, *writing.lines])
    for module, known in STANDARD.items():
        used = [each for each in known if re.search(rf"\b{each}\b", text)]
        lines += [f"from {module} import {', '.join(used)}"] if used else []
    lines += ["from typing import Any"] if re.search(r"\bAny\b", text) else []
    lines += [""] if lines[-1] else []
    lines += ["import msgspec", ""] if writing.stubs.has_records else []
    lines += [f"from pavane import {', '.join(sorted(public, key=str.lower))}"]
    if writing.words:
        lines.append(f"from pavane.sdk.faithful import {', '.join(sorted(writing.words))}")
    before = [""] if writing.stubs.services else []  # classes have their empty lines
    return [*lines, *before, *stubs, "", "", *signature]


def _signature(writing: Writing, function: str, *, ends: bool) -> list[str]:
    given, fields = writing.workflow, msgspec.to_builtins(writing.workflow)
    parameters, defaults = _parameters(writing)
    more = {key: value for key, value in fields.items() if key not in _SAID}
    options = [] if function == given.name else [f"name={given.name!r}"]
    options += [f"version={given.version}"] if given.version != 1 else []
    options += [f"style={given.style!r}"] if given.style else []
    limited = limit_options(given.rate_limit_config, list(workflow_inputs(given)))
    if limited:
        options += limited
        del more["rateLimitConfig"]
    options += _beginnings(more, [each.partition(":")[0] for each in parameters if "=" not in each])
    decorator = f"@workflow({', '.join(options)})" if options else "@workflow"
    if more.get("inputParameters") == list(workflow_inputs(given)):
        del more["inputParameters"]
        if defaults == more.get("inputTemplate"):
            del more["inputTemplate"]
    if ends:
        del more["outputParameters"]
    gives = _gives(writing)
    lines = [decorator, f"async def {function}({', '.join(parameters)}) -> {gives}:"]
    if given.description:
        lines += [f"    {line}".rstrip() for line in _docstring(given.description)]
    if more:
        writing.words.add("definition")
        lines += [f"    {line}" for line in written_call("definition", [], more, "")]
    return lines


def _gives(writing: Writing) -> str:
    """The type of what the workflow gives."""
    if writing.wraps:
        return writing.wishes.gives.kind or "Any"
    return "dict[str, Any]" if writing.returns else "None"


def _beginnings(more: dict[str, Any], needed: list[str]) -> list[str]:
    """The options that say what starts a workflow; what they say is taken out of the rest."""
    options: list[str] = []
    schedule = more.get("schedule")
    usual = {"every", "zone", "missed", "timeParameter"}
    parameter = needed[0] if needed else None
    if schedule and schedule.get("timeParameter") == parameter and schedule.keys() <= usual:
        known = [key for key in ("every", "zone", "missed") if key in schedule]
        options += [f"{key}={schedule[key]!r}" for key in known]
        del more["schedule"]
    started = more.pop("startedBy", None)
    if started is not None:
        shown = started["event"] if [*started] == ["event"] else started
        options.append(f"started_by={shown!r}")
    return options


def _docstring(text: str) -> list[str]:
    """A description as it stands in a function, on one line if anything odd is in it."""
    first, *others = text.splitlines()
    lines = [f'"""{first}', *others]
    lines[-1] += '"""' if not others else ""
    lines += ['"""'] if others else []
    is_odd = "\\" in text or '"""' in text or text.endswith('"')
    shown = "\n".join([f"{first}", *(f"    {each}" for each in others)])
    return [repr(text)] if is_odd or inspect.cleandoc(shown) != text else lines


def _parameters(writing: Writing) -> tuple[list[str], dict[str, Any]]:
    """The parameters as they are written, and the defaults that could be."""
    shown: list[str] = []
    defaults: dict[str, Any] = {}
    template = writing.workflow.input_template
    names = [*workflow_inputs(writing.workflow)]
    for index, name in enumerate(names):
        rest = [template.get(each, ...) for each in names[index:]]
        fits = all(each is None or type(each) in _CONSTANTS for each in rest)
        kind = writing.type_of(writing.wishes.at(f"workflow.input.{name}"), name)
        text = f"{name}: {kind}"
        if fits:
            defaults[name] = template[name]
            text += f" = {default_of(template[name], kind)}"
        shown.append(text)
    return shown, defaults


def workflow_inputs(workflow: Workflow) -> Iterator[str]:
    """The inputs that can be parameters of a function."""
    for name in workflow.input_parameters:
        if is_plain(name) and name not in OUR_NAMES:
            yield name
