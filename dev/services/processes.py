"""Processes that outlive whoever started them, and are found again by id and time of birth.

A process id alone may have passed to somebody else by the time it is used; together with the
moment the process began it names one process. Everything here waits for a bounded time.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GENTLY_S = 15.0
SURELY_S = 10.0
_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process: its id, and the kernel's word for when it began ("" where none is to be had)."""

    pid: int
    born: str

    @property
    def alive(self) -> bool:
        """Whether any of it still runs; one that ended and waits to be buried does not."""
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        if not _PROC.exists():
            return _answers(self.pid)
        state = _state(self.pid)
        return state is not None and state[2] == self.born and not _is_husk(self.pid, state[0])

    def stop(self, *, gently_s: float = GENTLY_S, by: int = signal.SIGTERM) -> None:
        """Ask it to end, wait up to `gently_s` seconds, then end it and what it started."""
        if self.alive:
            os.kill(self.pid, by)
            wait(lambda: not self.alive, gently_s)
        self.kill()

    def kill(self) -> None:
        """End it and all that descends from it, at once; return when they are gone."""
        family = [self, *descendants(self.pid)] if self.alive else []
        for one in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        if not wait(lambda: not any(one.alive for one in family), SURELY_S):
            raise TimeoutError(f"process {self.pid} or a child of it does not end")


def me() -> Process:
    """This process."""
    return process(os.getpid())


def process(pid: int) -> Process:
    """The process that has this id now."""
    state = _state(pid)
    return Process(pid, state[2] if state else "")


def descendants(pid: int) -> list[Process]:
    """The children of a process, their children, and so on, as they are at this moment."""
    children: dict[int, list[Process]] = {}
    for other in _pids():
        if (state := _state(other)) is not None:
            children.setdefault(state[1], []).append(Process(other, state[2]))
    found: list[Process] = []
    ahead = [pid]
    while ahead:
        here = children.get(ahead.pop(), [])
        found += here
        ahead += [one.pid for one in here]
    return found


def start(
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> Process:
    """Start a program in a session of its own, its output appended to `log`; do not wait for it.

    Only root may name another user to run it as.
    """
    group = _group(user)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=[] if user else None,
        )
    child.returncode = 0  # whoever asks `alive` buries it; Popen need not warn that it still runs
    return process(child.pid)


def run(
    command: Sequence[str | Path],
    *,
    timeout_s: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> str:
    """Run a program to its end and give what it printed; raise OSError with its last lines."""
    group = _group(user)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=[] if user else None,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"{command[0]} did not end within {timeout_s:.0f} s") from None
    if done.returncode:
        raise OSError(f"{command[0]} ended with {done.returncode}: {last_words(done.stdout)}")
    return done.stdout


def last_words(text: str) -> str:
    """The last three lines that say something, on one line."""
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-3:])


def user_group(user: str) -> int:
    """The id of a user's own group."""
    import pwd

    return pwd.getpwnam(user).pw_gid


def _group(user: str | None) -> int | None:
    return user_group(user) if user else None


def _pids() -> Iterator[int]:
    if _PROC.exists():
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _state(pid: int) -> tuple[str, int, str] | None:
    """State letter, parent and time of birth (in ticks since boot), or None if there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return fields[0], int(fields[1]), fields[19]


def _is_husk(pid: int, letter: str) -> bool:
    """Whether it has ended and is not buried yet; with threads that still run it has not ended."""
    try:
        return letter in "ZX" and len(os.listdir(_PROC / str(pid) / "task")) < 2
    except OSError:
        return True


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def wait(done: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until this holds, at most so long; give whether it does."""
    until = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
