"""A terminal as the tutorial needs it: a shell that is typed into, read from and interrupted."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LIMIT_S = 150.0  # far more than anything needs, also on a busy machine
_QUIET_S = 0.05


class Terminal:
    """A bash with jobs of its own, so that an interrupt reaches what runs and not the shell."""

    def __init__(self, folder: Path) -> None:
        ours = ("PAVANE_", "PYTEST_", "MAKE", "MFLAGS", "ARGS", "VIRTUAL_ENV", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            # What is shown in a terminal is shown at once.
            env={**kept, "PYTHONUNBUFFERED": "1", "COLUMNS": "100"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._said = b""
        self._read = 0
        self._marks = 0
        threading.Thread(target=self._listen, daemon=True).start()
        # Jobs get groups of their own; one that dies of an interrupt does not take the shell along.
        self._write("set -m; trap : INT\n")

    def type(self, command: str) -> None:
        """Type a line; a mark behind it says when the shell is free again."""
        self._marks += 1
        self._write(f"{command}\nprintf '@%s@\\n' {self._marks}\n")

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT to what the shell runs, or is about to run."""
        while not self._children() and not self._free:
            time.sleep(_QUIET_S)
        for child in self._children():
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(child, signal.SIGINT)

    def read(self, enough: Callable[[str], bool], *, to_the_end: bool = False) -> str | None:
        """What was said since the last time, once it is enough; None if it never is.

        `to_the_end`: and once the shell is free again. Otherwise what runs is left to itself.
        """
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            end, text = len(self._said), self.unread
            free = self._free
            if enough(text) and (free or not to_the_end):
                self._read = end
                return text
            if (free or self._shell.poll() is not None) and len(self._said) == end:
                return None  # nothing runs that could say more
            time.sleep(_QUIET_S)
        return None

    @property
    def unread(self) -> str:
        """What was said since the last time, without our marks."""
        text = self._said[self._read :].decode(errors="replace")
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if not _is_mark(line))

    def close(self) -> None:
        """End what still runs here, and the shell."""
        for child in self._children():
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        self._shell.kill()
        self._shell.wait()

    @property
    def _free(self) -> bool:
        return f"@{self._marks}@\n".encode() in self._said

    def _children(self) -> list[int]:
        found = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        )
        pairs = (map(int, line.split()) for line in found.stdout.splitlines())
        return [pid for pid, parent in pairs if parent == self._shell.pid]

    def _write(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text.encode())
        self._shell.stdin.flush()

    def _listen(self) -> None:
        assert self._shell.stdout is not None
        while chunk := os.read(self._shell.stdout.fileno(), 65_536):
            self._said += chunk


def _is_mark(line: str) -> bool:
    return line.startswith("@") and line.rstrip("\n").endswith("@")
