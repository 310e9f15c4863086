"""Definitions on the bus: each process says what its services dance, so that others can ask."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.core.projection.choreography import Choreography, Source
from pavane.core.projection.reading import read_choreography, read_source
from pavane.errors import DefinitionError

TOPIC = "_pavane.definitions"
TYPE = "pavane.definitions.announced.v1"
_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a13")


class Announced(msgspec.Struct, omit_defaults=True):
    """Workflows that may start one another, and the tasks that they use.

    `older`: nothing begins by the first of them any more, but executions go on by it.
    """

    workflows: list[Workflow]
    tasks: dict[str, TaskDefinition]
    older: bool = False


def announcement(
    workflows: Sequence[Workflow], tasks: Mapping[str, TaskDefinition], now: int
) -> Outgoing:
    """The same definitions are the same event, whoever announces them."""
    body = msgspec.json.encode(Announced(list(workflows), dict(sorted(tasks.items()))))
    id = str(uuid.uuid5(_SPACE, body.decode()))
    return Outgoing(TOPIC, "", CloudEvent(id, "pavane", TYPE, time=now, data=body))


def kept_announcement(choreography: Choreography, now: int) -> Outgoing:
    """A definition by which executions may go on, though newer ones begin by another."""
    assert choreography.source is not None
    source = choreography.source
    body = msgspec.json.encode(Announced(source.workflows, source.tasks, older=True))
    id = str(uuid.uuid5(_SPACE, body.decode()))
    return Outgoing(TOPIC, "", CloudEvent(id, "pavane", TYPE, time=now, data=body))


def choreographies(event: CloudEvent) -> tuple[dict[str, Choreography], bool]:
    """What was announced, by name, and whether new executions begin by it.

    DefinitionError where it cannot be read here.
    """
    try:
        told = msgspec.json.decode(event.data, type=Announced)
    except msgspec.DecodeError as error:
        raise DefinitionError(f"An announced definition cannot be read: {error}.", "") from error
    if told.older:
        read = read_source(Source(told.workflows, told.tasks))
        return {read.name: read}, False
    by_name = {each.name: each for each in told.workflows}
    return {
        each.name: read_choreography(each, told.tasks, lambda name, _version: by_name.get(name))
        for each in told.workflows
    }, True
