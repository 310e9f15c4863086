"""`POST /v1/events`: an event from outside, as a CloudEvent or in our plain form."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pavane.core.model.cloudevents import HTTP_PREFIX, from_headers, from_json, mode_of
from pavane.core.model.event import CloudEvent
from pavane.doors.rest.answers import json_response
from pavane.doors.rest.body import check_depth, decode, read_body
from pavane.doors.rest.problems import MalformedError
from pavane.doors.rest.state import state
from pavane.sdk.given import GivenEvent
from pavane.sdk.telling import no_bus, tell

_VERSION: Final = HTTP_PREFIX + "specversion"


class Structured(msgspec.Struct, frozen=True, omit_defaults=True):
    """A CloudEvent in JSON, for the document; more attributes may stand beside these."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str | None = None
    datacontenttype: str | None = None
    data: dict[str, Any] | None = None


class Told(msgspec.Struct, frozen=True):
    """The event that is on the bus."""

    id: str


async def publish(request: Request) -> Response:
    """Put an event on the server's bus: 201 with its id, once it is durable there."""
    company = state(request).company
    if company is None:
        raise no_bus()
    event = _event(request, await read_body(request))
    return json_response(Told(await tell(event, company.requests, company.chance)), 201)


def _event(request: Request, body: bytes) -> CloudEvent:
    """What the request carries, by its content type and headers."""
    match mode_of(request.headers.get("content-type", "")):
        case "batch":
            raise MalformedError("A batch of events is not taken.", "Send them one by one.")
        case "structured":
            check_depth(body)
            return from_json(body)
        case "binary" if _VERSION in request.headers:
            check_depth(body)
            return from_headers(request.headers, body, HTTP_PREFIX, http=True)
        case _:
            return decode(body or b"{}", GivenEvent).event()
