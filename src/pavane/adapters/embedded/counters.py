"""What a connection to the embedded bus has done so far, counted exactly."""

from __future__ import annotations

from pavane.adapters.counting import BusCounters


class EmbeddedCounters(BusCounters):
    """Of one connection: what any bus counts, and what this one does for it."""

    def __init__(self) -> None:
        super().__init__()
        self.rings = 0  # datagrams sent
        self.rung = 0  # datagrams heard
        self.polls = 0  # looks at everything, for want of a datagram
        self.listings = 0  # of the folder
        self.heads = 0  # statements that ask a log how long it is
        self.reads = 0  # statements that read events
        self.flushes = 0  # transactions for offsets alone
