"""How the suite builds stores and rows, and reads back everything that a store holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import msgspec
import pytest

from pavane.core.model.rows import Header, Key, Ready, TaskRow, Value
from pavane.core.model.status import COMPLETED, RUNNING, SCHEDULED
from pavane.ports.store import Change, LoadedRows, Search, Store, Unit

ALONE: Final = "alone"  # serves one process: opening it twice is refused
DENSE: Final = "dense"  # positions of the log are consecutive, whoever writes
FULL: Final = "full"  # can be brought to have no room, and to have room again

AnyStore = TypeVar("AnyStore", bound=Store)
Test = TypeVar("Test", bound=Callable[..., Any])


def needs(feature: str) -> Callable[[Test], Test]:
    """Mark a test that says nothing about stores without the feature."""

    def mark(test: Test) -> Test:
        vars(test)["needs"] = feature
        return test

    return mark


class StoreHarness:
    """What a subclass says about the store under test."""

    features: ClassVar[frozenset[str]] = frozenset()
    patience_s: ClassVar[float] = 10.0  # how long a commit may take beside readers
    pytestmark: ClassVar[list[pytest.MarkDecorator]] = [pytest.mark.anyio]

    def __init_subclass__(cls) -> None:
        """Tests for features that were not declared do not exist, so that none is skipped."""
        super().__init_subclass__()
        if "features" in cls.__dict__:
            for name in dir(cls):
                feature = getattr(getattr(cls, name), "needs", None)
                if feature is not None and feature not in cls.features:
                    setattr(cls, name, None)

    async def create(self, folder: Path) -> Store:
        """A new, empty store that is not open yet; the folder is its own."""
        raise NotImplementedError

    async def die(self, store: Store) -> Store:
        """What a new process would find, not open yet, if this one died now."""
        raise NotImplementedError

    async def again(self, store: Store) -> Store:
        """Feature ALONE: a second store on the same data, not open yet."""
        raise NotImplementedError

    async def fill(self, store: Store) -> None:
        """Feature FULL: from now on there is no room for another row."""
        raise NotImplementedError

    async def make_room(self, store: Store) -> None:
        """Feature FULL: there is room again."""
        raise NotImplementedError

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncGenerator[Store]:
        """An open store with nothing in it."""
        async with opened(await self.create(tmp_path)) as store:
            yield store


@asynccontextmanager
async def opened(store: AnyStore) -> AsyncGenerator[AnyStore]:
    """Open the store, and close it when done."""
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def header(id: str, revision: int = 1, **fields: Any) -> Header:
    """A header with something in every field that identifies it."""
    fields = {"status": RUNNING, "created_at": 1000, "updated_at": 1000 + revision} | fields
    workflow = fields.pop("workflow", "fulfil_order")
    return Header(id, workflow, 1, "hash", revision=revision, **fields)


def task(execution_id: str, ref: str, attempt: int = 0, **fields: Any) -> TaskRow:
    """An attempt at the step `ref`."""
    fields = {"status": SCHEDULED, "seq": 1, "input": b'{"a":1}'} | fields
    status, seq = fields.pop("status"), fields.pop("seq")
    return TaskRow(execution_id, ref, attempt, "SIMPLE", f"do_{ref}", status, seq, **fields)


def start(id: str, **fields: Any) -> Change:
    """An execution's first change: a row in every table."""
    return Change(
        header(id, **fields),
        new_tasks=[task(id, "reserve", first_scheduled_at=1000)],
        values=[Value(id, "input", b'{"order":7}')],
        ready=[Ready(id, "reserve", 0, "do_reserve", visible_at=1000, alarm_at=9000)],
        entries=b'["started"]',
        at=1000,
    )


def finish(id: str, revision: int = 2) -> Change:
    """A change of everything that `start` wrote."""
    done = task(id, "reserve", status=COMPLETED, output=b'{"ok":true}', ended_at=2000)
    return Change(
        header(id, revision, status=COMPLETED, ended_at=2000),
        tasks=[done],
        values=[Value(id, "output", b'{"done":1}')],
        closed=["reserve"],
        entries=b'["completed"]',
        at=2000,
    )


def one(*changes: Change) -> list[Unit]:
    """A batch of one unit."""
    return [Unit(list(changes))]


def each(changes: Sequence[Change]) -> list[Unit]:
    """A batch with a unit for each change."""
    return [Unit([change]) for change in changes]


async def load(store: Store, id: str, *keys: Key) -> LoadedRows:
    """What `load` finds of one execution."""
    return (await store.load({id: set(keys)}))[id]


async def revision(store: Store, id: str) -> int:
    """The revision that the store holds, 0 when it has no such execution."""
    found = (await load(store, id)).header
    return found.revision if found else 0


async def dump(store: Store) -> dict[str, Any]:
    """Everything that a store holds and answers, for comparison."""
    everything: dict[str, Any] = {}
    async with store.snapshot() as view:
        for found in await view.search(Search(limit=1_000_000)):
            everything[found.id] = {
                "header": found,
                "tasks": await view.tasks(found.id),
                "values": await view.values(found.id),
                "ready": await view.ready(found.id),
                "log": await view.log(found.id),
            }
        everything["log"] = await view.log_after(0, 1_000_000)
        everything["counts"] = list((await view.counts()).items())
        everything["queues"] = await view.queues()
        everything["running"] = await view.running()
    everything["due"] = await store.due(1 << 60, 1_000_000)
    everything["next_alarm"] = await store.next_alarm()
    everything["leases"] = await store.leases("")
    everything["paces"] = await store.paces()
    everything["workflows"] = await store.workflows()
    everything["task_definitions"] = await store.task_definitions()
    return msgspec.to_builtins(everything, str_keys=True, builtin_types=(bytes,))
