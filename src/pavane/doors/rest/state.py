"""What every request finds: the engine, those who read, and whether the server is stopping."""

from __future__ import annotations

from asyncio import Event
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request

if TYPE_CHECKING:
    from pavane.engine.engine import Engine
    from pavane.engine.views.reader import Reader
    from pavane.engine.views.records import Records


class State(NamedTuple):
    """The typed face of `app.state`."""

    engine: Engine
    reader: Reader
    records: Records
    stopping: Event


def state(request: Request) -> State:
    """What `build_app` put there."""
    kept = request.app.state
    return State(kept.engine, kept.reader, kept.records, kept.stopping)
