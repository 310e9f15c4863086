"""What a connection to Kafka has done so far, counted exactly."""

from __future__ import annotations

from pavane.adapters.counting import BusCounters


class KafkaCounters(BusCounters):
    """Of one connection: what any bus counts, and what this one asks of the client for it."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed = 0  # messages that the brokers have
        self.failed = 0  # messages of which that is not known
        self.batches = 0  # that consumers handed over
        self.received = 0  # messages in them
        self.unreadable = 0  # of these, such as are no CloudEvents
        self.commits = 0  # calls
        self.pauses = 0  # calls
        self.administered = 0  # calls: topics, offsets
        self.rebalances = 0  # partitions came or went
