"""Calls of tasks and workflows as steps: arguments bound, options put on, results to read."""

from __future__ import annotations

import ast
import inspect
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec

from pavane.core.model.workflow import Step, SubWorkflow
from pavane.errors import DefinitionError
from pavane.language import outside
from pavane.language.arguments import read_arguments
from pavane.language.contract import type_name, without_none
from pavane.language.durations import conductor_duration, parse_duration
from pavane.language.kinds import literal_base
from pavane.language.offers import StepOptions, TaskOffer, WorkflowOffer, is_task, is_workflow
from pavane.language.operands import call, native
from pavane.language.source import MISSING
from pavane.language.undo import bind_undo
from pavane.language.values import NOTHING, Value, members_of, path_text, step_result

if TYPE_CHECKING:
    from pavane.language.writer import Writer

_OPTIONS = ("ref", "retries", "timeout", "undo", "pivot", "optional", "start_delay")
_OF_A_WORKFLOW = ("ref", "retries", "pivot", "optional", "start_delay")


def target(writer: Writer, func: ast.expr) -> Any:
    """What a call calls: an object from outside (with its options), or MISSING."""
    if (
        isinstance(func, ast.Call)
        and isinstance(func.func, ast.Attribute)
        and func.func.attr == "with_options"
    ):
        offer = outside.static(writer.reader, func.func.value)
        return MISSING if offer is MISSING else _with_options(writer, func, offer)
    return outside.static(writer.reader, func)


def _with_options(writer: Writer, node: ast.Call, offer: Any) -> Any:
    """What is called, with its options; each wrong one is a finding of its own."""
    if not is_task(offer) and not is_workflow(offer):
        shown = ast.unparse(node.func)
        owner = shown.removesuffix(".with_options")
        writer.refuse(
            node.func,
            f"'{owner}' has no options; only a task or a workflow has",
            f"Write {owner}(…) itself.",
        )
        return outside.static(writer.reader, node.func.value)  # type: ignore[attr-defined]  # an attribute
    takes = _OPTIONS if is_task(offer) else _OF_A_WORKFLOW
    remedy = f"It takes {', '.join(takes)}."
    for each in node.args:
        writer.refuse(each, "with_options() takes options by name only", remedy)
    for each in node.keywords:
        if each.arg is None or each.arg not in takes:
            what = f"'{each.arg}'" if each.arg else "`**`"
            if each.arg in _OPTIONS:
                what += " for a workflow"
            writer.refuse(each.value, f"with_options() takes no {what}", remedy)
            continue
        value = _constant(writer, each.value)
        if value is MISSING or (each.arg != "undo" and not outside.is_constant(value)):
            writer.refuse(
                each.value,
                f"the option {each.arg} must be a constant or a task",
                "Options are part of the definition, so they cannot depend on data.",
            )
            continue
        try:
            offer = offer.with_options(**{each.arg: value})
        except DefinitionError as error:
            writer.refuse(each.value, f"with_options(): {error.message}", error.remedy)
    return offer


def _constant(writer: Writer, node: ast.expr) -> Any:
    """A literal or an object from outside, as Python has it."""
    if isinstance(node, (ast.Constant, ast.UnaryOp)):
        try:
            return ast.literal_eval(node)
        except ValueError:
            return MISSING
    return outside.static(writer.reader, node)


def is_sound(writer: Writer, node: ast.AST, offer: Any) -> bool:
    """Whether what a task or workflow offers can be read at all; else a finding."""
    undo = offer.options.undo or getattr(offer, "undo", None)
    try:
        for each in (offer, undo):
            if each is not None:
                _ = each.signature, each.returns
    except DefinitionError as error:
        writer.refuse(node, error.message.rstrip("."), error.remedy)
        return False
    except (NameError, TypeError, AttributeError) as error:
        writer.refuse(
            node,
            f"the annotations of {offer.name} cannot be resolved: {error}",
            "Import what they name, outside of `if TYPE_CHECKING`.",
        )
        return False
    return True


def bind(
    writer: Writer, node: ast.Call, name: str, signature: inspect.Signature
) -> dict[str, Any] | None:
    """The arguments of a call by parameter name, as they stand in `inputParameters`."""
    values = bound(writer, node, name, signature)
    if values is None:
        return None
    return {key: writer.template(node, value) for key, value in values.items()}


def bound(
    writer: Writer, node: ast.Call, name: str, signature: inspect.Signature
) -> dict[str, Value] | None:
    """The arguments of a call by parameter name; None after a finding."""
    given = read_arguments(writer.reader, node)
    if given is None:
        return None
    try:
        fitted = signature.bind(*given[0], **given[1])
    except TypeError as error:
        writer.refuse(node, f"{name}(): {error}", _takes(name, signature))
        return None
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            writer.refuse(
                node,
                f"{name} takes any number of arguments, which have no names on the wire",
                "Give it named parameters.",
            )
            return None
    return cast("dict[str, Value]", fitted.arguments)


def _takes(name: str, signature: inspect.Signature) -> str:
    return f"It takes {name}({', '.join(signature.parameters)})."


def reference(writer: Writer, node: ast.AST, options: StepOptions, wish: str) -> str:
    """The reference name of a step: the author's, or a new one."""
    if not options.ref:
        return writer.work.names.new(wish)
    if not writer.work.names.give(options.ref):
        writer.refuse(
            node,
            f"the name '{options.ref}' is used by two steps, or means something in expressions",
            "Give each step its own ref.",
        )
    return options.ref


def task_step(writer: Writer, node: ast.AST, offer: TaskOffer, inputs: dict[str, Any]) -> Value:
    """Emit a SIMPLE step; gives its result."""
    ref = reference(writer, node, offer.options, offer.name)
    step = described(writer, node, offer, ref, frozenset(inputs))
    writer.emit(node, msgspec.structs.replace(step, type="SIMPLE", input_parameters=inputs))
    return step_result(ref, offer.returns)


