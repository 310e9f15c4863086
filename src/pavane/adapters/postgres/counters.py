"""What a PostgreSQL store has done so far, counted exactly, for budgets that tests assert."""

from __future__ import annotations

from pavane.adapters.counting import Counters, LedgerCounters


class PostgresCounters(Counters):
    """`rows` is by table, and counts rows sent to be written or deleted.

    A round trip is one wait for the server's answer; connecting, preparing a statement once per
    connection and what follows a lost connection are not counted. `commits` are the transactions
    that wrote; `payload_bytes` the JSON bytes of tasks, values and log entries; `tellings` what was
    told to other nodes, on a connection of its own and counted nowhere else. A snapshot's beginning
    and end are a round trip each, and no statement.
    """

    def __init__(self) -> None:
        self.statements = 0
        self.round_trips = 0
        self.commits = 0
        self.loads = 0
        self.lost = 0
        self.tellings = 0
        self.payload_bytes = 0
        self.rows = {"execution": 0, "task": 0, "ready": 0, "value": 0, "log": 0}


class PostgresLedgerCounters(LedgerCounters):
    """What any ledger counts, and what this one does for it; as above."""

    def __init__(self) -> None:
        super().__init__()
        self.statements = 0
        self.round_trips = 0
