"""Events from outside of every service: looked at before the bus has them, for good."""

from __future__ import annotations

import uuid

from msgspec import structs

from pavane.core.model.cloudevents import check_event, is_json
from pavane.core.model.event import CloudEvent, fault_in_type
from pavane.engine.payloads import checked_object
from pavane.errors import InputError, NoBusError
from pavane.participant.requests import Requests
from pavane.ports.clock import Chance


async def tell(event: CloudEvent, requests: Requests, chance: Chance) -> str:
    """Publish it, durably; its id, a new one where it has none.

    InputError where its type is none, it may not travel so, or its data is no JSON object.
    """
    whole = _whole(event, chance)
    _check(whole)
    await requests.publish(whole)
    return whole.id


def no_bus() -> NoBusError:
    """The refusal where events lead nowhere."""
    return NoBusError(
        "There is no bus here, so nobody would hear of the event.",
        "Ask a server that was started with --bus embedded:FOLDER, or publish on the bus itself "
        "with `pavane publish --bus embedded:FOLDER`.",
    )


def _whole(event: CloudEvent, chance: Chance) -> CloudEvent:
    id = event.id or str(uuid.UUID(int=chance.getrandbits(128), version=4))
    return structs.replace(event, id=id, data=event.data or b"{}")


def _check(event: CloudEvent) -> None:
    wrong = fault_in_type(event.type)
    if wrong:
        raise InputError(
            f"The type of the event, {event.type[:200]!r}, {wrong}.",
            "Write it as domain.thing.what_happened.version, as in shop.order.created.v1.",
        )
    if not is_json(event.datacontenttype):
        raise InputError(
            f"The data of {event.type} is {event.datacontenttype[:100]}, not JSON.",
            "Send a JSON object, or where the data can be found in one.",
        )
    checked_object(event.data, f"The data of {event.type}")
    check_event(event)
