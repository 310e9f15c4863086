"""From a workflow function to its definition, or to one error with every finding."""

from __future__ import annotations

import ast
import inspect
import types
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec
from msgspec import structs

from pavane.core.model.schedule import Beat, Scheduled
from pavane.core.model.ticks import fault_in
from pavane.core.model.workflow import RateLimit, Style, Workflow
from pavane.language.bindings import Bindings, Level, own_names
from pavane.language.contract import is_none, wire_value
from pavane.language.endings import finish
from pavane.language.findings import Finding, Findings
from pavane.language.frames import Frame
from pavane.language.liveness import EMPTY, Liveness, local_functions
from pavane.language.matches import without_matches
from pavane.language.names import Names
from pavane.language.offers import TaskOffer, WorkflowOffer
from pavane.language.outside import is_constant
from pavane.language.report import language_error
from pavane.language.source import Source, SourceMissing, read_source
from pavane.language.values import path
from pavane.language.work import Site, Work
from pavane.language.writer import Writer


@dataclass(frozen=True, slots=True)
class Compiled:
    """A definition, with the tasks (undo tasks too) and workflows that its steps call."""

    definition: Workflow
    tasks: tuple[TaskOffer, ...]
    workflows: tuple[WorkflowOffer, ...]


def compile_workflow(
    function: types.FunctionType,
    *,
    name: str,
    version: int,
    style: Style | None = None,
    schedule: Scheduled | None = None,
    limit: RateLimit | None = None,
) -> Compiled:
    """Read a workflow function; LanguageError lists everything that the language refuses."""
    findings = Findings()
    try:
        source = read_source(function)
    except SourceMissing as error:
        findings.put(Finding(function.__code__.co_filename, 0, 0, "", str(error)))
        raise language_error(name, findings.sorted()) from error
    without_matches(source.node)
    work = Work(findings, Names(_given_names(source.node)))
    site = Site(work, source, Frame())
    writer = _writer(site, function, name)
    if schedule is not None:
        schedule = _scheduled(site, function, schedule)
    if limit is not None:
        _check_limit(site, function, limit)
    if not isinstance(source.node, ast.AsyncFunctionDef):
        site.refuse(source.node, f"the workflow {name} is not an `async def`", "Write `async def`.")
    else:
        _read(writer, source.node)
    if not writer.steps and not findings and not writer.outputs:
        site.refuse(source.node, f"the workflow {name} does nothing", "Await a task in it.")
    if findings:
        raise language_error(name, findings.sorted())
    if not writer.steps and "tasks" not in work.fields:
        writer.nothing_to_do(source.node)
    definition = _definition(writer, function, name, version, style)
    if schedule is not None:
        definition = structs.replace(definition, schedule=schedule)
    if limit is not None:
        definition = structs.replace(definition, rate_limit_config=limit)
    return Compiled(definition, tuple(work.tasks.values()), tuple(work.workflows.values()))


def _scheduled(site: Site, function: types.FunctionType, schedule: Scheduled) -> Scheduled:
    """The schedule with the parameter that gets the time; a refusal of what cannot be kept."""
    node = site.source.node
    if wrong := fault_in(Beat(schedule.every, schedule.zone)):
        site.refuse(
            node,
            f"the schedule every={schedule.every!r} {wrong}",
            "Write six fields of cron, as in '0 0 9 * * *', or a duration such as '10m'.",
        )
    needed = [
        name
        for name, each in inspect.signature(function).parameters.items()
        if each.default is each.empty
    ]
    if len(needed) > 1:
        site.refuse(
            _parameter(node, needed[1]),
            f"a schedule has nothing to give to {', '.join(map(repr, needed))}",
            "Give all but one of them a default; that one gets the time of the start.",
        )
    return structs.replace(schedule, time_parameter=needed[0] if needed else "")


def _check_limit(site: Site, function: types.FunctionType, limit: RateLimit) -> None:
    """Refuse a limit that lets nothing run, or a `per` that names no parameter."""
    most, node = limit.concurrent_exec_limit, site.source.node
    if most < 1:
        site.refuse(
            _option(node, "max_running"), f"max_running={most} lets nothing run", "Use 1 or more."
        )
    path = limit.rate_limit_key.removeprefix("${workflow.input.").removesuffix("}")
    first, *rest = path.split(".")
    names = list(inspect.signature(function).parameters)
    if path and (first not in names or not all(part.isidentifier() for part in rest)):
        site.refuse(
            _option(node, "per"),
            f"per={path!r} names none of its parameters",
            f"Begin it with one of {', '.join(names)}." if names else "It has none.",
        )


