"""Executions that are over go from a store, whole and in time; nothing else does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection

import pytest

from pavane.adapters.memory.past import MemoryPast
from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Outcome, OutcomeStatus
from pavane.core.model.workflow import Step, SubWorkflow, Workflow
from pavane.engine.engine import Engine
from pavane.engine.nodes import FORGETTING, NODE_LEASE_S
from pavane.errors import ConflictError, NotFoundError, StoreError
from pavane.ports.store import Search, Store
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

INNER = Workflow(name="inner", tasks=[Step(name="do", task_reference_name="do")])
OUTER = Workflow(
    name="outer",
    tasks=[
        Step(
            name="inner",
            task_reference_name="inner",
            type="SUB_WORKFLOW",
            sub_workflow_param=SubWorkflow(name="inner", version=1),
        )
    ],
)
_KEEP_S = 3600.0


def begin(store: Store, forget_after_s: float = _KEEP_S, name: str = "local") -> Engine:
    return Engine(
        store,
        clock=VirtualClock(),
        chance=random.Random(name),
        name=name,
        forget_after_s=forget_after_s,
    )


def play(
    scene: Callable[[Engine], Awaitable[None]],
    store: Store | None = None,
    forget_after_s: float = _KEEP_S,
) -> None:
    async def main() -> None:
        engine = begin(store or MemoryStore(), forget_after_s)
        await engine.start()
        try:
            await engine.register([INNER, OUTER], [TaskDefinition(name="do", retry_count=0)])
            await scene(engine)
        finally:
            await engine.stop()

    run(main())


async def work(engine: Engine, status: OutcomeStatus = "COMPLETED") -> None:
    """What waits is done, or fails."""
    for given in await engine.poll(["do"], "w", 100):
        await engine.report(Outcome(given.execution_id, given.ref, given.attempt, status, b"{}"))


async def kept(engine: Engine) -> list[str]:
    async with engine.store.snapshot() as view:
        return [found.id for found in await view.search(Search(limit=1000))]


def test_what_ended_long_ago_goes_with_its_family_and_gives_its_key_back():
    async def scene(engine: Engine) -> None:
        old = await engine.start_execution("outer", b"{}", key="k")
        await work(engine)
        await asyncio.sleep(0.9 * _KEEP_S)
        assert len(await kept(engine)) == 2, "not yet"
        waits = await engine.start_execution("outer", b"{}", key="k2")
        await asyncio.sleep(0.2 * _KEEP_S)
        left = await kept(engine)
        assert old not in left and waits in left and len(left) == 2
        assert engine.forgetting.forgotten == 1
        with pytest.raises(NotFoundError):
            await engine.retry(old)
        again = await engine.start_execution("outer", b"{}", key="k")
        assert again != old
        await asyncio.sleep(3 * _KEEP_S)
        assert {waits, again} <= set(await kept(engine)), "what goes on stays, however old it is"

    play(scene)


def test_nothing_goes_where_nobody_has_said_after_how_long():
    async def scene(engine: Engine) -> None:
        id = await engine.start_execution("inner", b"{}")
        await work(engine)
        await asyncio.sleep(100 * _KEEP_S)
        assert await kept(engine) == [id]

    play(scene, forget_after_s=0)


def test_what_was_tried_again_counts_from_its_new_end():
    async def scene(engine: Engine) -> None:
        id = await engine.start_execution("inner", b"{}")
        await work(engine, "FAILED")
        await asyncio.sleep(0.9 * _KEEP_S)
        await engine.retry(id)
        await asyncio.sleep(0.5 * _KEEP_S)
        assert await kept(engine) == [id]
        await work(engine)
        await asyncio.sleep(0.9 * _KEEP_S)
        assert await kept(engine) == [id]
        await asyncio.sleep(0.2 * _KEEP_S)
        assert await kept(engine) == []

    play(scene)


def test_many_go_in_pieces_and_what_goes_on_has_its_turn():
    store = SqliteStore(":memory:", commit_thread=False)

    async def scene(engine: Engine) -> None:
        for _ in range(6):
            await asyncio.gather(*(engine.start_execution("inner", b"{}") for _ in range(100)))
            await work(engine)
        await asyncio.sleep(1.1 * _KEEP_S)
        assert await kept(engine) == []
        for table in ("execution", "task", "value", "ready", "forgotten"):
            [(rows,)] = await store._read(f"SELECT count(*) FROM {table}")
            assert rows == 0, table
        [(rows,)] = await store._read("SELECT count(*) FROM log")
        assert rows == 1, "the last one stays, as nobody's, for its position"

    play(scene, store)


class Troubled(MemoryPast):
    """Cannot forget, for a while."""

    until = 0.0

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        if asyncio.get_running_loop().time() < self.until:
            raise StoreError("The disk is on holiday.", "Wait.")
        return await super().forget(ids, before, wipe=wipe)


def test_trouble_with_the_store_is_tried_again():
    store = MemoryStore()
    past = store.past = Troubled(store._rows)

    async def scene(engine: Engine) -> None:
        await engine.start_execution("inner", b"{}")
        await work(engine)
        past.until = asyncio.get_running_loop().time() + 1.5 * _KEEP_S
        await asyncio.sleep(1.4 * _KEEP_S)
        assert len(await kept(engine)) == 1
        await asyncio.sleep(0.2 * _KEEP_S)
        assert await kept(engine) == []

    play(scene, store)


# --- removed by a person ------------------------------------------------------------------------


def test_what_has_ended_can_be_removed_at_once():
    async def scene(engine: Engine) -> None:
        id = await engine.start_execution("outer", b"{}")
        await work(engine)
        await engine.wait(id)
        await engine.forgetting.remove(id)
        assert await kept(engine) == []
        with pytest.raises(NotFoundError, match=id):
            await engine.forgetting.remove(id)

    play(scene, forget_after_s=0)


def test_what_goes_on_or_belongs_to_another_cannot_be_removed():
    async def scene(engine: Engine) -> None:
        id = await engine.start_execution("outer", b"{}")
        child = next(each for each in await kept(engine) if each != id)
        with pytest.raises(ConflictError, match="has not ended"):
            await engine.forgetting.remove(id)
        with pytest.raises(ConflictError, match=f"is a step of {id}"):
            await engine.forgetting.remove(child)
        await work(engine)
        with pytest.raises(ConflictError, match=f"is a step of {id}"):
            await engine.forgetting.remove(child)
        assert len(await kept(engine)) == 2

    play(scene)


# --- several nodes ------------------------------------------------------------------------------


def test_one_node_forgets_and_another_when_that_is_gone():
    async def main() -> None:
        store = MemoryStore(shared=True)
        nodes = [begin(store.beside(), name=f"local/{n}") for n in "ab"]
        for node in nodes:
            await node.start()
        await nodes[0].register([INNER, OUTER], [TaskDefinition(name="do")])
        first, second = sorted(nodes, key=lambda each: not each.node.does(FORGETTING))
        assert not second.node.does(FORGETTING)
        for node in (first, second):
            await node.start_execution("inner", b"{}")
            await work(node)
            await asyncio.sleep(1.1 * _KEEP_S)
            assert await kept(second) == [] and node.forgetting.forgotten == 1
            await first.stop()
            await asyncio.sleep(2 * NODE_LEASE_S)
        await second.stop()

    run(main())
