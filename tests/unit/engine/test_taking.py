"""A task that was claimed for one who has hung up goes back to its queue, whenever that was."""

import asyncio
from collections.abc import Sequence

import pytest

from pavane.core.model.work import Assignment
from pavane.engine.places import Places
from pavane.engine.taking import Taking

pytestmark = pytest.mark.anyio


class SlowQueue:
    """Has one task, and takes its time to commit that somebody has it."""

    def __init__(self) -> None:
        self.committing = asyncio.Event()
        self.committed = asyncio.Event()

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        self.committing.set()
        await self.committed.wait()
        return [Assignment("e", "x", 0, tasks[0], "s", "w", b"{}", "e:x", worker)]


async def test_a_claim_that_is_committed_after_its_worker_hung_up():
    back: list[str] = []
    places = Places(lambda given: back.append(given.ref), lambda *_: None)
    queue = SlowQueue()

    async def request() -> None:
        async with Taking(queue, places, ["a"], "w", 5) as taking:
            await taking.within(60)

    waiting = asyncio.create_task(request())
    await queue.committing.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert back == []
    queue.committed.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert back == ["x"]


async def test_what_was_found_is_given_once():
    back: list[str] = []
    places = Places(lambda given: back.append(given.ref), lambda *_: None)
    queue = SlowQueue()
    queue.committed.set()
    async with Taking(queue, places, ["a"], "w", 5) as taking:
        await taking.within(60)
        assert [given.ref for given in taking.given] == ["x"]
    assert back == []
