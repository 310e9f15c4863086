"""Where what stands in the bus's folder: logs, offsets of groups without a ledger, bells."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

SUFFIX: Final = ".db"
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-.")
_RACY_NS: Final = 1_000_000_000  # a folder may change twice in one tick of its clock


def file_name(name: str) -> str:
    """A name as a file's: what is not plain is written as bytes, so that no two names meet."""
    found = "".join(
        each if each in _PLAIN else "".join(f"%{byte:02x}" for byte in each.encode())
        for each in name
    )
    return "%2e" + found[1:] if found.startswith(".") else found


class Folder:
    """The folder of a bus; `make` it before anything is put there."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.groups = self.path / "groups"
        self.bells = self.path / "bells"
        self.topics = self.path / "topics"

    def make(self) -> None:
        """See that all is there. OSError."""
        for path in (self.path, self.groups, self.bells):
            path.mkdir(parents=True, exist_ok=True)

    def log(self, name: str) -> Path:
        """The log of a process: its ledger, if it has one."""
        return self.path / (file_name(name) + SUFFIX)

    def group(self, name: str) -> Path:
        """How far a group without a ledger has come."""
        return self.groups / (file_name(name) + SUFFIX)


class Listing:
    """The names in a folder that end in a suffix, read again only when the folder has changed."""

    def __init__(self, path: Path, suffix: str) -> None:
        self.reads = 0
        self._path = path
        self._suffix = suffix
        self._changed_ns = -1
        self._names: list[str] = []

    def names(self) -> list[str]:
        """The names now, without the suffix. OSError."""
        changed_ns = os.stat(self._path).st_mtime_ns
        if changed_ns != self._changed_ns:
            self.reads += 1
            found = (each.name for each in os.scandir(self._path))
            names = [each.removesuffix(self._suffix) for each in found if self._fits(each)]
            self._names = sorted(names)
            racy = time.time_ns() - changed_ns < _RACY_NS
            self._changed_ns = -1 if racy else changed_ns
        return self._names

    def _fits(self, name: str) -> bool:
        return name.endswith(self._suffix)
