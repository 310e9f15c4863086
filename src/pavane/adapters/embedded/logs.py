"""All logs of a folder, each with a tail; new ones are noticed, and those that begin anew."""

from __future__ import annotations

from collections.abc import Collection

from pavane.adapters.embedded.counters import EmbeddedCounters
from pavane.adapters.embedded.folder import SUFFIX, Folder, Listing
from pavane.adapters.embedded.tail import Tail


class Logs:
    """What a connection reads from."""

    def __init__(self, folder: Folder, counters: EmbeddedCounters) -> None:
        self._folder = folder
        self._counters = counters
        self._files = Listing(folder.path, SUFFIX)
        self._tails: dict[str, Tail] = {}  # by file name

    @property
    def tails(self) -> Collection[Tail]:
        """Every log, also what cannot be read yet."""
        return self._tails.values()

    def knows(self, names: Collection[str]) -> bool:
        """Whether all of these can be read already."""
        return all(name in self._tails and self._tails[name].known for name in names)

    def refresh(self, names: Collection[str]) -> bool:
        """Look at these; whether one of them has grown."""
        grown = [self._tails[name].refresh() for name in names]
        return any(grown)

    def look(self) -> bool:
        """Look at the folder and at everything in it; whether something has grown. OSError."""
        names = self._files.names()
        self._counters.listings = self._files.reads
        for name in names:
            if name not in self._tails:
                self._tails[name] = self._tail(name)
        for name in self._tails.keys() - set(names):
            self._tails.pop(name).close()
        grown = [self._refresh_fully(name) for name in names]
        return any(grown)

    def _refresh_fully(self, name: str) -> bool:
        grown = self._tails[name].refresh(fully=True)
        if self._tails[name].gone:
            self._tails[name] = self._tail(name)
            grown = self._tails[name].refresh()
        return grown

    def _tail(self, name: str) -> Tail:
        return Tail(self._folder.path / (name + SUFFIX), self._counters)

    def close(self) -> None:
        """Let go of every file."""
        for tail in self._tails.values():
            tail.close()
        self._tails.clear()
