"""Refuses expressions that are malformed, or that name a step or field that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pavane.core.check.layout import Layout, Place
from pavane.core.check.suggestions import did_you_mean
from pavane.core.expressions.evaluator import compile_expression
from pavane.core.expressions.template import Read, compile_template
from pavane.errors import ExpressionError

# By Conductor's names, also those that are always null here.
_WORKFLOW = frozenset(
    [
        "correlationId",
        "createTime",
        "endTime",
        "env",
        "input",
        "output",
        "parentWorkflowId",
        "parentWorkflowTaskId",
        "priority",
        "reasonForIncompletion",
        "schemaVersion",
        "secrets",
        "startTime",
        "status",
        "taskToDomain",
        "updateTime",
        "variables",
        "version",
        "workflowId",
        "workflowName",
        "workflowType",
    ]
)
_STEP = frozenset(
    [
        "callbackAfterSeconds",
        "correlationId",
        "endTime",
        "executed",
        "input",
        "inputData",
        "iteration",
        "output",
        "outputData",
        "pollCount",
        "reasonForIncompletion",
        "referenceTaskName",
        "responseTimeoutSeconds",
        "retried",
        "retryCount",
        "scheduledTime",
        "seq",
        "startTime",
        "status",
        "subWorkflowId",
        "taskDefName",
        "taskId",
        "taskType",
        "updateTime",
        "workerId",
        "workflowInstanceId",
        "workflowType",
    ]
)
_NOT_BUILT = {"env": "environment variables", "secrets": "secrets"}


def check(layout: Layout) -> Iterator[str]:
    """Find malformed expressions, names of no step, and fields that steps do not have."""
    for place in layout.places:
        yield from _of_step(layout, place)
    for key, value in layout.workflow.output_parameters.items():
        yield from _of_value(layout, value, f"outputParameters.{key}", "The workflow's output")


def parameters(place: Place) -> Iterator[tuple[str, Any]]:
    """Each input of a step, with where it stands."""
    for key, value in place.step.input_parameters.items():
        yield f"inputParameters.{key}", value


def reads_of(value: Any, where: str) -> tuple[Read, ...]:
    """What an input reads. ExpressionError when it is malformed."""
    return compile_template(value, where=where).reads


def _of_step(layout: Layout, place: Place) -> Iterator[str]:
    step = place.step
    for where, value in parameters(place):
        yield from _of_value(layout, value, where, place.name)
    if step.undo is not None:
        for key, value in step.undo.input_parameters.items():
            yield from _of_value(layout, value, f"undo.inputParameters.{key}", place.name)
    if step.items is not None:
        yield from _of_value(layout, step.items, "items", place.name)
    if step.loop_condition and step.evaluator_type == "pavane":
        yield from _of_value(
            layout, "${= " + step.loop_condition + " }", "loopCondition", place.name
        )
    elif step.evaluator_type == "pavane":
        yield from _of_expression(place)


def _of_value(layout: Layout, value: Any, where: str, name: str) -> Iterator[str]:
    try:
        reads = reads_of(value, where)
    except ExpressionError as error:
        yield f"{name}: {error}"
        return
    for text in _unique(_about, reads, layout):
        yield f"{name}: {where} {text}"


def _unique(
    about: Callable[[Read, Layout], str], reads: Iterable[Read], layout: Layout
) -> Iterator[str]:
    yield from dict.fromkeys(text for read in reads if (text := about(read, layout)))


def _about(read: Read, layout: Layout) -> str:
    """What is wrong with one read, or ""."""
    head = str(read.path[0]) if read.path else ""
    if read.root == "workflow":
        if head in _NOT_BUILT:
            return f"reads workflow.{head}: {_NOT_BUILT[head]} are not built yet."
        if head and head not in _WORKFLOW:
            guess = did_you_mean(head, _WORKFLOW) or "see the reference of expressions."
            return f"reads workflow.{head}, which no execution has; {guess}"
    elif read.root and read.root not in layout.by_ref:
        guess = did_you_mean(read.root, ["workflow", *layout.by_ref])
        way_out = guess or (
            "pass it in as an input of the scope." if layout.where else "name a step that there is."
        )
        return f"reads {read.root!r}, and there is no such step; {way_out}"
    elif head and head not in _STEP:
        guess = did_you_mean(head, _STEP) or f"did you mean {read.root}.output.{head}?"
        return f"reads {read.root}.{head}, which no step has; {guess}"
    return ""


def _of_expression(place: Place) -> Iterator[str]:
    try:
        expression = compile_expression(place.step.expression, where="expression")
    except ExpressionError as error:
        if place.step.expression:  # an empty one is the step type's finding
            yield f"{place.name}: {error}"
        return
    for name in expression.names:
        if name and name not in place.step.input_parameters:
            guess = did_you_mean(name, place.step.input_parameters)
            way_out = guess or f"add it: {name!r}: '${{…}}'."
            yield (
                f"{place.name}: its expression names {name!r}, which is not among its "
                f"inputParameters; {way_out}"
            )
