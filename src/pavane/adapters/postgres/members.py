"""Members of a PostgreSQL store: tables beside the executions, by the server's clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres.keys import Fetch
from pavane.adapters.postgres.telling import Telling


class PostgresMembers:
    """One statement each, and a connection for what they tell each other."""

    def __init__(self, read: Fetch, write: Fetch, telling: Telling) -> None:
        self._read = read
        self._write = write
        self._telling = telling

    async def beat(self, beats: Mapping[str, bytes], lease_ms: int) -> set[str]:
        """These are alive for so long from now."""
        names = sorted(beats)  # in one order, so that nobody waits for each other
        rows = await self._write(q.BEAT, names, [beats[name] for name in names], lease_ms)
        return {row[0] for row in rows}

    async def leave(self, names: Collection[str]) -> None:
        """These are not members any more."""
        await self._write(q.LEAVE, sorted(names))

    async def alive(self) -> dict[str, bytes]:
        """Who is alive."""
        return {row[0]: row[1] for row in await self._read(q.ALIVE)}

    async def lapsed(self) -> list[str]:
        """Whose lease has run out."""
        return [row[0] for row in await self._read(q.LAPSED)]

    async def bury(self, names: Collection[str]) -> None:
        """Forget those of them that have lapsed."""
        await self._write(q.BURY, sorted(names))

    async def hold(self, duties: Collection[str], holder: str, lease_ms: int) -> set[str]:
        """Take duties that are free, renew one's own."""
        return {row[0] for row in await self._write(q.HOLD, sorted(duties), holder, lease_ms)}

    async def let_go(self, holder: str) -> None:
        """Give up all duties."""
        await self._write(q.LET_GO, holder)

    async def hear(self, call: Callable[[Sequence[str]], None]) -> bool:
        """Call it with what others tell."""
        return await self._telling.hear(call)

    def tell(self, words: Collection[str]) -> None:
        """Tell all others who hear."""
        self._telling.tell(words)

    async def mark(self) -> int:
        """How often something was put."""
        return (await self._read(q.MARK))[0][0]
