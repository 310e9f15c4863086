"""The processes of one side: started, waited for, their CPU time read, and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from bench.server import is_ready

PATIENCE_S = 60.0
GRACE_S = 15.0
LOOK_S = 0.02
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Part:
    """A process of a side; what it prints goes to a file."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    def cpu_s(self) -> float:
        """Seconds of CPU since it began, by itself and by children that are at work for it."""
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))

    def wait_for(self, words: str) -> None:
        """Until it has printed the words. RuntimeError when it ends or the time is up."""
        until = time.monotonic() + PATIENCE_S
        while words not in self._output.read_text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"no {words!r} in what it said:\n{self._output.read_text()}")
            time.sleep(LOOK_S)

    def wait_for_port(self, port: int) -> None:
        """Until /health answers there."""
        until = time.monotonic() + PATIENCE_S
        while not is_ready(port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"nothing at port {port}:\n{self._output.read_text()}")
            time.sleep(LOOK_S)


@contextmanager
def part(
    folder: Path, *command: str, env: Mapping[str, str] | None = None, grace_s: float = GRACE_S
) -> Iterator[Part]:
    """Run a command for as long as the context lasts; its working folder is this one's.

    It gets a session of its own, so that what it started itself is found and ends with it.
    """
    output = folder / f"output-{time.monotonic_ns()}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Part(process, output)
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):  # all of it has ended
                os.killpg(process.pid, sign)
            if _has_ended(process, grace_s):
                break


def _has_ended(process: subprocess.Popen[bytes], patience_s: float) -> bool:
    """Whether nothing of its group is left, after so long at most."""
    until = time.monotonic() + patience_s
    while process.poll() is None or _is_there(process.pid):
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_S)
    return True


def _is_there(group: int) -> bool:
    """Whether a process of the group is at work; a dead one may never be buried by its parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def module(folder: Path, name: str, *arguments: str) -> AbstractContextManager[Part]:
    """A part that is a Python module."""
    return part(folder, sys.executable, "-m", name, *arguments)


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:  # grows while it is read
        try:
            children = Path(f"/proc/{each}/task/{each}/children").read_text()
        except FileNotFoundError:
            continue
        found += [int(child) for child in children.split()]
    return found


def _cpu_s(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * _TICK_S
