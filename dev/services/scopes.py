"""Servers that belong together: those of `make services`, or those of one run of the tests.

A scope is a folder. What runs in it can be read from it by any process, and ended by any: the one
that started a server need not live as long. A scope with an owner is swept once the owner is gone.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dev.services import choosing, compose
from dev.services.given import given
from dev.services.installing import alone
from dev.services.processes import Process
from dev.services.server import LOOPBACK, RECORD, Server, Unavailable, forget

ROOT = Path(__file__).parents[2] / ".services"
SHARED = "up"
_OWNER = "owner.json"


@dataclass(frozen=True)
class Running:
    """A server that can be used: its URL, and by what way it was had (`given` by a URL)."""

    kind: str
    url: str
    how: str


@dataclass(frozen=True)
class Scope:
    """The servers of one name, below `root`."""

    name: str
    root: Path = ROOT

    @property
    def folder(self) -> Path:
        return self.root / "scopes" / self.name

    def own(self, owner: Process) -> None:
        """Say whose scope this is: when he has ended, `sweep` may end what is left of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _OWNER).write_text(json.dumps([owner.pid, owner.born]), "utf-8")

    def ensure(
        self, kind: str, *, durable: bool = True, environment: Mapping[str, str] = os.environ
    ) -> Running:
        """Give the server of this kind, started now if it does not run; raise Unavailable.

        A URL in the environment comes first, and raises WrongUrl if it leads nowhere. Of several
        processes that ask at once, one starts it; in a
        scope with an owner, one that failed is not tried again.
        """
        if url := given(kind, environment):
            return Running(kind, url, "given")
        refused = self.folder / f"{kind}.refused"
        with alone(self.folder / f"{kind}.lock"):
            if refused.exists():
                raise Unavailable(refused.read_text("utf-8"))
            if (known := self.find(kind)) is not None:
                return known
            try:
                server = choosing.start(kind, self._free(kind), self.root, durable=durable)
            except Unavailable as error:
                if (self.folder / _OWNER).exists():
                    refused.write_text(str(error), "utf-8")
                raise
        return Running(kind, server.url, server.how)

    def another(self, kind: str, *, host: str = LOOPBACK) -> Server:
        """Start one more, for somebody who will stop, kill and restart it; raise Unavailable."""
        folder = self._free(f"{kind}-own")
        return choosing.start(kind, folder, self.root, durable=False, restarts=True, host=host)

    def find(self, kind: str) -> Running | None:
        """The server of this kind, if it runs here."""
        record = _read(self.folder / kind)
        if record is None or not _alive(record):
            return None
        return Running(kind, str(record["url"]), str(record["how"]))

    def running(self) -> list[Running]:
        """All that runs here, in the order of their kinds."""
        return [known for kind in choosing.KINDS if (known := self.find(kind)) is not None]

    def down(self) -> int:
        """End every process of this scope and forget its data; give how many servers there were."""
        ended = 0
        for folder in sorted(self.folder.glob("*/")):
            ended += _end(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        return ended

    def _free(self, name: str) -> Path:
        """A folder of this name that nobody has yet, without what a dead server left in it."""
        if not name.endswith("-own"):
            _end(self.folder / name)
            return self.folder / name
        number = 1
        while True:
            folder = self.folder / f"{name}-{os.getpid()}-{number}"
            with suppress(FileExistsError):
                folder.mkdir(parents=True)
                return folder
            number += 1


def sweep(root: Path = ROOT) -> int:
    """End the scopes whose owners ended without doing so; give how many servers that were."""
    ended = 0
    for note in sorted((root / "scopes").glob(f"*/{_OWNER}")):
        with suppress(OSError, ValueError):
            pid, born = json.loads(note.read_text("utf-8"))
            if not Process(pid, born).alive:
                ended += Scope(note.parent.name, root).down()
    return ended


def _end(folder: Path) -> bool:
    """End what runs in a server's folder and remove it; whether there was a server."""
    record = _read(folder)
    if record is not None:
        for one in reversed(_processes(record)):
            one.kill()
        if record.get("project"):
            compose.remove(str(record["project"]))
    forget(folder)
    return record is not None


def _read(folder: Path) -> dict[str, object] | None:
    with suppress(OSError, ValueError):
        return json.loads((folder / RECORD).read_text("utf-8"))
    return None


def _processes(record: dict[str, object]) -> list[Process]:
    listed = record["processes"]
    return [Process(pid, born) for pid, born in listed] if isinstance(listed, list) else []


def _alive(record: dict[str, object]) -> bool:
    if record.get("project"):
        return True
    processes = _processes(record)
    return bool(processes) and all(one.alive for one in processes)
