"""A process of a measurement leaves nothing behind that would be in the way of the next one."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from bench.workers.processes import part

CHILD = """
import signal, time
signal.signal(signal.SIGTERM, signal.{deaf})
print("child is deaf" if {deafness} else "child hears", flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", {child!r}]).pid, flush=True)
time.sleep(600)
"""


def is_at_work(pid: int) -> bool:
    """Dead ones may stay in the list until somebody buries them."""
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("deaf", [False, True])
def test_what_a_part_has_started_ends_with_it(tmp_path: Path, deaf: bool):
    """As the workers of a server do that is stopped, of which one may not listen."""
    child = CHILD.format(deaf="SIG_IGN" if deaf else "SIG_DFL", deafness=deaf)
    command = (sys.executable, "-c", PARENT.format(child=child))
    with part(tmp_path, *command, grace_s=1.0) as running:
        running.wait_for("child is deaf" if deaf else "child hears")
        (printed,) = tmp_path.glob("output-*")
        pid = int(printed.read_text().split()[0])
        assert is_at_work(pid)
        began = time.monotonic()
    assert not is_at_work(pid)
    assert running.process.returncode is not None
    assert (time.monotonic() - began >= 1.0) == deaf, "it is asked first, and killed then"
