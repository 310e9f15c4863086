"""Keepers of members that break one promise each, and are right otherwise."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pavane.adapters.memory.members import MemoryMembers
from pavane.adapters.memory.store import MemoryStore


@dataclass
class With:
    """A store with members of this kind."""

    kind: type[MemoryMembers]

    def build(self) -> MemoryStore:
        store = MemoryStore(shared=True)
        store.members = self.kind(store._check_open)
        return store


class Immortal(MemoryMembers):
    """1, alive: whoever has beaten once stays."""

    async def alive(self) -> dict[str, bytes]:
        self._check()
        return {name: said for name, (_, said) in sorted(self._members.items())}


class Deaf(MemoryMembers):
    """1, alive: what was said first stays said."""

    async def beat(self, beats: Mapping[str, bytes], lease_ms: int) -> set[str]:
        kept = {name: self._members[name][1] for name in beats if name in self._members}
        return await super().beat({**beats, **kept}, lease_ms)


class Trackless(MemoryMembers):
    """2, lapsed: those who lapsed are forgotten with the process that beat for them."""

    def moved(self, check) -> MemoryMembers:
        new = super().moved(check)
        now = asyncio.get_running_loop().time()
        new._members = {name: each for name, each in self._members.items() if each[0] > now}
        return new


class Hasty(MemoryMembers):
    """3, buried: buries who has beaten again meanwhile."""

    async def bury(self, names: Collection[str]) -> None:
        await self.leave(names)


class Generous(MemoryMembers):
    """4, held: gives a duty to whoever asks last."""

    async def hold(self, duties: Collection[str], holder: str, lease_ms: int) -> set[str]:
        for duty in duties:
            self._duties.pop(duty, None)
        return await super().hold(duties, holder, lease_ms)


class Feudal(MemoryMembers):
    """4, held: a duty is its holder's for good."""

    async def hold(self, duties: Collection[str], holder: str, lease_ms: int) -> set[str]:
        free = [duty for duty in duties if self._duties.get(duty, (0, holder))[1] == holder]
        return await super().hold(free, holder, lease_ms)


class Skewed(MemoryMembers):
    """5, measured: each process looks at its own clock, and they differ by an hour."""

    ahead_s = 0.0

    def moved(self, check) -> MemoryMembers:
        new = super().moved(check)
        assert isinstance(new, Skewed)
        new.ahead_s = self.ahead_s + 3600
        return new

    async def alive(self) -> dict[str, bytes]:
        now = asyncio.get_running_loop().time() + self.ahead_s
        return {name: said for name, (until, said) in self._members.items() if until > now}


class Unmarked(MemoryMembers):
    """6, marked: what others put is not marked."""

    def moved(self, check) -> MemoryMembers:
        new = super().moved(check)
        new._marks = list(self._marks)
        return new


class Forgetful(MemoryMembers):
    """7, heard: tells one word of many."""

    def tell(self, words: Collection[str]) -> None:
        super().tell([word for word in words if len(word) % 2])


class Vain(MemoryMembers):
    """7, heard: hears itself."""

    def tell(self, words: Collection[str]) -> None:
        super().tell(words)
        self._told(list(words))
