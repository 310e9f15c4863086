"""Waits until a group has done all that is in the logs now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from pavane.adapters.embedded.group import Group
from pavane.adapters.embedded.tail import Tail
from pavane.errors import ConnectionFailedError

_LONGEST_S: Final = 60.0
_PAUSE_S: Final = 0.005
_UNREADABLE_S: Final = 0.3  # a log may be about to begin; one that stays so holds up nobody


async def read_up(
    name: str, group: Group | None, tails: Collection[Tail], look: Callable[[], Awaitable[bool]]
) -> None:
    """See LogBus.read_up; `look` notices new logs, and gives the group its lanes in them."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await look()
    while not all(tail.known for tail in tails) and loop.time() < began + _UNREADABLE_S:
        await asyncio.sleep(_PAUSE_S)
        await look()
    heads = {tail.log: tail.head for tail in tails if tail.known}
    while group is None or not group.has_done(heads):
        if group is None or loop.time() > began + _LONGEST_S:
            raise ConnectionFailedError(
                f"The group {name} has not read what is on the bus.",
                "See that it has a member here, and that the folder can be read.",
            )
        await asyncio.sleep(_PAUSE_S)
