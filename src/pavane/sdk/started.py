"""Which event starts a workflow, as `@workflow(started_by=…)` says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pavane.core.model.workflow import StartedBy
from pavane.errors import DefinitionError

if TYPE_CHECKING:
    from pavane.sdk.event import Event

_MEMBERS = ("event", "input", "key")


def started_of(given: type[Event] | str | Mapping[str, Any] | None) -> StartedBy | None:
    """The definition's form; DefinitionError for what names no event."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return StartedBy(_type(given))
    members = dict(given)
    unknown = sorted(members.keys() - set(_MEMBERS))
    if unknown or "event" not in members:
        raise DefinitionError(
            f"started_by has {unknown[0]!r}." if unknown else "started_by names no event.",
            f"It may have {', '.join(_MEMBERS)}; `event` is a type of events.",
        )
    return StartedBy(
        _type(members["event"]),
        cast("dict[str, Any]", members.get("input", {})),
        members.get("key", ""),
    )


def _type(event: object) -> str:
    if isinstance(event, str):
        return event
    from pavane.sdk.event import Event, type_of

    if not (isinstance(event, type) and issubclass(event, Event)):
        raise DefinitionError(
            f"started_by={event!r} is no event.", "Give a class of events, or the name of a type."
        )
    return type_of(event)
