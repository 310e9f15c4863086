"""`async with scope("name")`: a SUB_WORKFLOW with a definition in place, closed over its data."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step, Style, SubWorkflow, Workflow
from pavane.language.bindings import Bindings, Entry, Outer, Unassigned, changes
from pavane.language.frames import Frame, entered, output_path
from pavane.language.liveness import Names as LiveNames
from pavane.language.names import Names, described
from pavane.language.offers import word_of
from pavane.language.outside import static
from pavane.language.source import MISSING
from pavane.language.values import Value

if TYPE_CHECKING:
    from pavane.language.writer import Place, Writer

_STYLES = ("orchestrated", "choreographed")


def write_scope(writer: Writer, node: ast.AsyncWith, live: LiveNames) -> bool:
    """Write a scope; whether Python goes on after it."""
    options = _options(writer, node)
    if options is None:
        return True
    if not writer.work.names.give(options.name):
        writer.refuse(
            node.items[0].context_expr,
            f"the name '{options.name}' is used by two steps, or means something in expressions",
            "Give each scope its own name.",
        )
    return enclose(writer, node, options, live)


def enclose(
    writer: Writer, node: ast.AsyncWith | ast.Try, options: Options, live: LiveNames
) -> bool:
    """Write a body as a scope, if it has steps; whether Python goes on after it."""
    before = writer.bindings
    inner = entered(before)
    frame = Frame(parent=writer.site.frame)
    place: Place = "try" if options.optional else "scope"
    with writer.within(frame, inner.fork(), f"{writer.label}-{options.name}", place) as steps:
        goes_on = writer.block(node.body, live)
        exit_ = _Exit(writer, node, options.name)
        results = exit_.meanings(inner, writer.bindings, live)
        if exit_.given and not steps:
            writer.nothing_to_do(node)
        definition = Workflow(
            name=writer.label,
            tasks=steps,
            input_parameters=list(frame.inputs),
            output_parameters=exit_.given,
            style=options.style,
            home=options.home,
        )
    inputs = {key: writer.template(node, Value(expr)) for key, expr in frame.inputs.items()}
    if steps:
        writer.work.uses.update({"scope", "style"} if options.styled else {"scope"})
        writer.emit(node, _step(options, definition, inputs))
    for (level, name), entry in results.items():
        before.levels[level].entries[name] = entry
    return goes_on


@dataclass(frozen=True, slots=True)
class Options:
    """What `scope(…)` was given, or what a `try` gives it."""

    name: str
    style: Style | None
    home: str
    optional: bool = False

    @property
    def styled(self) -> bool:
        return bool(self.style or self.home)


def _step(options: Options, definition: Workflow, inputs: dict[str, Any]) -> Step:
    return Step(
        name=options.name,
        task_reference_name=options.name,
        type="SUB_WORKFLOW",
        input_parameters=inputs,
        sub_workflow_param=SubWorkflow(
            name=definition.name,
            version=definition.version,
            workflow_definition=definition,
            style=options.style,
            home=options.home,
        ),
        optional=options.optional,
    )


class _Exit:
    """The end of a scope: what it gives out, and what its variables mean behind it."""

    def __init__(self, writer: Writer, node: ast.AST, ref: str) -> None:
        self.given: dict[str, Any] = {}
        self._writer = writer
        self._node = node
        self._ref = ref
        self._names = Names()

    def meanings(
        self, before: Bindings, after: Bindings, live: LiveNames
    ) -> dict[tuple[int, str], Entry]:
        """By level and name, the meaning of each variable that the scope assigned."""
        results: dict[tuple[int, str], Entry] = {}
        for level, name in changes(before, after):
            entry = after.levels[level].entries[name]
            if isinstance(entry, Outer):
                continue
            found = self._writer.site.frame.meaning(entry)
            if isinstance(found, Value):
                found = self._output(found) if name in live else Unassigned()
            results[level, name] = found
        return results

    def _output(self, value: Value) -> Value:
        """Pass one value out; the parts of a gathered result one by one."""
        if value.poison or isinstance(value.expr, ast.Constant):
            return value
        if value.parts is not None:
            parts = tuple(self._output(part) for part in value.parts)
            shown = ast.List([part.expr for part in parts], ast.Load())
            return replace(value, expr=shown, parts=parts)
        key = self._names.new(described(value.expr))
        self.given[key] = self._writer.template(self._node, value)
        return output_path(self._ref, key, value)


def _options(writer: Writer, node: ast.AsyncWith) -> Options | None:
    """Name, style and home of a scope; None after a finding."""
    first = node.items[0]
    call = first.context_expr
    thing = static(writer.reader, call.func) if isinstance(call, ast.Call) else MISSING
    if not isinstance(call, ast.Call) or word_of(thing) != "scope" or len(node.items) > 1:
        writer.refuse(
            call,
            "`async with` is only for `scope(…)` in a workflow",
            'Write `async with scope("name"):`, one at a time.',
        )
        return None
    if first.optional_vars is not None:
        writer.refuse(first.optional_vars, "a scope has no `as`", "Leave it out.")
    known: dict[str, Any] = {"name": None, "style": None, "home": ""}
    fine = len(call.args) <= 1
    for key, each in [
        *(("name", each) for each in call.args[:1]),
        *((each.arg or "", each.value) for each in call.keywords),
    ]:
        value = each.value if isinstance(each, ast.Constant) else static(writer.reader, each)
        fine = fine and key in known and (isinstance(value, str) or value is None)
        known[key] = value
    name, style = known["name"], known["style"]
    fine = fine and isinstance(name, str) and name.isidentifier()
    if not fine or style not in (None, *_STYLES):
        writer.refuse(
            call,
            "scope() takes a constant name (letters, digits, underscores), and style= and home=",
            f'Write `async with scope("pay", style="{_STYLES[1]}"):`.',
        )
        return None
    return Options(name, style, known["home"] or "")