def described(
    writer: Writer, node: ast.AST, offer: TaskOffer, ref: str, given: frozenset[str]
) -> Step:
    """What a step says of its task: its options, and its undo, which may read what is given."""
    options = offer.options
    writer.work.use_task(offer)
    undo_task = options.undo or offer.undo
    undo = None
    if undo_task is not None:
        undo = bind_undo(writer.site, node, ref, step=offer, given=given, undo=undo_task)
        writer.work.use_task(undo_task)
        writer.work.uses.add("undo")
    pivot = options.pivot or offer.pivot
    if pivot:
        writer.work.uses.add("pivot")
    definition = None
    if options.timeout_s is not None:
        response = offer.definition.response_timeout_seconds
        definition = msgspec.structs.replace(
            offer.definition,
            timeout_seconds=_seconds(options.timeout_s),
            response_timeout_seconds=min(response, _seconds(options.timeout_s)) or response,
            concurrent_exec_limit=0,  # limits are the task's, whatever the step says of its time
            rate_limit_per_frequency=0,
            rate_limit_frequency_in_seconds=1,
        )
    return Step(
        name=offer.name,
        task_reference_name=ref,
        optional=options.optional,
        start_delay=_seconds(options.start_delay_s),
        retry_count=options.retries,
        task_definition=definition,
        undo=undo,
        pivot=pivot,
        service=offer.service,
    )


def _seconds(seconds: float) -> float:
    """As it is after a journey through JSON, so that the content hash stays the same."""
    return float(seconds) or 0


def workflow_step(
    writer: Writer, node: ast.AST, offer: WorkflowOffer, inputs: dict[str, Any]
) -> Value:
    """Emit a SUB_WORKFLOW step for a call of another workflow, its version pinned."""
    options = offer.options
    ref = reference(writer, node, options, offer.name)
    writer.work.use_workflow(offer)
    if options.pivot:
        writer.work.uses.add("pivot")
    writer.emit(
        node,
        Step(
            name=offer.name,
            task_reference_name=ref,
            type="SUB_WORKFLOW",
            input_parameters=inputs,
            sub_workflow_param=SubWorkflow(name=offer.name, version=offer.version),
            optional=options.optional,
            start_delay=_seconds(options.start_delay_s),
            retry_count=options.retries,
            pivot=options.pivot,
        ),
    )
    return step_result(ref, offer.returns)


def wait_inputs(writer: Writer, node: ast.Call, word: str) -> dict[str, Any] | None:
    """The inputs of a WAIT for `sleep(…)` or `until(…)`."""
    if len(node.args) != 1 or node.keywords:
        writer.refuse(node, f"{word}() takes one argument", f'Write {word}("…").')
        return None
    argument = node.args[0]
    value = writer.reader.read(argument)
    if value.poison:
        return None
    return (duration_inputs if word == "sleep" else _until)(writer, argument, value)


def duration_inputs(
    writer: Writer, node: ast.expr, value: Value, what: str = "sleep()"
) -> dict[str, Any] | None:
    """The input that says for how long a WAIT waits; None after a finding."""
    if isinstance(value.expr, ast.Constant):
        try:
            seconds = parse_duration(value.expr.value)  # type: ignore[arg-type]  # anything else is refused there
        except (DefinitionError, TypeError, ValueError) as error:
            said = getattr(error, "message", f"{ast.unparse(node)} is not a duration.")
            writer.refuse(node, said, 'Write "10s", "1h30m" or "2d", or a number of seconds.')
            return None
        return {"duration": conductor_duration(seconds)}
    base = literal_base(value.type)
    if base in (int, float):
        shown = path_text(value.expr) if members_of(value.expr) and base is int else None
        if shown is not None:
            return {"duration": f"${{{shown}}} seconds"}
        text = ast.JoinedStr([ast.FormattedValue(value.expr, -1, None), ast.Constant(" seconds")])
        return {"duration": writer.template(node, Value(text, type=str, native=True))}
    if base is timedelta:
        length = native(writer.site, node, value)
        total = ast.Call(ast.Attribute(length, "total_seconds", ast.Load()), [], [])
        text = ast.JoinedStr(
            [ast.FormattedValue(call("float", total), -1, None), ast.Constant(" seconds")]
        )
        return {"duration": writer.template(node, Value(text, type=str, native=True))}
    if without_none(value.type)[0] not in (str, Any):
        writer.refuse(
            node,
            f"{what} takes a duration, not {type_name(value.type)}",
            'Give text such as "10s", seconds, or a timedelta.',
        )
        return None
    return {"duration": writer.template(node, value)}


def _until(writer: Writer, node: ast.expr, value: Value) -> dict[str, Any] | None:
    base = without_none(value.type)[0]
    if base not in (str, datetime, Any):
        writer.refuse(
            node,
            f"until() takes a time, not {type_name(base)}",
            'Give a datetime, or text such as "2030-01-31 09:00".',
        )
        return None
    if base is str and isinstance(value.expr, ast.Constant):
        try:
            datetime.fromisoformat(str(value.expr.value))
        except ValueError:
            writer.refuse(
                node, f"{ast.unparse(node)} is not a time", 'Write it like "2030-01-31 09:00".'
            )
            return None
    return {"until": writer.template(node, value)}


def wait_step(writer: Writer, node: ast.AST, word: str, inputs: dict[str, Any]) -> Value:
    """Emit a WAIT."""
    ref = writer.work.names.new(word)
    step = Step(name=ref, task_reference_name=ref, type="WAIT", input_parameters=inputs)
    writer.emit(node, step)
    return NOTHING
