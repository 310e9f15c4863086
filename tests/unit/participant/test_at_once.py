"""So many at once and no more, in the order of their coming, whoever gives up meanwhile."""

from __future__ import annotations

import asyncio

from pavane.participant.handlers.queueing import AtOnce
from pavane.testing.simulation.loop import run


def test_no_more_than_so_many_first_come_first_served() -> None:
    async def scene() -> None:
        at_once, inside, most, order = AtOnce(3), 0, 0, list[int]()

        async def one(number: int) -> None:
            nonlocal inside, most
            async with at_once:
                inside += 1
                most = max(most, inside)
                order.append(number)
                await asyncio.sleep(1)
                inside -= 1

        tasks: list[asyncio.Task[None]] = []
        for number in range(10):
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
        assert (most, order) == (3, list(range(10)))

    run(scene())


def test_whoever_gives_up_leaves_no_place_taken() -> None:
    """Before its turn, at its turn, and inside."""

    async def scene() -> None:
        at_once, left = AtOnce(1), list[str]()

        async def one(name: str) -> None:
            async with at_once:
                left.append(name)
                await asyncio.sleep(1)

        tasks = [asyncio.create_task(one(name)) for name in ("in",)]
        await asyncio.sleep(0.1)
        for name in ("early", "called", "last"):
            tasks.append(asyncio.create_task(one(name)))
            await asyncio.sleep(0.1)
        tasks[1].cancel()
        await asyncio.sleep(0.1)
        tasks[0].cancel()
        tasks[2].cancel()  # perhaps it has the place of the first by then
        await asyncio.sleep(5)
        assert left == ["in", "last"]
        async with asyncio.timeout(1), at_once:
            pass

    for seed in range(20):
        run(scene(), seed=seed)


def test_a_place_that_was_given_to_somebody_who_gave_up_goes_to_the_next() -> None:
    async def scene() -> None:
        at_once = AtOnce(1)
        await at_once.__aenter__()
        called = asyncio.ensure_future(at_once.__aenter__())
        after = asyncio.ensure_future(at_once.__aenter__())
        await asyncio.sleep(0.1)
        await at_once.__aexit__(None, None, None)
        called.cancel()
        async with asyncio.timeout(1):
            await after

    run(scene())
