"""Runs `pavane` as a process of its own: to its end, or in the background until it says so."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 150.0  # far more than any needs, also on a busy machine
SHOP = Path(__file__).parents[3] / "examples" / "shop" / "shop.py"


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAVANE_")}
    return {**kept, "PYTHONUNBUFFERED": "1", "COLUMNS": "100", **more}


def pavane(
    folder: Path, *arguments: str, input: str | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "pavane", *arguments],
        cwd=folder,
        env=environment(**env),
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def done(folder: Path, *arguments: str, input: str | None = None, **env: str) -> str:
    """Run a command that must succeed; what it printed on stdout."""
    ended = pavane(folder, *arguments, input=input, **env)
    assert ended.returncode == 0, f"{arguments} exit {ended.returncode}:\n{ended.stderr}"
    return ended.stdout.strip()


def refused(folder: Path, code: int, *arguments: str, **env: str) -> str:
    """Run a command that must end with this code; what it said on stderr, in two lines or so."""
    ended = pavane(folder, *arguments, **env)
    assert ended.returncode == code, f"{arguments} exit {ended.returncode}:\n{ended.stderr}"
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr
    return ended.stderr


@dataclass
class Background:
    """A process that goes on until it is stopped; what it prints goes to a file."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in its output."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            if match := re.search(pattern, self.text):
                return match
            assert self.process.poll() is None, f"ended early:\n{self.text}"
            time.sleep(0.02)
        raise AssertionError(f"{pattern!r} did not come:\n{self.text}")

    @property
    def url(self) -> str:
        """Where it answers, once it does."""
        return self.wait_for(r"[Aa]nswers at (http://[\d.]+:\d+)")[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)


@contextmanager
def background(folder: Path, *arguments: str, **env: str) -> Iterator[Background]:
    """Run a command in the background; it is gone at the end."""
    output = folder / f"output-{time.monotonic_ns()}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pavane", *arguments],
            cwd=folder,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Background(process, output)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
