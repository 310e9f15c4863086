"""A SUB_WORKFLOW with a definition in place as `async with scope(…)` or `try`."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import Step, Workflow
from pavane.language.back.calls import called, is_bare
from pavane.language.back.data import Names, expression
from pavane.language.back.ends import value_of

if TYPE_CHECKING:
    from pavane.language.back.writing import Writing


def scope(writing: Writing, step: Step, following: Step | None, names: Names) -> int:
    """A scope, or the body of a `try` with the SWITCH on what became of it."""
    param = step.sub_workflow_param
    inner = None if param is None else param.workflow_definition
    if inner is None:
        return called(writing, step, following, names)
    if param is None or not is_bare(step, "subWorkflowParam", "optional"):
        return 0
    if step.optional:
        return _tried(writing, step, inner, following, names)
    if not step.ref.isidentifier():
        return 0
    options = [repr(step.ref)]
    options += [f"style={param.style!r}"] if param.style else []
    options += [f"home={param.home!r}"] if param.home else []
    writing.public.add("scope")
    passed = _passed(writing, step, names)
    writing.line(f"async with scope({', '.join(options)}):")
    _body(writing, step, inner, passed, names)
    return 1


def _body(writing: Writing, step: Step, inner: Workflow, passed: Names, names: Names) -> None:
    """The steps inside, where other names are known, and what is read of them outside."""
    within = passed.copy()
    variables = {key: each for key, each in names.items() if key.startswith("workflow.variables.")}
    within.update(variables)
    loops, writing.loops = writing.loops, []
    writing.depth += 1
    start = len(writing.lines)
    writing.block(inner.tasks, within)
    if writing.lines[start:] == ["    " * writing.depth + "pass"] and inner.output_parameters:
        del writing.lines[start]
    own = {each for path, each in within.items() if not path.startswith("workflow.input.")}
    for key, value in inner.output_parameters.items():
        outside = f"{step.ref}.output.{key}"
        shown = value_of(writing, value, writing.wishes.at(outside, names.frame), within)
        if shown not in own or step.ref in writing.explicit:
            variable = writing.stubs.fresh(key)
            writing.line(f"{variable} = {shown}")
            writing.at[len(writing.lines)] = step.ref
            shown = variable
        names[outside] = shown
    known = {path: race.variable for path, race in within.races.items()} | within
    inputs = [known[f"workflow.input.{key}"] for key in step.input_parameters]
    inputs = list(dict.fromkeys(inputs))
    early = read_early(writing.lines[start:], inputs)
    if early:
        writing.insert(start, f"_ = {', '.join(early)}", step.ref)
    writing.depth -= 1
    writing.loops = loops
    for key in inner.output_parameters:
        outside = f"{step.ref}.output.{key}"
        if outside not in writing.shown and not step.optional:
            writing.line(f"_ = {names[outside]}")


def read_early(lines: list[str], wanted: list[str]) -> list[str]:
    """What must be read in front of some lines, so that all is read first in the order wanted."""
    order = Reads()
    for node in ast.parse(textwrap.dedent("\n".join(["async def _():", *lines]))).body:
        order.visit(node)
    found = [each for each in order.names if each in wanted]
    for count in range(len(wanted) + 1):
        if wanted[count:] == [each for each in found if each not in wanted[:count]]:
            return wanted[:count]
    return wanted


class Reads(ast.NodeVisitor):
    """The names that are read, in the order in which a compiler comes to them."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    def visit_Name(self, node: ast.Name) -> None:
        """A name that is read."""
        if isinstance(node.ctx, ast.Load):
            self.names.setdefault(node.id)


def _passed(writing: Writing, step: Step, names: Names) -> Names:
    """The inputs of a scope by what they are called; what has no name yet gets one in front."""
    within = Names(writing.wishes.scopes[step.ref])
    paths = {
        str(value)[2:-1]: f"workflow.input.{key}" for key, value in step.input_parameters.items()
    }
    for path, inside in paths.items():
        if path in names.races:
            within.races[inside] = names.races[path]
    for whole, variable in names.items():
        inside = _replaced(whole, paths)
        if whole.startswith("[") and inside != whole:  # a list that is made of several inputs
            within[inside] = variable
            inputs = [each for path, each in paths.items() if path in whole]
            within.update(dict.fromkeys(inputs, variable))
    for key, value in step.input_parameters.items():
        if f"workflow.input.{key}" in {*within, *within.races}:
            continue
        shown = expression(value, names)
        if not shown.isidentifier():
            name = writing.stubs.fresh(key)
            writing.line(f"{name} = {shown}")
            shown = name
        within[f"workflow.input.{key}"] = shown
    return within


