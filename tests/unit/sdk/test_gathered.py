"""`gather` as plain Python: a tuple of calls that are written out, a list of as many as come."""

from __future__ import annotations

import pytest

from pavane.sdk.workflow import gather


async def one(number: int) -> int:
    return number


@pytest.mark.anyio
async def test_calls_that_are_written_out_give_a_tuple() -> None:
    assert await gather(one(1), one(2)) == (1, 2)
    both = gather(one(1), gather(one(2), one(3)))
    assert await both == (1, (2, 3))


@pytest.mark.anyio
async def test_a_star_and_more_than_six_calls_give_a_list() -> None:
    assert await gather(*(one(n) for n in range(2))) == [0, 1]
    assert await gather(*[one(n) for n in range(0)]) == []
    pair = one(1), one(2)
    assert await gather(*pair) == [1, 2]
    seven = await gather(one(1), one(2), one(3), one(4), one(5), one(6), one(7))
    assert seven == [1, 2, 3, 4, 5, 6, 7]
