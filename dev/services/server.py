"""What every server here can do: start, stop, be killed, start again; and where its things are.

A server owns one folder: its data, its log, and `server.json`, which names its processes from the
moment they exist, so that whoever finds the folder can end them (`remains.py`).
"""

import contextlib
import json
import os
import shutil
import socket
import stat
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from dev.services.greetings import NotReady, greet
from dev.services.processes import Process, user_group

RECORD = "server.json"
LOOPBACK = "127.0.0.1"
NOBODY = "nobody"
ELSEWHERE = "pavane-server-"
_TRIES = 3


class Unavailable(Exception):
    """This kind of server cannot be had here; the text says what was tried."""


class Ended(Unavailable):
    """It ended by itself while it was starting."""


class Server(ABC):
    """One server of one kind, on loopback, in a folder of its own.

    `start` returns when clients can use it and raises Unavailable when it does not come up within
    `ready_s` seconds; `stop` is graceful and `kill` is not; both return when its processes are
    gone and both leave its data, so that `start` brings it back at the same `url`.
    """

    kind: str
    ready_s: ClassVar[float] = 60.0
    how = "program"  # by what way it was had: program, wheel, jars, mock or compose
    can_restart = True
    project = ""  # the Compose project that it runs in, if it does

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.host = LOOPBACK
        self.port = 0
        self._processes: list[Process] = []
        self._prepared = False

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it."""

    @abstractmethod
    def _prepare(self) -> None:
        """Choose ports and lay out the data, before the first start."""

    @abstractmethod
    def _launch(self) -> None:
        """Start the processes and `_keep` each at once."""

    def start(self) -> None:
        for last in (*[False] * (_TRIES - 1), True):
            fresh = not self._prepared
            if fresh:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._prepare()
                self._prepared = True
            try:
                self._launch()
                return self._until_ready()
            except Unavailable as error:
                self.kill()
                # A port that was free may have been taken since: choose again, the first time.
                if not fresh or last or not isinstance(error, Ended):
                    raise
                self.discard()
                self._prepared = False
        return None

    def stop(self) -> None:
        for one in reversed(self._processes):
            one.stop()
        self._processes = []
        self._record()

    def kill(self) -> None:
        for one in reversed(self._processes):
            one.kill()
        self._processes = []
        self._record()

    def restart(self) -> None:
        """Stop it and start it again, at the same address with the same data."""
        self.stop()
        self.start()

    def discard(self) -> None:
        """Stop it, at once, and forget its data."""
        self.kill()
        forget(self.folder)

    @property
    def alive(self) -> bool:
        """Whether all its processes run."""
        return bool(self._processes) and all(one.alive for one in self._processes)

    @property
    def processes(self) -> tuple[Process, ...]:
        return tuple(self._processes)

    def _keep(self, started: Process) -> Process:
        self._processes.append(started)
        self._record()
        return started

    def _until_ready(self) -> None:
        until = time.monotonic() + self.ready_s
        while True:
            try:
                return greet(self.kind, self.host, self.port)
            except NotReady as error:
                if time.monotonic() > until:
                    late = f"is not ready after {self.ready_s:.0f} s ({error})"
                    raise self._lost(Unavailable, late) from None
            if not self.alive:
                raise self._lost(Ended, "ended while it was starting")
            time.sleep(0.1)

    def _lost(self, error: type[Unavailable], what: str) -> Unavailable:
        words = ""
        with contextlib.suppress(OSError):
            words = " | ".join(
                (self.folder / "log").read_text("utf-8", "replace").splitlines()[-3:]
            )
        return error(f"{self.kind} {what}; its last words: {words or 'none'}")

    def _record(self) -> None:
        if not self.folder.exists():
            return
        known = {
            "kind": self.kind,
            "how": self.how,
            "url": self.url,
            "project": self.project,
            "processes": [[one.pid, one.born] for one in self._processes],
        }
        fresh = self.folder / (RECORD + ".new")
        fresh.write_text(json.dumps(known), "utf-8")
        fresh.replace(self.folder / RECORD)


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def unprivileged() -> str | None:
    """Whom a server runs as: root hands it to nobody, anybody else runs it."""
    return NOBODY if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def hand_over(folder: Path) -> Path:
    """Give a new folder to whom servers run as, and say where it is: elsewhere if he cannot get in.

    A clone below root's own home is closed to everybody else; then the data lies in the system's
    folder for temporary files, and a link in `folder` leads there.
    """
    user = unprivileged()
    if user is None:
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    open_to_all = all(
        part.stat().st_mode & stat.S_IXOTH for part in folder.absolute().parents if part.exists()
    )
    if not open_to_all:
        elsewhere = Path(tempfile.mkdtemp(prefix=ELSEWHERE))
        folder.symlink_to(elsewhere)
        folder = elsewhere
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, user, user_group(user))
    return folder


def forget(folder: Path) -> None:
    """Remove a server's folder, and what it keeps elsewhere."""
    for entry in folder.glob("*") if folder.exists() else ():
        if entry.is_symlink() and (target := entry.resolve()).name.startswith(ELSEWHERE):
            shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
