"""What the RabbitMQ bus has done so far, counted exactly."""

from __future__ import annotations

from pavane.adapters.counting import BusCounters


class RabbitCounters(BusCounters):
    """What any bus counts, of this process alone, and what this one asks of the broker.

    `waits` are the times that `publish` waited for confirmations: once a call. `declared` counts
    round trips for exchanges, queues and bindings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0
        self.declared = 0
        self.connections = 0
        self.unrouted = 0  # events that no queue wanted
        self.acknowledged = 0
        self.delayed = 0  # messages put into a queue of delays, each hop
        self.faults = 0  # messages that were no events
