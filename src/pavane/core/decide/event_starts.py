"""An event that starts a workflow: which input and which key the execution has."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pavane.core.decide.draft import encode
from pavane.core.expressions.template import compile_template
from pavane.core.model.event import CloudEvent
from pavane.core.model.workflow import Workflow
from pavane.errors import ExpressionError, InputError

_ATTRIBUTES = ("id", "source", "type", "subject", "time")


class _Seen:
    """`event` is its data; the attributes that the data has no member for are there as well."""

    def __init__(self, event: CloudEvent, data: Any) -> None:
        self._event = event
        self._data = data

    def root(self, name: str) -> object:
        if name != "event":
            raise KeyError(name)
        data = self._data
        if not isinstance(data, dict):
            return data
        attributes = {each: getattr(self._event, each) for each in _ATTRIBUTES}
        return {**attributes, **self._event.attributes, **cast("dict[str, Any]", data)}


def start_of(workflow: Workflow, event: CloudEvent) -> tuple[bytes, str]:
    """The input and the key of the execution that the event starts.

    InputError where the event's data does not do for it.
    """
    started = workflow.started_by
    assert started is not None
    try:
        data: Any = msgspec.json.decode(event.data or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The data of {event.type} {event.id} is no JSON: {error}.") from error
    seen = _Seen(event, data)
    try:
        if started.input:
            given: Any = compile_template(started.input, where="startedBy.input").render(seen)
        elif len(workflow.input_parameters) == 1:
            given = {workflow.input_parameters[0]: data}
        else:
            given = data
        key: Any = event.id
        if started.key:
            key = compile_template(started.key, where="startedBy.key").render(seen)
    except ExpressionError as error:
        raise InputError(
            f"{event.type} {event.id} cannot start {workflow.name}: {error}"
        ) from error
    if not isinstance(given, dict):
        raise InputError(f"The data of {event.type} {event.id} is no object.")
    if key is None or key == "":
        raise InputError(
            f"{event.type} {event.id} has no key to start {workflow.name} with: {started.key} is "
            "empty."
        )
    return encode(given), key if isinstance(key, str) else encode(key).decode()
