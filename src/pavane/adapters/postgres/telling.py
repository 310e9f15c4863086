"""What members of a PostgreSQL store tell each other: LISTEN and NOTIFY, on their own connection.

Not in the commits themselves: PostgreSQL lets one transaction at a time end that notifies, of all
databases of the server, and those that write wait for the disk meanwhile. Here words are sent
behind the commits, by a transaction that writes nothing; while it is under way more are gathered.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, cast

import msgspec

from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres.connection import Connection, connect
from pavane.adapters.postgres.counters import PostgresCounters
from pavane.adapters.postgres.place import Place
from pavane.ports.members import MISSED

_LOG = logging.getLogger("pavane.postgres")

_BYTES_MOST: Final = 7000  # of one notification; the server takes less than 8000
_WORDS_MOST: Final = 2000  # that wait to be told; beyond, everything may have happened
_ANSWER_S: Final = 5.0  # within which the server answers
_SILENCE_S: Final = 10.0  # after which it is asked whether it is still there
_PAUSE_S: Final = (0.1, 5.0)  # between tries to connect: the first, and the longest

_encode = msgspec.json.Encoder().encode


class Telling:
    """The words of one store, to others and from them."""

    def __init__(self, place: Place, counters: PostgresCounters) -> None:
        self._place = place
        self._counters = counters
        # As the trigger names it; no secret.
        self._channel = "pavane_" + hashlib.md5(place.schema.encode()).hexdigest()
        self._name = secrets.token_hex(8)
        self._words: dict[str, None] = {}
        self._some = asyncio.Event()
        self._call: Callable[[Sequence[str]], None]
        self._connection: Connection | None = None
        self._running: asyncio.Task[None] | None = None

    async def hear(self, call: Callable[[Sequence[str]], None]) -> bool:
        """As `Members.hear`: from when this returns, if the server can be reached."""
        if not self._place.listens:
            return False
        self._call = call
        connected = asyncio.get_running_loop().create_future()
        self._running = asyncio.get_running_loop().create_task(self._run(connected))
        await connected
        return True

    def tell(self, words: Collection[str]) -> None:
        """As `Members.tell`; without a connection nobody is told."""
        if self._connection is None:
            return
        self._words.update(dict.fromkeys(words))
        if len(self._words) > _WORDS_MOST:
            self._words = {MISSED: None}
        self._some.set()

    async def close(self) -> None:
        """Hear and tell nothing more."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    def abandon(self) -> None:
        """Let go at once, as a process that dies. For tests."""
        if self._running is not None:
            self._running.cancel()
        if self._connection is not None:
            self._connection.terminate()

    def pids(self) -> list[int]:
        """The server's process behind the connection. For tests."""
        return [self._connection.get_server_pid()] if self._connection is not None else []

    async def _run(self, connected: asyncio.Future[None]) -> None:
        pause_s = _PAUSE_S[0]
        while True:
            connection: Connection | None = None
            try:
                connection = await connect(self._place, _ANSWER_S)
                cast(Any, connection).add_termination_listener(self._gone)
                await cast(Any, connection).add_listener(self._channel, self._heard)
                self._connection, pause_s = connection, _PAUSE_S[0]
                if connected.done():
                    self._call([MISSED])
                else:
                    connected.set_result(None)
                await self._serve(connection)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                _LOG.warning("nodes tell each other nothing for now, and look instead: %s", error)
            finally:
                self._connection = None
                self._words.clear()
                if connection is not None:
                    connection.terminate()
                if not connected.done():
                    connected.set_result(None)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_S[1])

    def _gone(self, *_: object) -> None:
        self._some.set()

    async def _serve(self, connection: Connection) -> None:
        """Tell what there is to be told, until the connection ends."""
        while not connection.is_closed():
            self._some.clear()
            if words := self._next():
                self._counters.tellings += 1
                await connection.fetch(q.TELL, self._channel, words)
                continue
            try:
                async with asyncio.timeout(_SILENCE_S):
                    await self._some.wait()
            except TimeoutError:
                await connection.execute(q.ARE_YOU_THERE)

    def _next(self) -> str:
        """As many words as one notification takes, with our name in front; "" for none."""
        if not self._words:
            return ""
        said, size = [self._name], 0
        for word in list(self._words):
            size += len(_encode(word)) + 1
            if size > _BYTES_MOST and len(said) > 1:
                break
            said.append(word)
            del self._words[word]
        return _encode(said).decode()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        try:
            name, *words = msgspec.json.decode(payload, type=list[str])
        except (msgspec.DecodeError, ValueError):
            return  # not one of ours
        if name != self._name:
            self._call(words)
