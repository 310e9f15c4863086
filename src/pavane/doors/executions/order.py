"""The order of executions of every style: by the time of their beginning, then by id.

An engine's ids carry that time and are searched by id alone, so a place in this order is turned
into the id that an engine's executions behind it are smaller than.
"""

from __future__ import annotations

import uuid
from typing import NamedTuple

from pavane.core.model.ids import execution_id

_BITS_MAX = (1 << 74) - 1


class Place(NamedTuple):
    """Where an execution stands; whatever is newer stands before it."""

    at: int  # epoch ms
    id: str


def conducted_place(id: str) -> Place:
    """The place of an engine's execution, from its id alone; what is no such id begins all time."""
    try:
        return Place(uuid.UUID(id).int >> 80, id)
    except ValueError:
        return Place(0, id)


def before_in_engine(place: Place) -> str:
    """An engine's executions behind the place are those with ids smaller than this one."""
    first, last = execution_id(place.at, 0), execution_id(place.at, _BITS_MAX)
    # Within the millisecond of the place the id decides, which begins with that millisecond.
    return min(max(place.id, first), last + "~")
