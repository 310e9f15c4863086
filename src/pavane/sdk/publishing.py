"""Publishing for a conductor, who has no bus: an EVENT step as a task of a service."""

from __future__ import annotations

import uuid
from typing import Any

from pavane.core.decide.told import EVENT
from pavane.core.model.event import SINK, CloudEvent, Outgoing, topic_of_type
from pavane.participant.emitting import stamped
from pavane.ports.bus import Bus
from pavane.ports.clock import Clock
from pavane.sdk.context import TaskContext
from pavane.sdk.contract import encode
from pavane.sdk.service import Service

_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a14")


def publisher(bus: Bus, clock: Clock) -> Service:
    """The service that publishes; an event that it publishes twice has the same id both times."""
    service = Service("publisher", concurrency=1_000)

    async def publish(ctx: TaskContext, event: str, data: dict[str, Any]) -> dict[str, Any]:
        """Hand the event to the bus."""
        id = str(uuid.uuid5(_SPACE, ctx.idempotency_key))
        bare = CloudEvent(id="", source="", type=event, data=encode(data))
        out = stamped(
            Outgoing(topic_of_type(event), "", bare),
            id=id,
            source=ctx.workflow,
            correlation=ctx.execution_id,
            causation="",
            time=clock.now(),
        )
        await bus.publish([out])
        return {"event_produced": f"{SINK}{event}", "id": id}

    service.task(name=EVENT, retries="forever", read_only=True)(publish)
    return service
