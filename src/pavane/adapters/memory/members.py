"""Members in memory: engines of one process that use one store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from pavane.errors import StoreError
from pavane.ports.members import PUT


class MemoryMembers:
    """Leases are measured by the event loop; `marked` is called for what members keep in mind."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._members: dict[str, tuple[float, bytes]] = {}
        self._duties: dict[str, tuple[float, str]] = {}
        self._marks = [0]
        self._hearers: list[MemoryMembers] = []  # all on the same tables
        self._call: Callable[[Sequence[str]], None]

    def moved(self, check: Callable[[], None]) -> MemoryMembers:
        """The same members, for another store on the same tables."""
        new = type(self)(check)
        new._members, new._duties, new._marks = self._members, self._duties, self._marks
        new._hearers = self._hearers
        return new

    def marked(self) -> None:
        """Something was put."""
        self._marks[0] += 1
        self.tell([PUT])

    async def beat(self, beats: Mapping[str, bytes], lease_ms: int) -> set[str]:
        """These are alive for so long from now."""
        self._check()
        now = _now()
        fresh = {name for name in beats if self._members.get(name, (0.0, b""))[0] <= now}
        for name, said in beats.items():
            self._members[name] = (now + lease_ms / 1000, said)
        return fresh

    async def leave(self, names: Collection[str]) -> None:
        """These are not members any more."""
        self._check()
        for name in names:
            self._members.pop(name, None)

    async def alive(self) -> dict[str, bytes]:
        """Who is alive."""
        self._check()
        now = _now()
        return {name: said for name, (until, said) in sorted(self._members.items()) if until > now}

    async def lapsed(self) -> list[str]:
        """Whose lease has run out."""
        self._check()
        now = _now()
        return sorted(name for name, (until, _) in self._members.items() if until <= now)

    async def bury(self, names: Collection[str]) -> None:
        """Forget those of them that have lapsed."""
        for name in await self.lapsed():
            if name in names:
                del self._members[name]

    async def hold(self, duties: Collection[str], holder: str, lease_ms: int) -> set[str]:
        """Take duties that are free, renew one's own."""
        self._check()
        now, held = _now(), set[str]()
        for duty in duties:
            until, who = self._duties.get(duty, (0.0, ""))
            if who == holder or until <= now:
                self._duties[duty] = (now + lease_ms / 1000, holder)
                held.add(duty)
        return held

    async def let_go(self, holder: str) -> None:
        """Give up all duties."""
        self._check()
        for duty in [duty for duty, (_, who) in self._duties.items() if who == holder]:
            del self._duties[duty]

    async def hear(self, call: Callable[[Sequence[str]], None]) -> bool:
        """Call it with what others tell."""
        self._check()
        self._call = call
        self._hearers.append(self)
        return True

    def tell(self, words: Collection[str]) -> None:
        """Tell all others who hear."""
        for each in self._hearers:
            if each is not self:
                asyncio.get_running_loop().call_soon(each._told, list(words))

    def _told(self, words: Sequence[str]) -> None:
        with suppress(StoreError):  # it is closed, or its process has died
            self._check()
            self._call(words)

    async def mark(self) -> int:
        """How often something was put."""
        self._check()
        return self._marks[0]


def _now() -> float:
    return asyncio.get_running_loop().time()
