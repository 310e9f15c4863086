"""A start without a version takes the newest that any node has registered, and reads little."""

import asyncio
from typing import Any

import msgspec
import pytest

from pavane.core.model.task_definition import TaskDefinition
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from tests.unit.engine.test_nodes import FLOW, Nodes, play

NEWER = msgspec.structs.replace(FLOW, version=2, description="newer")


def counted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls by which the node reads what is registered, from now on."""
    calls: list[str] = []
    members = engine.store.members
    assert members is not None

    def count(of: Any, name: str) -> None:
        real = getattr(of, name)

        async def call() -> Any:
            calls.append(name)
            return await real()

        monkeypatch.setattr(of, name, call)

    count(members, "mark")
    count(engine.store, "workflows")
    count(engine.store, "task_definitions")
    return calls


def test_what_another_node_has_registered_is_taken_at_once():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], [TaskDefinition(name="do")])
        for version in (1, 2):
            await a.register([NEWER] if version == 2 else [])
            id = await b.start_execution("flow", b"{}")
            assert (await Reader(b.store).summary(id)).version == version
        old = await b.start_execution("flow", b"{}", version=1)
        assert (await Reader(b.store).summary(old)).version == 1

    play(scene)


def test_starts_that_come_together_ask_once_and_read_nothing_where_nothing_is_new(
    monkeypatch: pytest.MonkeyPatch,
):
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], [TaskDefinition(name="do")])
        await b.start_execution("flow", b"{}")
        calls = counted(b, monkeypatch)
        await asyncio.gather(*(b.start_execution("flow", b"{}") for _ in range(64)))
        assert calls == ["mark"]
        await b.start_execution("flow", b"{}", version=1)
        assert calls == ["mark"], "a version that is known is what it is"
        await a.register([NEWER])
        await asyncio.gather(*(b.start_execution("flow", b"{}") for _ in range(64)))
        assert sorted(calls[1:]) == ["mark", "mark", "task_definitions", "workflows"]

    play(scene)
