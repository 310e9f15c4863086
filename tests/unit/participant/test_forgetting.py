"""What is over is forgotten: by its home first, then by whom it tells, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pavane.core.model.event import Outgoing
from pavane.core.projection import message as m
from pavane.core.projection.message import Message
from pavane.core.projection.wire import Envelope, to_event
from pavane.participant.forgetting import TYPE, Forgetting
from pavane.participant.retention import Retention
from pavane.ports.bus import role_topic
from pavane.ports.ledger import Aside, Entry
from tests.unit.participant.company import Stage, calls, pair, run, stage, two

KEEP_S = 1000


async def prune(on: Stage, name: str) -> None:
    part = on.parts[name]
    retention = Retention(
        name,
        on.ledgers[name],
        on.bus,
        on.clock,
        KEEP_S * 1000,
        tell=part.tell,
        forgetting=part.forgetting,
    )
    await retention.prune()
    await asyncio.sleep(1)


async def who_knows(on: Stage, id: str) -> list[str]:
    return [
        name for name, ledger in on.ledgers.items() if (await ledger.load({id: []}))[id].revision
    ]


async def tell_left(on: Stage, id: str, message: Message) -> None:
    event = to_event(Envelope(id, on.score.name, on.score.hash, message))
    await on.bus.publish([Outgoing(role_topic("left"), id, event)])
    await asyncio.sleep(1)


async def again(on: Stage, sender: str, to: str) -> None:
    """All that one has ever said to the other comes once more."""
    log = await on.ledgers[sender].log_after(0, 1000)
    said = [each.out for each in log if each.out.topic == role_topic(to)]
    assert said
    await on.bus.publish(said)
    await asyncio.sleep(1)


async def over(on: Stage) -> str:
    """An execution that has ended, at both services."""
    await on.boot("left")
    await on.boot("right")
    id = await on.start()
    assert (await on.observer.wait(id, 5)).status == "COMPLETED"
    await asyncio.sleep(1)
    return id


def test_the_home_forgets_first_and_the_others_after_the_same_time_again():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            id = await over(on)
            await prune(on, "left")
            await asyncio.sleep(KEEP_S)
            await prune(on, "right")  # nobody has told it that it is over
            assert await who_knows(on, id) == ["left", "right"]
            await prune(on, "left")
            assert await who_knows(on, id) == ["right"]
            await again(
                on, "left", "right"
            )  # its token, and that it is forgotten: both change nothing
            await asyncio.sleep(KEEP_S - 10)
            await prune(on, "right")
            assert await who_knows(on, id) == ["right"]
            await asyncio.sleep(KEEP_S)
            await prune(on, "right")
            assert await who_knows(on, id) == []
            assert calls == ["a", "b"]
            # By now the key is free.
            assert await on.start() == id
            await asyncio.sleep(1)
            assert calls == ["a", "b"] * 2

    run(scene())


class DiesInTheMiddle(Forgetting):
    """Gives up its row, and tells nobody: its process has died."""

    def _records(self, ids: list[str]) -> list[Outgoing]:
        raise ConnectionError(f"died with {ids}")


def test_a_crash_in_the_middle_tells_later_and_lets_nothing_be_undone():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            id = await over(on)
            await asyncio.sleep(KEEP_S)
            on.parts["left"].forgetting.__class__ = DiesInTheMiddle
            with pytest.raises(ConnectionError):
                await prune(on, "left")
            await on.kill("left")
            await on.boot("left")
            assert await who_knows(on, id) == ["left", "right"]
            # The others may be told at any moment now, so that it is too late for an undo.
            await tell_left(on, id, Message(m.UNDO, "left", "left"))
            assert calls == ["a", "b"]
            await prune(on, "left")
            assert await who_knows(on, id) == ["right"]
            told = [each.event for each in await _said(on) if each.event.type == TYPE]
            assert [each.source for each in told] == ["left"]
            await asyncio.sleep(KEEP_S)
            await prune(on, "right")
            assert await who_knows(on, id) == []

    async def _said(on: Stage) -> list[Outgoing]:
        return [each.out for each in await on.ledgers["left"].log_after(0, 1000)]

    run(scene())


def test_what_is_being_undone_is_not_over():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            id = await over(on)
            await on.kill("right")
            await tell_left(on, id, Message(m.UNDO, "left", "left"))
            await asyncio.sleep(3 * KEEP_S)
            await prune(on, "left")
            await on.boot("right")
            assert await who_knows(on, id) == ["left", "right"]
            assert (await on.observer.wait(id, 5)).status == "COMPENSATED"
            assert calls == ["a", "b", "un-a"]
            for name in ("left", "right"):
                await asyncio.sleep(KEEP_S + 1)
                await prune(on, name)
            assert await who_knows(on, id) == []

    run(scene())


def test_nothing_goes_of_which_a_message_is_set_aside():
    """Redriven without the row that guards it, it would be done again."""

    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            id = await over(on)
            token = next(
                each.out.event
                for each in await on.ledgers["left"].log_after(0, 1000)
                if each.out.event.attributes.get("prockind") == m.TOKEN
            )
            dead = Aside("again", "dead", id, "a bug", token, on.clock.now())
            await on.ledgers["right"].commit([Entry(aside=[dead])])
            for name in ("left", "right", "right"):
                await asyncio.sleep(KEEP_S)
                await prune(on, name)
            assert await who_knows(on, id) == ["right"]
            await on.parts["right"].redrive("again")
            await asyncio.sleep(1)
            assert calls == ["a", "b"]
            await prune(on, "right")
            assert await who_knows(on, id) == []

    run(scene())


def test_trouble_with_the_ledger_does_not_lose_what_was_told():
    async def scene() -> None:
        async with stage(two(), *pair()) as on:
            id = await over(on)
            await asyncio.sleep(KEEP_S)
            full: Any = on.ledgers["right"]
            full.full = True
            await prune(on, "left")
            await asyncio.sleep(100)
            full.full = False
            await asyncio.sleep(KEEP_S + 10)
            await prune(on, "right")
            assert await who_knows(on, id) == []

    run(scene())
