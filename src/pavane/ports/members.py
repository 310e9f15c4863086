"""Members: processes, and workers that they hear, which use one store at the same time.

Promises (each is watched by the contract suite):

1. alive: a member that beat less than its lease ago is among `alive`, with what was said last.
2. lapsed: one whose lease has run out is among `lapsed` until it is buried or beats again, also
   after the death of whoever beat for it. Nobody is among both.
3. buried: `bury` forgets those that have lapsed, and nobody who has beaten again meanwhile.
4. held: a duty has one holder at most. `hold` takes a free one or renews one's own; it is free once
   its lease has run out, or its holder has let go.
5. measured: one clock measures all leases, that of the store, whatever the members' clocks say.
6. marked: `mark` gives a greater number once a workflow, a task definition, a schedule or a key was
   put or removed, which the members keep in memory.
7. heard: what one tells, all others hear soon, each word, and nobody hears themselves. It is a
   courtesy: words may be lost, so whoever relies on them looks now and then as well. Who hears
   `MISSED` may have missed any; who hears `PUT` finds a greater mark.

No method may be called before the store is open or after it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

MISSED: Final = ""
PUT: Final = "m"


class Members(Protocol):
    """Who uses a store now. See the module for the promises."""

    async def beat(self, beats: Mapping[str, bytes], lease_ms: int) -> set[str]:
        """These are alive for so long from now; gives those that were not known, or had lapsed."""
        ...

    async def leave(self, names: Collection[str]) -> None:
        """These are not members any more, and nobody has to see to what they left."""
        ...

    async def alive(self) -> dict[str, bytes]:
        """Who is alive, with what was said of them."""
        ...

    async def lapsed(self) -> list[str]:
        """Whose lease has run out, by name."""
        ...

    async def bury(self, names: Collection[str]) -> None:
        """Forget those of them that have lapsed: what they left was seen to."""
        ...

    async def hold(self, duties: Collection[str], holder: str, lease_ms: int) -> set[str]:
        """Take duties that are free, renew one's own; those of them that are the holder's now."""
        ...

    async def let_go(self, holder: str) -> None:
        """Give up all duties that the holder has."""
        ...

    async def hear(self, call: Callable[[Sequence[str]], None]) -> bool:
        """Call it with what others tell, from now until the store is closed; once in its life.

        False where nothing can be heard, nor told.
        """
        ...

    def tell(self, words: Collection[str]) -> None:
        """Tell all others who hear. Nobody waits for it, and it raises nothing."""
        ...

    async def mark(self) -> int:
        """How often something was put that members keep in memory."""
        ...
