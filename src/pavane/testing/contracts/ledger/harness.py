"""How the suite builds ledgers and entries, and reads back everything that a ledger holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import msgspec
import pytest

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.ports.ledger import ALL, Aside, AsideKind, Entry, Ledger, Loaded, RowKey, Todo
from pavane.ports.results import HasResults
from pavane.testing.contracts.features import Featured

ALONE: Final = "alone"  # serves one process: opening it twice is refused
LEASED: Final = "leased"  # can be taken over from a process that gives no sign of life
FULL: Final = "full"  # can be brought to have no room, and to have room again

AnyLedger = TypeVar("AnyLedger", bound=HasResults)

EVERYTHING: Final = 1_000_000


class LedgerHarness(Featured):
    """What a subclass says about the ledger under test."""

    patience_s: ClassVar[float] = 30.0  # how long a hundred commits may take
    pytestmark: ClassVar[list[pytest.MarkDecorator]] = [pytest.mark.anyio]

    async def create(self, folder: Path) -> Ledger:
        """A new, empty ledger that is not open yet; the folder is its own."""
        raise NotImplementedError

    async def die(self, ledger: Ledger) -> Ledger:
        """What a new process would find, not open yet, if this one died now."""
        raise NotImplementedError

    async def again(self, ledger: Ledger) -> Ledger:
        """Feature ALONE: a second ledger on the same data, not open yet."""
        raise NotImplementedError

    async def silence(self, ledger: Ledger) -> None:
        """Feature LEASED: it gives no sign of life from now on, and does all else."""
        raise NotImplementedError

    async def fill(self, ledger: Ledger) -> None:
        """Feature FULL: from now on there is no room for another row."""
        raise NotImplementedError

    async def make_room(self, ledger: Ledger) -> None:
        """Feature FULL: there is room again."""
        raise NotImplementedError

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncGenerator[Ledger]:
        """An open ledger with nothing in it."""
        async with opened(await self.create(tmp_path)) as ledger:
            yield ledger


@asynccontextmanager
async def opened(ledger: AnyLedger) -> AsyncGenerator[AnyLedger]:
    """Open the ledger, and close it when done."""
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


def event(id: str, **fields: Any) -> CloudEvent:
    """An event with something in every attribute."""
    fields = {
        "subject": "order-1",
        "time": 1_767_323_045_678,
        "datacontenttype": "application/json",
        "dataschema": "https://example.org/order.json",
        "attributes": {"procinstance": "7", "correlationid": "é"},
        "data": b'{"amount":160}',
    } | fields
    return CloudEvent(id, "/shop/payment", "com.example.paid", **fields)


def outgoing(id: str, **fields: Any) -> Outgoing:
    """An event on its way out."""
    return Outgoing("shop.payment", "order-1", event(id, **fields))


def aside(id: str, kind: AsideKind = "parked", at: int = 1000, **fields: Any) -> Aside:
    """A message that was set aside."""
    of_event = fields.pop("event", None) or event(id)
    execution, reason = fields.pop("execution", "a"), fields.pop("reason", "too early")
    return Aside(id, kind, execution, reason, of_event, at, **fields)


STEP: Final = RowKey("step", "charge")
HOME: Final = RowKey("scope", "home")


def first(id: str, **fields: Any) -> Entry:
    """An execution's first entry: something of every kind."""
    fields = {
        "message": f"message-{id}-1",
        "rows": {STEP: b'{"status":"running"}', HOME: b'{"status":"open"}'},
        "todos": [Todo(id, "deadline", due=9000), Todo(id, "charge", queue="pay", body=b"{}")],
        "records": [outgoing(f"{id}-1"), outgoing(f"{id}-2")],
        "aside": [aside(f"early-{id}", execution=id)],
        "at": 1000,
    } | fields
    return Entry(id, 0, **fields)


def second(id: str, revision: int = 1, **fields: Any) -> Entry:
    """A later entry, which changes everything that the first wrote."""
    fields = {
        "message": f"message-{id}-{revision + 1}",
        "rows": {STEP: b'{"status":"done"}', RowKey("value", "x"): b"1", HOME: b""},
        "done": ["charge"],
        "todos": [Todo(id, "deadline", due=9500)],
        "records": [outgoing(f"{id}-3")],
        "taken": [f"early-{id}"],
        "at": 2000,
    } | fields
    return Entry(id, revision, **fields)


def bare(id: str, revision: int = 0, **fields: Any) -> Entry:
    """An entry that moves the execution's revision and has only what is said."""
    return Entry(id, revision, **fields)


async def load(ledger: Ledger, id: str, *keys: RowKey) -> Loaded:
    """What `load` finds of one execution."""
    return (await ledger.load({id: keys}))[id]


async def revision(ledger: Ledger, id: str) -> int:
    """The revision that the ledger holds, 0 when it has nothing of the execution."""
    return (await load(ledger, id)).revision


async def dump(ledger: Ledger, executions: Sequence[str], messages: Sequence[str]) -> Any:
    """Everything that a ledger holds of these and answers, for comparison."""
    groups = [RowKey(group, ALL) for group in ("step", "scope", "value", "other")]
    found = await ledger.load(dict.fromkeys(executions, groups))
    everything = {
        "rows": {
            execution: (of_it.revision, sorted((*key, body) for key, body in of_it.rows.items()))
            for execution, of_it in found.items()
        },
        "seen": sorted(await ledger.seen(messages)),
        "log": await ledger.log_after(0, EVERYTHING),
        "due": await ledger.due(1 << 60, EVERYTHING),
        "next_due": await ledger.next_due(),
        "work": await ledger.work(("", ""), EVERYTHING),
        "aside": sorted(await ledger.aside(limit=EVERYTHING), key=lambda a: a.id),
    }
    return msgspec.to_builtins(everything, builtin_types=(bytes,))


async def dump_of(ledger: Ledger, *executions: str) -> Any:
    """As `dump`, with the messages that `first` and `second` use for these executions."""
    messages = [f"message-{execution}-{n}" for execution in executions for n in range(1, 9)]
    return await dump(ledger, executions, messages)
