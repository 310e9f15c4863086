"""What a service tells of messages that it sets aside, so that nobody needs to see its ledger."""

from __future__ import annotations

import base64
from typing import Final, Literal

from pavane.core.model.event import CloudEvent
from pavane.core.model.journal import AsideNote
from pavane.core.projection.choreography import MADE
from pavane.participant.emitting import correlation_of
from pavane.ports.ledger import Aside

PAYLOAD_BYTES: Final = 1500
"""So much of the data is told; all of it stays in the ledger."""
_REASON_CHARS: Final = 2000

Left = Literal["resumed", "redriven", "discarded"]


def stopped(service: str, aside: Aside, now: int, *, attempts: int = 0) -> AsideNote:
    """It waits in the ledger."""
    data = aside.event.data
    payload, encoding = _text(data[:PAYLOAD_BYTES], cut=len(data) > PAYLOAD_BYTES)
    of_handler = aside.id.startswith(f"{aside.event.id}/")  # then `execution` is a lane
    return AsideNote(
        id=aside.id,
        service=service,
        status=aside.kind,
        message=aside.event.id,
        type=aside.event.type,
        execution="" if of_handler else aside.execution,
        correlation=correlation_of(aside.event),
        handler=aside.id.removeprefix(f"{aside.event.id}/") if of_handler else "",
        reason=aside.reason[:_REASON_CHARS],
        since=aside.at,
        until=aside.until,
        attempts=attempts,
        payload=payload,
        encoding=encoding,
        size=len(data),
        untold=aside.kind != "dead" and aside.event.attributes.get("procstep", "").endswith(MADE),
        time=now,
    )


def waiting(
    service: str, id: str, handler: str, event: CloudEvent, reason: str, now: int
) -> AsideNote:
    """It waits behind another one of its key; of these there may be many, so no payload is told."""
    return AsideNote(
        id=id,
        service=service,
        status="parked",
        message=event.id,
        type=event.type,
        correlation=correlation_of(event),
        handler=handler,
        reason=reason[:_REASON_CHARS],
        since=now,
        size=len(event.data),
        time=now,
    )


def left(
    service: str, id: str, event: CloudEvent, status: Left, now: int, reason: str = ""
) -> AsideNote:
    """It waits no more."""
    return AsideNote(
        id=id,
        service=service,
        status=status,
        message=event.id,
        type=event.type,
        execution=event.attributes.get("procinstance", ""),
        correlation=correlation_of(event),
        handler=id.removeprefix(f"{event.id}/") if id != event.id else "",
        reason=reason[:_REASON_CHARS],
        size=len(event.data),
        time=now,
    )


def _text(data: bytes, *, cut: bool) -> tuple[str, str]:
    try:
        return data.decode(), ""
    except UnicodeDecodeError as error:
        if cut and error.start > len(data) - 4:  # only the last character was cut through
            return data[: error.start].decode(), ""
        return base64.b64encode(data).decode(), "base64"
