"""Definitions on the bus: each process says what its services dance, so that others can ask."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.reading import read_choreography
from pavane.errors import DefinitionError

TOPIC = "_pavane.definitions"
TYPE = "pavane.definitions.announced.v1"
_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a13")


class Announced(msgspec.Struct):
    """Workflows that may start one another, and the tasks that they use."""

    workflows: list[Workflow]
    tasks: dict[str, TaskDefinition]


def announcement(
    workflows: Sequence[Workflow], tasks: Mapping[str, TaskDefinition], now: int
) -> Outgoing:
    """The same definitions are the same event, whoever announces them."""
    body = msgspec.json.encode(Announced(list(workflows), dict(sorted(tasks.items()))))
    id = str(uuid.uuid5(_SPACE, body.decode()))
    return Outgoing(TOPIC, "", CloudEvent(id, "pavane", TYPE, time=now, data=body))


def choreographies(event: CloudEvent) -> dict[str, Choreography]:
    """What was announced, by name. DefinitionError where it cannot be read here."""
    try:
        told = msgspec.json.decode(event.data, type=Announced)
    except msgspec.DecodeError as error:
        raise DefinitionError(f"An announced definition cannot be read: {error}.", "") from error
    by_name = {each.name: each for each in told.workflows}
    return {
        each.name: read_choreography(each, told.tasks, lambda name, _version: by_name.get(name))
        for each in told.workflows
    }
