"""Branches side by side: `gather`, `race`, and one for each item."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import msgspec

from pavane.core.decide.plan import all_steps
from pavane.core.model.workflow import Step
from pavane.language.back.calls import CALLABLE, Call, call_of, is_bare, options, result
from pavane.language.back.data import Names, in_python
from pavane.language.back.inferring import parsed
from pavane.language.back.races import Race
from pavane.language.back.stubs import NoFormError, is_plain
from pavane.language.writing import written

if TYPE_CHECKING:
    from pavane.language.back.writing import Writing


def forked(writing: Writing, fork: Step, join: Step | None, names: Names) -> int:
    """A FORK_JOIN and its JOIN as `gather` or `race`."""
    if join is None or join.type != "JOIN" or not all(fork.fork_tasks):
        return 0
    if join.join_on != [branch[-1].ref for branch in fork.fork_tasks]:
        return 0
    if not is_bare(fork, "forkTasks") or not is_bare(join, "joinOn", "joinCount"):
        return 0
    if join.join_count is None:
        return _gathered(writing, fork, names)
    return _raced(writing, fork, join, names) if join.join_count == 1 else 0


def _gathered(writing: Writing, fork: Step, names: Names) -> int:
    writing.public.add("gather")
    branches = [_branch(writing, steps, names) for steps in fork.fork_tasks]
    text = f"await gather({', '.join(call for call, _ in branches)})"
    if any(results for _, results in branches):
        targets = [_target(results) for _, results in branches]
        text = f"{', '.join(targets)}{',' if len(targets) == 1 else ''} = {text}"
    writing.line(text)
    return 2


def _target(results: list[str]) -> str:
    if not results:
        return "_"
    return results[0] if len(results) == 1 else f"({', '.join(results)})"


def _branch(writing: Writing, steps: list[Step], names: Names) -> tuple[str, list[str]]:
    """The call of a branch, and the variables of what it gives."""
    if len(steps) == 1:
        try:
            call = call_of(writing, steps[0], names)
        except NoFormError:
            call = None
        if call is not None:
            variable = result(writing, call, names)
            return call.text, [variable] if variable else []
    name, results = local_function(writing, steps, names)
    return f"{name}()", results


def local_function(writing: Writing, steps: list[Step], names: Names) -> tuple[str, list[str]]:
    """A branch as a local `async def`; its name, and the variables of what is read behind it."""
    name = writing.stubs.fresh("branch")
    if writing.lines and writing.lines[-1]:
        writing.lines.append("")
    head = len(writing.lines)
    writing.line(f"async def {name}() -> None:")
    inside, loops = names.copy(), writing.loops
    writing.loops = []
    writing.inside(steps, inside)
    writing.loops = loops
    known = {path: each for path, each in inside.items() if path not in names}
    for each in all_steps(steps):
        if each.type == "SET_VARIABLE":
            paths = [f"workflow.variables.{key}" for key in each.input_parameters]
            known |= {path: names[path] for path in paths if path in names}
    given = {path: each for path, each in known.items() if writing.reads_beside(path, steps)}
    names.update(given)
    names.loose |= inside.loose
    results = list(dict.fromkeys(each for each in given.values() if each.isidentifier()))
    if results:
        writing.lines[head] = writing.lines[head].replace("-> None:", "-> Any:")
        writing.line(f"    return {', '.join(results)}")
    writing.lines.append("")
    return name, results


def _raced(writing: Writing, fork: Step, join: Step, names: Names) -> int:
    """A fork whose JOIN waits for one branch only."""
    calls: list[Call] = []
    for steps in fork.fork_tasks:
        call = call_of(writing, steps[0], names) if len(steps) == 1 else None
        if call is None:
            return 0
        calls.append(call)
    writing.public.add("race")
    text = f"await race({', '.join(call.text for call in calls)})"
    is_read = any(writing.is_read(f"{ref}.output") for ref in (join.ref, *join.join_on))
    if is_read:
        variable = writing.stubs.fresh(f"{join.ref}_result")
        ways = dict(zip(join.join_on, calls, strict=True))
        names.races[f"{join.ref}.output.winner"] = Race(
            variable, {ref: each.gives for ref, each in ways.items()}
        )
        for call in calls:
            names.update(dict.fromkeys(call.stands_for, variable))
        text = f"{variable} = {text}"
    writing.line(text)
    return 2


def fan(writing: Writing, fork: Step, join: Step | None, names: Names) -> int:
    """A FORK_JOIN_DYNAMIC over one task or workflow as `gather(*(task(…) for … in …))`."""
    given = dict(fork.input_parameters)
    named = join is not None and join.type == "JOIN" and join.ref == f"{fork.ref}_join"
    if join is None or not named or not is_bare(join) or fork.name != fork.ref:
        return 0
    code, name = given.pop("forkTaskInputs", None), given.pop("forkTaskName", None)
    version = given.pop("forkTaskWorkflowVersion", 1)
    is_workflow = given.pop("forkTaskWorkflow", "") == name
    if given or not isinstance(code, str) or not code.startswith("${=") or not name:
        return 0
    if msgspec.to_builtins(fork).keys() - CALLABLE or is_workflow == bool(fork.service):
        return 0
    tree = parsed(code[3:-1].strip())
    if not isinstance(tree, ast.ListComp) or not isinstance(tree.elt, ast.Dict):
        return 0
    made = in_python(tree, names)
    assert isinstance(made, ast.ListComp)
    assert isinstance(made.elt, ast.Dict)
    keys = [each.value if isinstance(each, ast.Constant) else None for each in made.elt.keys]
    if not all(isinstance(each, str) and is_plain(each) for each in keys):
        return 0
    stub = writing.stub((fork.service, name), version)
    keywords = [
        ast.keyword(str(key), value) for key, value in zip(keys, made.elt.values, strict=True)
    ]
    func = ast.Name(stub.variable + options(writing, fork, f"each_{name}"), ast.Load())
    each = ast.GeneratorExp(ast.Call(func, [], keywords), made.generators)
    text = f"await gather(*{written(each)})"
    writing.public.add("gather")
    if writing.is_read(f"{join.ref}.output") or writing.is_read(f"{fork.ref}.input"):
        variable = writing.stubs.fresh(f"{name}_results")
        over = f"for item in {fork.ref}.input.forkedTasks]"
        part = ".get('result')" if stub.wraps else ""
        names[f"[{join.ref}.output.get(item, {{}}){part} {over}"] = variable
        names[f"[None {over}"] = variable
        text = f"{variable} = {text}"
    writing.line(text)
    return 2
