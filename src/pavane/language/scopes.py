"""`async with scope("name")`: a SUB_WORKFLOW with a definition in place, closed over its data."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step, SubWorkflow, Workflow
from pavane.language.bindings import Bindings, Outer, Unassigned, changes
from pavane.language.frames import Frame, entered, output_path
from pavane.language.liveness import Names as LiveNames
from pavane.language.names import Names, described
from pavane.language.offers import word_of
from pavane.language.outside import static
from pavane.language.source import MISSING
from pavane.language.values import Value

if TYPE_CHECKING:
    from pavane.language.writer import Writer

_STYLES = ("orchestrated", "choreographed")


def write_scope(writer: Writer, node: ast.AsyncWith, live: LiveNames) -> bool:
    """Write a scope; whether Python goes on after it."""
    options = _options(writer, node)
    if options is None:
        return True
    ref = options["name"]
    if not writer.work.names.give(ref):
        writer.refuse(
            node.items[0].context_expr,
            f"the name '{ref}' is used by two steps, or means something in expressions",
            "Give each scope its own name.",
        )
    before = writer.bindings
    inner = entered(before)
    frame = Frame(parent=writer.site.frame)
    with writer.within(frame, inner.fork(), f"{writer.label}-{ref}") as steps:
        goes_on = writer.block(node.body, live)
        given, results = _given_out(writer, node, ref, inner, writer.bindings, live)
        definition = Workflow(
            name=writer.label,
            tasks=steps,
            input_parameters=list(frame.inputs),
            output_parameters=given,
            style=options["style"],
            home=options["home"],
        )
    inputs = {key: writer.template(node, Value(expr)) for key, expr in frame.inputs.items()}
    if steps:
        _emit(writer, node, ref, definition, inputs, options)
    for (level, name), entry in results.items():
        before.levels[level].entries[name] = entry
    return goes_on


def _emit(
    writer: Writer,
    node: ast.AsyncWith,
    ref: str,
    definition: Workflow,
    inputs: dict[str, Any],
    options: dict[str, Any],
) -> None:
    writer.work.uses.add("scope")
    if options["style"] or options["home"]:
        writer.work.uses.add("style")
    parameter = SubWorkflow(
        name=definition.name,
        version=definition.version,
        workflow_definition=definition,
        style=options["style"],
        home=options["home"],
    )
    writer.emit(
        node,
        Step(
            name=ref,
            task_reference_name=ref,
            type="SUB_WORKFLOW",
            input_parameters=inputs,
            sub_workflow_param=parameter,
        ),
    )


def _given_out(
    writer: Writer,
    node: ast.AsyncWith,
    ref: str,
    before: Bindings,
    after: Bindings,
    live: LiveNames,
) -> tuple[dict[str, Any], dict[tuple[int, str], Any]]:
    """The outputs of a scope, and what the variables that it assigned mean behind it."""
    names = Names()
    given: dict[str, Any] = {}
    results: dict[tuple[int, str], Any] = {}
    for level, name in changes(before, after):
        entry = after.levels[level].entries[name]
        if isinstance(entry, Outer):
            continue
        found = writer.site.frame.meaning(entry)
        if not isinstance(found, Value):
            results[level, name] = found
        elif name not in live:
            results[level, name] = Unassigned()
        else:
            results[level, name] = _output(writer, node, ref, names, given, found)
    return given, results


def _output(
    writer: Writer,
    node: ast.AsyncWith,
    ref: str,
    names: Names,
    given: dict[str, Any],
    value: Value,
) -> Value:
    """Pass one value out; the parts of a gathered result one by one."""
    if value.poison or isinstance(value.expr, ast.Constant):
        return value
    if value.parts is not None:
        from dataclasses import replace

        parts = tuple(_output(writer, node, ref, names, given, part) for part in value.parts)
        shown = ast.List([part.expr for part in parts], ast.Load())
        return replace(value, expr=shown, parts=parts)
    key = names.new(described(value.expr))
    given[key] = writer.template(node, value)
    return output_path(ref, key, value)


def _options(writer: Writer, node: ast.AsyncWith) -> dict[str, Any] | None:
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
    return {"name": name, "style": style, "home": known["home"] or ""}
