"""A batch holds requests of strangers: what is wrong with one of them is its own affair."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import SystemClock
from pavane.core.model.rows import Key
from pavane.core.model.workflow import Step, Workflow
from pavane.engine.engine import Engine
from pavane.errors import ContendedError, StoreFullError
from pavane.ports.store import LoadedRows, Unit

pytestmark = pytest.mark.anyio

WAITING = Workflow(name="waiting", tasks=[Step(name="w", task_reference_name="w", type="WAIT")])
PLAIN = Workflow(name="plain", tasks=[Step(name="n", task_reference_name="n", type="NOOP")])


class Choosy(MemoryStore):
    """Cannot read the executions in `unreadable`, cannot write the workflows in `unwritable`."""

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: set[str] = set()
        self.unwritable: set[str] = set()
        self.full = False
        self.always_loses = False  # as if another node had always been first

    async def load(self, wanted: Mapping[str, frozenset[Key] | set[Key]]) -> dict[str, LoadedRows]:
        if self.unreadable & set(wanted):
            raise OSError("a bad block")
        return await super().load(wanted)

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        if self.full:
            raise StoreFullError("The store is full.")
        if self.unwritable & {c.header.workflow for unit in units for c in unit.changes}:
            raise ValueError("cannot be written")
        return set(range(len(units))) if self.always_loses else await super().commit(units)


def engine_on(store: MemoryStore) -> Engine:
    """An engine without workers."""
    return Engine(store, clock=SystemClock(), chance=random.Random(1))


async def test_what_cannot_be_read_fails_alone() -> None:
    store = Choosy()
    engine = engine_on(store)
    await engine.start()
    await engine.register([WAITING])
    one, other = [await engine.start_execution("waiting", b"{}") for _ in range(2)]
    await engine.stop()
    again = engine_on(store)  # it has nothing at hand
    await again.start()
    store.unreadable.add(one)
    answers = await asyncio.gather(
        again.signal(one, "w"), again.signal(other, "w"), return_exceptions=True
    )
    assert isinstance(answers[0], OSError)
    assert answers[1] is None
    assert (await again.wait(other, 1)).status == "COMPLETED"
    await again.stop()


async def test_what_cannot_be_written_fails_alone() -> None:
    store = Choosy()
    store.unwritable.add("waiting")
    engine = engine_on(store)
    await engine.start()
    await engine.register([WAITING, PLAIN])
    answers = await asyncio.gather(
        engine.start_execution("waiting", b"{}"),
        engine.start_execution("plain", b"{}"),
        engine.start_execution("plain", b"{}", key="once"),
        engine.start_execution("plain", b"{}", key="once"),
        return_exceptions=True,
    )
    assert isinstance(answers[0], ValueError)
    assert isinstance(answers[1], str)
    assert isinstance(answers[2], str)
    assert answers[2] == answers[3]
    await engine.stop()


async def test_a_full_store_is_told_at_once_to_everybody() -> None:
    store = Choosy()
    engine = engine_on(store)
    await engine.start()
    await engine.register([PLAIN])
    store.full = True
    answers = await asyncio.gather(
        *(engine.start_execution("plain", b"{}") for _ in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [StoreFullError] * 3
    store.full = False
    assert (await engine.wait(await engine.start_execution("plain", b"{}"), 1)).status
    await engine.stop()


async def test_who_always_comes_second_is_told_so_in_the_end() -> None:
    store = Choosy()
    engine = engine_on(store)
    await engine.start()
    await engine.register([WAITING])
    execution_id = await engine.start_execution("waiting", b"{}")
    store.always_loses = True
    with pytest.raises(ContendedError, match=f"{execution_id} kept changing.* Try again") as failed:
        await engine.signal(execution_id, "w")
    assert failed.value.code == "contended"
    store.always_loses = False
    await engine.signal(execution_id, "w")
    assert (await engine.wait(execution_id, 1)).status == "COMPLETED"
    await engine.stop()
