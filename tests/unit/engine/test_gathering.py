"""Who asks at the same time is answered together, and nobody with what was there before."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from pavane.engine.gathering import Gathered
from pavane.errors import StoreError

pytestmark = pytest.mark.anyio


class Slow:
    """Answers with the state at the time of the question, when it is let go."""

    def __init__(self) -> None:
        self.state = 0
        self.asked: list[list[str]] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, keys: Collection[str]) -> Mapping[str, int]:
        self.asked.append(sorted(keys))
        found = dict.fromkeys(keys, self.state)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return found


async def ask(gathered: Gathered[str, int], *keys: str) -> list[asyncio.Task[int]]:
    asking = [asyncio.create_task(gathered.get(key)) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return asking


async def test_who_comes_while_a_question_is_under_way_is_in_the_next_one():
    slow = Slow()
    gathered = Gathered(slow)
    first = await ask(gathered, "a", "b", "a")
    slow.state = 1
    then = await ask(gathered, "a", "c")
    assert slow.asked == [["a", "b"]]
    slow.go.set()
    assert await asyncio.gather(*first) == [0, 0, 0]
    assert await asyncio.gather(*then) == [1, 1], "not what was there before"
    assert slow.asked == [["a", "b"], ["a", "c"]]


async def test_an_error_is_told_to_all_who_asked_and_to_nobody_else():
    slow = Slow()
    gathered = Gathered(slow)
    slow.error = StoreError("gone", "wait")
    slow.go.set()
    told = await asyncio.gather(*(await ask(gathered, "a", "b")), return_exceptions=True)
    assert told == [slow.error, slow.error]
    slow.error = None
    assert await gathered.get("a") == 0


async def test_who_gives_up_does_not_stop_the_others():
    slow = Slow()
    gathered = Gathered(slow)
    one, other = await ask(gathered, "a", "a")
    one.cancel()
    await asyncio.sleep(0)
    slow.go.set()
    assert await other == 0
    assert one.cancelled()
