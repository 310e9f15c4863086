"""EVENT: an event goes out to whoever listens."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.decide.step_types.simple import Simple
from pavane.core.model.event import SINK, fault_in_type
from pavane.core.model.workflow import Step


class Event(Simple):
    """Publish the step's input as the data of an event.

    An engine has no bus: where one is beside it, the step is a task of the service that publishes
    (core/decide/told.py), and where none is, the engine refuses the definition.
    """

    def findings(self, step: Step) -> Iterator[str]:
        """Its sink is `event:` and the type of an event."""
        type = step.sink.removeprefix(SINK)
        if not step.sink.startswith(SINK):
            given = f"the sink {step.sink!r}" if step.sink else "no `sink`"
            yield (
                f"an EVENT has {given}; write `event:` and a type, as in "
                "event:shop.order.created.v1"
            )
        elif wrong := fault_in_type(type):
            yield f"its sink names the event type {type!r}, which {wrong}"
