"""Datagrams that say whose log has grown: a hint to look at once, never the news itself.

Each process has a socket in the folder; its name stands in a folder of each topic that it takes, so
that nobody is woken for what is nothing to him. A ring that is lost (nobody listens, a
queue is full) costs time and no event: everybody looks by himself now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from pavane.adapters.embedded.counters import EmbeddedCounters
from pavane.adapters.embedded.folder import Listing, file_name

_SUFFIX: Final = ".bell"
_LONGEST: Final = 100  # bytes of a socket's address, on the systems that allow the fewest
_MANY: Final = 10  # rings at once: some may have found no room (Linux queues so many)


class Doorbell:
    """One process's bell, and the way to everybody else's.

    `heard` is told the names that were rung, None where some may be missing.
    """

    def __init__(
        self,
        folder: Path,
        topics: Path,
        name: str,
        counters: EmbeddedCounters,
        heard: Callable[[set[str] | None], None],
    ) -> None:
        self._folder = folder
        self._topics = topics
        self._name = name
        self._counters = counters
        self._heard = heard
        self._others = Listing(folder, _SUFFIX)
        self._takers: dict[str, Listing] = {}  # by topic
        self._wanted: set[str] = set()
        self._socket: socket.socket | None = None
        self._by: int | None = None  # the folder, opened to shorten its name
        self._prefix = str(folder)

    @property
    def works(self) -> bool:
        """Whether this process can be rung."""
        return self._socket is not None

    def open(self) -> None:
        """Hang up the bell; where that cannot be done, nobody rings."""
        if (
            len(os.fsencode(self._address(self._name))) > _LONGEST
            and Path("/proc/self/fd").is_dir()
        ):
            self._by = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            self._prefix = f"/proc/self/fd/{self._by}"
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.setblocking(False)
        try:
            bell.bind(self._address(self._name))
        except OSError:  # too long a name, or a file system without sockets
            bell.close()
            return
        self._socket = bell
        asyncio.get_running_loop().add_reader(bell, self._hear)

    def close(self, *, tidy: bool = True) -> None:
        """Take it down; not tidily when the process is thought dead."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            if tidy:
                self._take_down(self._name, self._wanted)
        self._wanted = set()
        if self._by is not None:
            os.close(self._by)
            self._by = None

    def want(self, topics: Iterable[str]) -> None:
        """Be rung for these from now on. To be called before one looks what is there."""
        if self._socket is None:
            return
        for topic in set(topics) - self._wanted:
            self._wanted.add(topic)
            with contextlib.suppress(OSError):  # as if its rings were lost
                place = self._place(topic)
                place.mkdir(parents=True, exist_ok=True)
                (place / self._name).touch()

    def wants(self, topics: Iterable[str] | None) -> bool:
        """Whether one of these was asked for; where there is no bell, anything may have been."""
        return topics is None or self._socket is None or not self._wanted.isdisjoint(topics)

    def ring(self, name: str, topics: Iterable[str] | None = None) -> None:
        """Tell all others that this log has grown; those who take one of these topics, if given."""
        if self._socket is None:
            return
        topics = None if topics is None else list(topics)
        try:
            others = self._others.names() if topics is None else self._who_take(topics)
        except OSError:
            return
        for other in others:
            if other != self._name:
                self._ring(other, name.encode(), topics or ())

    def _who_take(self, topics: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for topic in topics:
            takers = self._takers.get(topic)
            if takers is None:
                takers = self._takers[topic] = Listing(self._place(topic), "")
            try:
                found.update(takers.names())
            except FileNotFoundError:  # nobody has ever taken it
                continue
            except OSError:  # its name is too long for a folder
                found.update(self._others.names())
        return found

    def _ring(self, other: str, told: bytes, topics: Iterable[str]) -> None:
        assert self._socket is not None
        self._counters.rings += 1
        try:
            self._socket.sendto(told, self._address(other))
        except (ConnectionRefusedError, FileNotFoundError):  # its process has died
            self._take_down(other, topics)
        except OSError:
            pass  # it has not listened to many rings yet

    def _take_down(self, name: str, topics: Iterable[str]) -> None:
        bell = self._folder / (name + _SUFFIX)
        for path in (bell, *(self._place(topic) / name for topic in topics)):
            with contextlib.suppress(OSError):
                path.unlink()

    def _place(self, topic: str) -> Path:
        return self._topics / file_name(topic)

    def _address(self, name: str) -> str:
        return f"{self._prefix}/{name}{_SUFFIX}"

    def _hear(self) -> None:
        assert self._socket is not None
        names: set[str] = set()
        count = 0
        while count < 10 * _MANY:
            try:
                names.add(self._socket.recv(4096).decode(errors="replace"))
            except OSError:
                break
            count += 1
        self._counters.rung += count
        self._heard(names if count < _MANY else None)