def _read(writer: Writer, node: ast.AsyncFunctionDef) -> None:
    try:
        if writer.block(node.body, EMPTY):
            finish(writer)
    except RecursionError:
        writer.refuse(node, "the workflow is nested too deeply to be read", "Split it.")


def _writer(site: Site, function: types.FunctionType, name: str) -> Writer:
    node = site.source.node
    level = Level(own_names(node))
    hints = _hints(site, function)
    for key, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            site.refuse(node, f"'{key}' takes any number of values", "Name each parameter.")
        elif parameter.annotation is parameter.empty:
            site.refuse(
                _parameter(node, key),
                f"the parameter '{key}' has no annotation",
                f"Write `{key}: SomeType`; the input is checked against it.",
            )
        if parameter.default is not parameter.empty and not is_constant(parameter.default):
            site.refuse(
                _parameter(node, key),
                f"the default of '{key}' is no constant",
                "Use a text, number, bool, None, Decimal, date or enum member.",
            )
        level.entries[key] = path("workflow", "input", key, tp=hints.get(key, Any))
    liveness = Liveness(local_functions(node))
    return Writer(site, Bindings([level]), liveness, hints.get("return", Any), name)


def _parameter(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.AST:
    for each in ast.walk(node.args):
        if isinstance(each, ast.arg) and each.arg == name:
            return each
    return node


def _option(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.AST:
    """Where an option of the decorator is written."""
    for decorator in node.decorator_list:
        for each in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if each.arg == name:
                return each.value
    return node


def _hints(site: Site, function: types.FunctionType) -> dict[str, Any]:
    try:
        return resolved_hints(function, site.source)
    except Exception as error:  # noqa: BLE001  # an annotation may be any expression
        site.refuse(
            site.source.node,
            f"an annotation cannot be resolved: {error}",
            "Import what it names, outside of `if TYPE_CHECKING`.",
        )
        return {}


def resolved_hints(function: types.FunctionType, source: Source | None = None) -> dict[str, Any]:
    """The annotations of a function as types, also of names in an enclosing function."""
    if source is not None:
        return get_type_hints(function, localns=source.names)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    names: dict[str, Any] = {}
    for name, cell in cells:
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return get_type_hints(function, localns=names)


def _given_names(node: ast.AST) -> frozenset[str]:
    """The names of steps and scopes that the author wrote, so that no other step takes them."""
    names: set[str] = set()
    for each in ast.walk(node):
        if not isinstance(each, ast.Call):
            continue
        for keyword in each.keywords:
            if keyword.arg == "ref" and isinstance(keyword.value, ast.Constant):
                names.add(str(keyword.value.value))
    for each in ast.walk(node):
        if isinstance(each, ast.AsyncWith):
            call = each.items[0].context_expr
            first = call.args[0] if isinstance(call, ast.Call) and call.args else None
            if isinstance(first, ast.Constant):
                names.add(str(first.value))
    return frozenset(names)


_OURS = frozenset({"undo", "pivot", "style", "event", "deadline", "caught", "race", "written out"})
_REWRITABLE = frozenset({"computed", "scope"})


def _portable(uses: set[str]) -> str:
    """The level of portability that a definition needs (`projectable` is checked elsewhere)."""
    if uses & _OURS:
        return "pavane"
    return "rewritten" if uses & _REWRITABLE else "conductor"


def _definition(
    writer: Writer, function: types.FunctionType, name: str, version: int, style: Style | None
) -> Workflow:
    work, parameters = writer.work, inspect.signature(function).parameters
    if style is not None:
        work.uses.add("style")
    at = writer.site.source.at(writer.site.source.node)
    notes = {"at": at, "portable": _portable(work.uses), "uses": sorted(work.uses)}
    made = Workflow(
        name=name,
        version=version,
        description=inspect.getdoc(function) or "",
        tasks=writer.steps,
        input_parameters=list(parameters),
        output_parameters={} if is_none(writer.returns) else writer.outputs or {},
        input_template={
            key: wire_value(each.default)
            for key, each in parameters.items()
            if each.default is not each.empty
        },
        style=style,
        metadata={"pavane": notes},
    )
    return _with_fields(writer, made) if work.fields else made


def _with_fields(writer: Writer, made: Workflow) -> Workflow:
    """The definition with what `definition()` says of it."""
    written = {**msgspec.to_builtins(made), **writer.work.fields}
    return msgspec.convert(written, Workflow)
