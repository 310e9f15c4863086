"""The past of a store: executions that are over, which go when nobody needs them any more.

An execution goes with all that it started as its steps, and theirs: its family. What a family wrote
may be much, so it goes in two moves: `forget` lets it disappear at once, and `sweep` makes room.

Promises (each is watched by the contract suite, and by one adapter that breaks it):

1. whole: of a family that was forgotten nothing is found any more (headers, keys, children, what
   waits); or all of it is there, also when the process dies.
2. over: nothing goes of a family of which one has not ended, or ended at `before` or later; nor an
   execution that is a step of another, without that one.
3. fenced: a unit with a change to an execution that was forgotten is lost.
4. free: its start key may be used again, unless a successor has it.
5. apart: nothing else goes.
6. swept: when `sweep` has given 0, nothing that a forgotten family wrote is kept anywhere, but for
   what the store lets go of in one piece later; and no position of the log comes again.
7. found: `over` comes by every execution that may be forgotten, if it is called on from where it
   stopped; at a cost that does not grow with what is younger.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Past(Protocol):
    """What is over in a store. See the module for the promises."""

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        """Executions of no other that ended before that (epoch ms), among the next ones by id.

        Looks at `limit` executions at most whose ids come behind `after` ("": from the first on).
        Gives with them the id to go on from; "" at the end.
        """
        ...

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        """Let these disappear, each with its family, where all of it is over; which went.

        `wipe`: all that they wrote is to be swept, also where the store would let go of it later.
        """
        ...

    async def sweep(self, limit: int) -> int:
        """Delete at most about `limit` rows of what was forgotten; how many, 0: all is done."""
        ...

    async def prepare(self, now: int, keep_ms: int) -> None:
        """What ends from now on will be forgotten so much later: stores make ready for it.

        To be called now and then, by one process at a time. It also lets go of what may go in one
        piece.
        """
        ...
