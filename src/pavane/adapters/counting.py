"""What the memory ledger and bus have done so far, counted exactly, for budgets that tests assert.

They count what any adapter has to move, not what this one does, so that a budget that holds here
is one for the caller: how much it asks for.
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from pavane.ports.ledger import Entry

AnyCounters = TypeVar("AnyCounters", bound="Counters")


class Counters:
    """Running totals, one attribute each; those by kind are dictionaries."""

    def copy(self: AnyCounters) -> AnyCounters:
        """The totals as they are now."""
        return copy.deepcopy(self)

    def since(self: AnyCounters, before: AnyCounters) -> dict[str, int]:
        """What was added since `before` was copied; totals by kind as `rows.KIND`."""
        now, then = _flat(vars(self)), _flat(vars(before))
        return {name: now[name] - then[name] for name in now}


class LedgerCounters(Counters):
    """`rows` counts rows written or deleted by kind, `payload_bytes` the bytes in them.

    `loads`, `lookups` and `commits` are calls (an empty commit is none), `lost` entries.
    """

    def __init__(self) -> None:
        self.commits = 0
        self.entries = 0
        self.lost = 0
        self.loads = 0
        self.lookups = 0  # of message ids in the inbox
        self.records = 0
        self.payload_bytes = 0
        self.rows = {"execution": 0, "state": 0, "inbox": 0, "todo": 0, "aside": 0}

    def wrote(self, entry: Entry) -> None:
        """Count an entry that has won."""
        self.entries += 1
        self.records += len(entry.records)
        self.rows["inbox"] += len(entry.messages)
        self.rows["execution"] += bool(entry.execution)
        self.rows["state"] += len(entry.rows)
        self.rows["todo"] += len(entry.done) + len(entry.todos)
        self.rows["aside"] += len(entry.taken) + len(entry.aside)
        self.payload_bytes += (
            sum(map(len, entry.rows.values()))
            + sum(len(todo.body) for todo in entry.todos)
            + sum(len(record.event.data) for record in entry.records)
            + sum(len(aside.event.data) for aside in entry.aside)
        )


class BusCounters(Counters):
    """`published_bytes` are those of the data, of all attributes that are text, and of the names

    of the extensions. Everybody on the same topics counts together.
    """

    def __init__(self) -> None:
        self.publishes = 0  # calls
        self.published = 0  # events
        self.published_bytes = 0
        self.deliveries = 0  # events handed to members, each time counted
        self.given_back = 0
        self.done = 0


def _flat(totals: dict[str, Any]) -> dict[str, int]:
    flat: dict[str, int] = {}
    for name, value in totals.items():
        if isinstance(value, int):
            flat[name] = value
        else:
            flat |= {f"{name}.{kind}": count for kind, count in value.items()}
    return flat