def _replaced(whole: str, paths: Mapping[str, str]) -> str:
    for path, inside in paths.items():
        whole = re.sub(rf"(?<![\w.]){re.escape(path)}(?!\w)", inside, whole)
    return whole


def _tried(
    writing: Writing, step: Step, inner: Workflow, following: Step | None, names: Names
) -> int:
    switch = following if following is not None and _asks(following, step.ref) else None
    handlers: list[tuple[str, list[Step]]] = []
    if switch is None:
        handlers.append(("Fail" if _raises(inner) else "StepFailed", []))
    elif switch.input_parameters["case"] == f"${{{step.ref}.status}}":
        (steps,) = switch.decision_cases.values()
        handlers.append(("Fail" if _raises(inner) else "StepFailed", steps))
    else:
        kinds = {"step": "StepFailed", "fail": "Fail"}
        for kind, steps in switch.decision_cases.items():
            if kind not in kinds:
                return 0
            if not (kind == "fail" and _goes_on(steps, step.ref)):
                handlers.append((kinds[kind], steps))
    passed = _passed(writing, step, names)
    start = len(writing.lines)
    writing.line("try:")
    _body(writing, step, inner, passed, names)
    _functions_first(writing, start)
    told = f"{step.ref}.output.failure"
    for word, steps in handlers:
        writing.public.add(word)
        variable = ""
        if switch is not None and f"{told}." in writing.shown:
            variable = writing.stubs.fresh("error")
            names[f"{told}.reason"] = f"{variable}.reason"
            names[f"{told}.step"] = f"{variable}.step"
        writing.line(f"except {word} as {variable}:" if variable else f"except {word}:")
        writing.inside(steps, names)
    if switch is not None and switch.default_case:
        writing.line("else:")
        writing.inside(switch.default_case, names)
    return 1 if switch is None else 2


def _functions_first(writing: Writing, start: int) -> None:
    """Move local functions in front of their `try`, which is named after the first call in it."""
    indent = "    " * (writing.depth + 1)
    if not writing.lines[start + 1]:
        del writing.lines[start + 1]
        writing.at = {line - (line > start + 1): ref for line, ref in writing.at.items()}
    while writing.lines[start + 1].startswith(f"{indent}async def "):
        inside = writing.lines[start + 1 :]
        size = inside.index("") + 1
        block = [each.removeprefix("    ") for each in inside[:size]]
        writing.lines[start : start + 1 + size] = [*block, writing.lines[start]]
        moved = {line - 1: ref for line, ref in writing.at.items() if 0 < line - start - 1 <= size}
        rest = {line: ref for line, ref in writing.at.items() if not 0 <= line - start - 1 <= size}
        writing.at = {**rest, **moved}
        start += size


def _asks(step: Step, ref: str) -> bool:
    """Whether a SWITCH asks what became of a scope."""
    if step.type != "SWITCH" or not is_bare(
        step, "evaluatorType", "expression", "decisionCases", "defaultCase"
    ):
        return False
    case = step.input_parameters.get("case")
    if case == f"${{{ref}.status}}":
        return list(step.decision_cases) == ["COMPLETED_WITH_ERRORS"]
    return case == f"${{{ref}.output.failure.kind}}"


def _raises(inner: Workflow) -> bool:
    """Whether the body raises a Fail of its own."""
    ends = [each for each in all_steps(inner.tasks) if each.type == "TERMINATE"]
    return any(each.input_parameters.get("terminationStatus") == "FAILED" for each in ends)


def _goes_on(steps: list[Step], ref: str) -> bool:
    """Whether a case only lets a Fail go on that no `except` is for."""
    reason = f"${{{ref}.output.failure.reason}}"
    given = {"terminationStatus": "FAILED", "terminationReason": reason}
    return len(steps) == 1 and steps[0].type == "TERMINATE" and steps[0].input_parameters == given
