"""Each piece of news reaches one who waits, and is not lost with one who leaves."""

import asyncio

import pytest

from pavane.engine.offers import Offers

pytestmark = pytest.mark.anyio


async def test_one_is_told_and_then_the_next():
    offers = Offers()
    with offers.place(["a"]) as first, offers.place(["b", "a"]) as second:
        offers.told("a")
        assert await first.wait(0)
        assert not await second.wait(0)
        offers.told("a")  # the first has gone to the end of the queue
        assert await second.wait(0)
        assert not await first.wait(0)


async def test_what_was_told_while_looking_is_not_missed():
    offers = Offers()
    with offers.place(["a"]) as place:
        offers.told("a")
        assert await place.wait(0)
        offers.told("a")
        assert await place.wait(0)


async def test_news_for_one_who_leaves_goes_to_the_next():
    offers = Offers()
    with offers.place(["a"]) as stays:
        waiting = asyncio.create_task(_wait(offers))
        await asyncio.sleep(0)
        offers.told("a")
        assert await stays.wait(0)  # it stood before the other, and now stands behind it
        offers.told("a")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await stays.wait(0), "what the one that was cancelled had been told"


async def _wait(offers: Offers) -> None:
    with offers.place(["a"]) as place:
        await place.wait(60)


async def test_who_finds_something_wakes_the_next():
    offers = Offers()
    with offers.place(["a"]) as other:
        with offers.place(["a"]) as place:
            place.found()
        assert await other.wait(0)
    offers.told("a")  # nobody waits: nothing happens
