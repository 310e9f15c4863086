"""Datagrams that say whose log has grown: a hint to look at once, never the news itself.

Each process has a socket in the folder. A ring that is lost (nobody listens, a queue is full)
costs time and no event: everybody looks by himself now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pavane.adapters.embedded.counters import EmbeddedCounters
from pavane.adapters.embedded.folder import Listing

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
        name: str,
        counters: EmbeddedCounters,
        heard: Callable[[set[str] | None], None],
    ) -> None:
        self._folder = folder
        self._name = name
        self._counters = counters
        self._heard = heard
        self._others = Listing(folder, _SUFFIX)
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
                (self._folder / (self._name + _SUFFIX)).unlink(missing_ok=True)
        if self._by is not None:
            os.close(self._by)
            self._by = None

    def ring(self, name: str) -> None:
        """Tell all others that this log has grown."""
        if self._socket is None:
            return
        try:
            others = self._others.names()
        except OSError:
            return
        for other in others:
            if other != self._name:
                self._ring(other, name.encode())

    def _ring(self, other: str, told: bytes) -> None:
        assert self._socket is not None
        self._counters.rings += 1
        try:
            self._socket.sendto(told, self._address(other))
        except ConnectionRefusedError:  # its process has died
            with contextlib.suppress(OSError):
                (self._folder / (other + _SUFFIX)).unlink()
        except OSError:
            pass  # it has gone, or has not listened to many rings yet

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
