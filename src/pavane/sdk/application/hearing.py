"""What can be said of events before anything runs: impossible handlers, events with one end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pavane.core.model.workflow import Workflow
    from pavane.sdk.service import Service


def faults(services: Iterable[Service]) -> Iterator[str]:
    """What is wrong with the handlers of services."""
    from pavane.errors import DefinitionError
    from pavane.sdk.handlers import ServiceHandlers

    for service in services:
        try:
            ServiceHandlers(service)
        except DefinitionError as error:
            yield from error.findings or [str(error)]


def orphans(services: Iterable[Service], workflows: Iterable[Workflow]) -> Iterator[str]:
    """Events that are told and not heard here, or heard and not told."""
    from pavane.core.check import projectable
    from pavane.errors import DefinitionError
    from pavane.sdk.event import type_of

    told: dict[str, list[str]] = {}
    heard: dict[str, list[str]] = {}
    for handler in (handler for service in services for handler in service.handlers):
        name = f"{handler.service}.{handler.name}"
        try:
            reading = handler.reading
        except DefinitionError:  # found above
            continue
        for type in reading.takes:
            heard.setdefault(type, []).append(name)
        for kind in reading.emits:
            told.setdefault(type_of(kind), []).append(name)
    for workflow in workflows:
        for type, name in projectable.told_by(workflow):
            told.setdefault(type, []).append(name)
        for type, name in projectable.heard_by(workflow):
            heard.setdefault(type, []).append(name)
    yield from projectable.orphans(told, heard)
