"""The types of events on the bus that is asked, with who publishes them and who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pavane.errors import NoBusError

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.observer.event_types import EventTypes


async def event_types(company: Company | None, *, unheard: bool = False) -> EventTypes:
    """All that the bus has, or those that nobody takes. NoBusError, ConnectionFailedError."""
    from pavane.observer.event_types import event_types as seen
    from pavane.ports.bus import KeepingBus, LogBus

    if company is None:
        raise NoBusError(
            "This server is on no bus, so it sees no events.",
            "Start it with --bus embedded:FOLDER, or ask `pavane events --bus embedded:FOLDER`.",
        )
    if not isinstance(company.bus, LogBus):
        if isinstance(company.bus, KeepingBus):
            raise NoBusError(
                "This bus cannot say which types of events were published on it.",
                "Ask the tools of its broker; a bus embedded:FOLDER can say it.",
            )
        raise NoBusError(
            "The bus in memory keeps no events, so nobody can say which were published.",
            "Use --bus embedded:FOLDER.",
        )
    return seen(await company.bus.published(), company.observer.picture, unheard=unheard)
